"""Teachers that are trained as far as somebody wants them, and kept on disk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from leapbench.contract.checkpoints import Checkpoints, unreadable
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.envs.distill import loss
from leapbench.envs.distill.bank import LOOK, STATS, summary
from leapbench.envs.distill.deep.images import Images
from leapbench.envs.distill.deep.networks import Network
from leapbench.envs.distill.deep.run import TENSORS, Run, kept, looking, said
from leapbench.envs.distill.setup import Setup
from leapbench.tasks.distill.deep import probes
from leapbench.tasks.distill.deep.kinds import Kind, kind

RECORD, PROBES = "stats.json", "probes.json"
Tell = Callable[[str], None]


class Teachers:
    """The teachers of one instance.

    Args:
        setup: lengths and rates.
        images: what they are trained on.
        name: of their network.
        number: of the instance.
        folder: where they are kept.
        device: as torch names it.
        every: seconds between two saves of a training.

    Attributes:
        tell: called with a short line now and then.
        teacher: their network.
        pairs: the images, under the name that observations look for.
        stats: float32 (J, M, len(STATS)), 0 where a checkpoint is not there yet.
        probed: probes by slots, see `_Probed`.
    """

    def __init__(
        self,
        setup: Setup,
        images: Images,
        name: str,
        number: int,
        folder: Path,
        device: str,
        every: float,
    ) -> None:
        self.setup, self.pairs, self.name, self.number = setup, images, name, number
        self.folder, self.device, self.every = folder, device, every
        self.tell: Tell = lambda line: None
        self.teacher: Kind = kind(name, images.classes, images.side)
        self.stats = np.zeros((setup.trajectories, setup.checkpoints, len(STATS)), np.float32)
        self.probed = _Probed(self)
        self._networks: dict[int, Network] = {}
        self._shown: dict[int, Tensor] = {}

    def grow(self, slot: int) -> None:
        """Train a trajectory up to a checkpoint, if it is not there."""
        trajectory, place = divmod(slot, self.setup.checkpoints)
        root = self.folder / str(trajectory)
        if not (root / str(place) / RECORD).is_file():
            root.mkdir(parents=True, exist_ok=True)
            with FileLock(root / "lock"):
                self._train(trajectory, place, root)
        for m in range(place + 1):
            record = root / str(m) / RECORD
            try:
                self.stats[trajectory, m] = json.loads(record.read_text(encoding="utf-8"))
            except (OSError, ValueError, TypeError) as error:
                raise unreadable(record.parent, error) from error

    def _train(self, trajectory: int, place: int, root: Path) -> None:
        setup = self.setup
        each = max(1, len(self.pairs.labels) // setup.batch)
        length = setup.epochs // setup.checkpoints * each
        run = Run(
            self.name,
            self.pairs,
            (self.number, trajectory),
            setup.batch,
            length * setup.checkpoints,
            setup.teacher_rate,
            self.device,
        )
        saves, meter = self._resumed(run, root, length)
        written = time.monotonic()
        who = f"teacher {trajectory + 1}, {self.name}"
        while run.update < (place + 1) * length:
            value = run.step(lambda x, logits, y: F.cross_entropy(logits, y))
            epoch = (run.update - 1) // each + 1
            self.tell(f"{who}: epoch {epoch} of {setup.epochs}, loss {value:.3f}")
            if run.update % length == 0:
                self._keep(run, root / str(run.update // length - 1))
                written = time.monotonic()
            elif time.monotonic() - written >= self.every:
                meter.used = run.update
                saves.write(meter, run.save)
                written = time.monotonic()
        saves.clear()

    def _resumed(self, run: Run, root: Path, length: int) -> tuple[Checkpoints, Meter]:
        """Go on from the newest of what was saved; where to save from then on."""
        saves = Checkpoints(root / "saved")
        meter = Meter(Budget(unit="updates", limit=run.updates))
        there = [m for m in range(self.setup.checkpoints) if (root / str(m) / RECORD).is_file()]
        best: tuple[int, Path] | None = None
        if there:
            best = ((max(there) + 1) * length, root / str(max(there)))
        if saves.latest is not None and (best is None or int(saves.latest.name) > best[0]):
            best = (int(saves.latest.name), saves.latest)
        if best is not None:
            try:
                run.load(best[1], best[0])
            except (OSError, ValueError, KeyError, RuntimeError) as error:
                raise unreadable(best[1], error) from error
        return saves, meter

    def _keep(self, run: Run, folder: Path) -> None:
        """Write a checkpoint and what is shown of it, whole or not at all."""
        images = self.pairs
        slow = 0.5 * (1 + np.cos(np.pi * (run.update - 1) / run.updates))
        seen, held = (
            said(run.network, images, each, self.device)[None]
            for each in (images.train, images.validation)
        )
        (found,) = summary(seen, held, images.labels, images.validation_labels, float(slow))
        with TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as name:
            building = Path(name) / "whole"
            building.mkdir()
            run.save(building)
            (building / RECORD).write_text(json.dumps([float(x) for x in found]), encoding="utf-8")
            if not folder.exists():
                building.replace(folder)

    def network(self, slot: int) -> Network:
        """A checkpoint, in evaluation mode."""
        if slot not in self._networks:
            self.grow(slot)
            folder = self._at(slot)
            try:
                network = kept(self.name, self.pairs.classes, folder / TENSORS)
            except (OSError, ValueError, KeyError, RuntimeError) as error:
                raise unreadable(folder, error) from error
            self._networks[slot] = network.to(self.device)
        return self._networks[slot]

    def shown(self, slot: int) -> Tensor:
        """What a checkpoint says of the first validation images, log-probabilities (L, C)."""
        if slot not in self._shown:
            some = self.pairs.validation[:LOOK]
            answers = said(self.network(slot), self.pairs, some, self.device)
            self._shown[slot] = torch.log_softmax(answers, -1)
        return self._shown[slot]

    def targets(
        self, x: Tensor, weights: Sequence[float], tau: float, more: tuple[Network, float] | None
    ) -> Tensor:
        """Softened probabilities of a mixture for images as they are drawn, (B, C).

        Args:
            x: images (B, 3, H, W).
            weights: of each slot.
            tau: temperature.
            more: one more teacher, and its weight.
        """
        members = [(self.network(slot), w) for slot, w in enumerate(weights) if w > 0]
        members += [more] if more else []
        if not members:
            return torch.full((len(x), self.pairs.classes), 1 / self.pairs.classes, device=x.device)
        answers = []
        for network, _ in members:
            with looking(network):
                answers.append(network(x))
        form = loss.known(self.setup.form)
        return loss.mixture(answers, [w for _, w in members], tau, form)

    def probe(self, slot: int) -> list[float]:
        """Errors of decoder and linear probe of a checkpoint, measured once."""
        path = self._at(slot) / PROBES
        if not path.is_file():
            self.tell(f"probes of checkpoint {slot + 1}, {self.name}")
            found = probes.measure(self.network(slot), self.pairs, self.setup.batch, self.device)
            path.with_suffix(".new").write_text(json.dumps(found), encoding="utf-8")
            path.with_suffix(".new").replace(path)
        try:
            return [float(each) for each in json.loads(path.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError) as error:
            raise unreadable(path, error) from error

    def _at(self, slot: int) -> Path:
        trajectory, place = divmod(slot, self.setup.checkpoints)
        return self.folder / str(trajectory) / str(place)


class _Probed:
    """Reconstruction and classification error by slots; those that are asked for are measured."""

    def __init__(self, teachers: Teachers) -> None:
        self.teachers = teachers

    def __getitem__(self, slots: Any) -> NDArray[np.float32]:
        """(slots, 2)."""
        return np.array([self.teachers.probe(int(slot)) for slot in slots], np.float32)

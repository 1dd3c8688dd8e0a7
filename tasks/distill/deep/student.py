"""A convolutional student: an episode whose blocks are trained on images drawn anew."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.distill import loss
from leapbench.envs.distill.bank import LOOK
from leapbench.envs.distill.choices import Decision
from leapbench.envs.distill.deep.networks import Network
from leapbench.envs.distill.deep.run import Run, keep, kept, said
from leapbench.envs.distill.episode import Episode
from leapbench.envs.distill.world import World
from leapbench.tasks.distill.deep.teachers import Teachers

ELDER, STATE = "elder.safetensors", "state.json"
Save = Callable[[], None]


class Deep(World):
    """Begins nothing itself; advances students of this kind."""

    def teach(self, lessons: Sequence[tuple[Episode, Decision]]) -> None:
        """Train students for their blocks."""
        for episode, lesson in lessons:
            cast(Student, episode).study(lesson)


@dataclass
class Student(Episode):
    """An episode that goes on after a kill.

    Everything that a decision can depend on, and that training decides, is an event. An
    episode that goes on is played again from its beginning: events that were written stand in
    the place of training, and the network is only needed when there are no more.

    Attributes:
        run: the network in training.
        make: a run of a new student, from how many there were before.
        tell: called with a short line now and then.
        save: called when there is something new to save.
        every: seconds between two saves.
        events: what training has decided, JSON data.
        at: events that were played.
        elder: the former student's network.
    """

    run: Run | None = None
    make: Callable[[int], Run] | None = None
    tell: Callable[[str], None] = lambda line: None
    save: Save = lambda: None
    every: float = 300.0
    events: list[Any] = field(default_factory=list)
    at: int = 0
    elder: Network | None = None

    @property
    def network(self) -> Run:
        """The run; there is one from the beginning."""
        if self.run is None:
            assert self.make is not None  # noqa: S101 - for the type checker
            self.run = self.make(0)
        return self.run

    @property
    def teachers(self) -> Teachers:
        """The bank."""
        return cast(Teachers, self.bank)

    def _event(self, name: str, happen: Callable[[], Any]) -> Any:
        if self.at == len(self.events):
            self.events.append({name: happen()})
        self.at += 1
        return self.events[self.at - 1][name]

    def compared(self) -> NDArray[np.float32]:
        """See `Episode.compared`; what is owned is trained if it is not there."""
        slots = np.flatnonzero(self.owned).tolist()
        for slot in slots:
            self.teachers.grow(slot)
        return np.array(self._event("apart", lambda: self._apart(slots)), np.float32)

    def _apart(self, slots: list[int]) -> list[float]:
        found = [-1.0] * self.setup.slots
        some = self.teachers.pairs.validation[:LOOK]
        answers = said(self.network.network, self.teachers.pairs, some, self.network.device)
        mine = torch.log_softmax(answers, -1)
        for slot in slots:
            theirs = self.teachers.shown(slot)
            found[slot] = float((theirs.exp() * (theirs - mine)).sum(-1).mean())
        return found

    def study(self, lesson: Decision) -> None:
        """Train for a block, and validate."""
        accuracy, nll = self._event("block", lambda: self._block(lesson))
        self.curve.append((accuracy, nll))
        self.spent.append(self.budget - self.left)
        self.taught.append(lesson)
        self.apart = self.compared()
        if self.at == len(self.events):
            self.save()

    def _block(self, lesson: Decision) -> list[float]:
        run, setup, form = self.network, self.setup, loss.known(self.setup.form)
        more = (self.elder, lesson.itself) if lesson.itself and self.elder is not None else None

        def mean(x: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
            targets = self.teachers.targets(x, lesson.weights, lesson.tau, more)
            return loss.loss(logits, labels, targets, lesson.tau, lesson.alpha, form)

        end = (self.blocks + 1) * setup.block_epochs * run.each
        epochs, written = setup.blocks * setup.block_epochs, time.monotonic()
        while run.update < end:
            value = run.step(mean)
            epoch = (run.update - 1) // run.each + 1
            self.tell(f"student, {run.name}: epoch {epoch} of {epochs}, loss {value:.3f}")
            if time.monotonic() - written >= self.every:
                self.save()
                written = time.monotonic()
        images = self.teachers.pairs
        return list(self._right(images.validation, images.validation_labels))

    def _right(self, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[float, float]:
        """Accuracy and NLL on images as they are."""
        answers = said(self.network.network, self.teachers.pairs, pixels, self.network.device)
        right = torch.from_numpy(labels)
        sure = torch.log_softmax(answers, -1).gather(1, right[:, None])
        return int((answers.argmax(-1) == right).sum()) / len(right), -float(sure.mean())

    def examined(self) -> float:
        """Test accuracy; for scoring alone."""
        images = self.teachers.pairs
        return self._right(images.test, images.test_labels)[0]

    def rebirth(self) -> None:
        """See `Episode.rebirth`."""
        self._event("born", self._reborn)
        self.former, self.heard, self.since = torch.zeros(0), False, len(self.curve)
        self.apart = self.compared()

    def _reborn(self) -> int:
        self.elder = self.network.network.eval().requires_grad_(False)
        assert self.make is not None  # noqa: S101 - for the type checker
        self.run = self.make(len(self.curve))
        return len(self.curve)

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the networks, and give the JSON data that `restore` needs besides."""
        self.network.save(folder)
        if self.elder is not None:
            keep(self.elder, folder / ELDER)
        return {"update": self.network.update, "events": self.events}

    def restore(self, folder: Path, state: dict[str, Any]) -> None:
        """Go on from what `write` wrote.

        Raises:
            OSError, ValueError, KeyError, RuntimeError: when it is damaged, or of another.
        """
        self.events = list(state["events"])
        born = [int(event["born"]) for event in self.events if "born" in event]
        assert self.make is not None  # noqa: S101 - for the type checker
        self.run = self.make(born[-1] if born else 0)
        self.run.load(folder, int(state["update"]))
        if born:
            name, classes = self.run.name, self.teachers.pairs.classes
            self.elder = kept(name, classes, folder / ELDER).to(self.run.device)


def state_of(folder: Path) -> dict[str, Any]:
    """What was written beside the networks.

    Raises:
        OSError, ValueError: when it cannot be read.
    """
    found = json.loads((folder / STATE).read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"a record, got {type(found).__name__}")
    return found

"""One training run of a sparse network, and the two ledgers that no decision can overdraw."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from leapbench.envs.sparsify import measures, scores
from leapbench.envs.sparsify.data import Part, Splits, Where, load
from leapbench.envs.sparsify.facts import KINDS, Facts
from leapbench.envs.sparsify.masks import Bools, top
from leapbench.envs.sparsify.network import SceneNet, layers_of, outputs_of, prunable
from leapbench.envs.threads import one_thread
from leapbench.errors import BudgetExceeded, InvalidOutput, UserError, unknown

NETWORKS = ("small", "deeplab")
TESTED = 64
"""Pictures of a batch that is only looked at."""
TENSORS, STATE = "training.safetensors", "training.json"
COUNTED = ("spent", "iteration", "_begun")


@dataclass(frozen=True)
class Job:
    """Everything that decides a training but for its seed and the masks.

    Attributes:
        where: the pictures.
        network: "small" or "deeplab".
        width: factor of all channels of the small network.
        blocks: residual blocks of the small network.
        separate: a backbone for each task; the budget stays that of the shared network.
        sparsity: share of the prunable weights that must be 0 at the end, in [0, 1).
        iterations: updates.
        batch: pictures of an update.
        lr: learning rate of Adam at the beginning; it falls to 0 along a cosine.
        halve_every: halve the learning rate after so many updates instead; 0 for the cosine.
        decay: weight decay (L2, as Adam has it).
        tasks: of `measures.TASKS`; None for all that there is truth for.
        lambdas: weights of their losses.
        dense_until: share of the iterations up to which masks may have more than the budget.
        compute: limit of the training's multiply-adds, as a share of a dense training's.
        mirror: flip half of the training batches.
        device: as torch names it.

    Raises:
        UserError: for a value out of its range.
    """

    where: Where = field(default_factory=Where)
    network: str = "small"
    width: float = 1.0
    blocks: int = 2
    separate: bool = False
    sparsity: float = 0.9
    iterations: int = 1200
    batch: int = 16
    lr: float = 3e-3
    halve_every: int = 0
    decay: float = 1e-4
    tasks: tuple[str, ...] | None = None
    lambdas: tuple[float, ...] = (1.0, 2.0, 2.0)
    dense_until: float = 0.75
    compute: float = 1.0
    mirror: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise unknown("network", self.network, NETWORKS)
        for name in ("blocks", "iterations", "batch"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise UserError(f"{name} must be an integer from 1 on, got {value!r}.")
        for name in ("width", "lr", "compute"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise UserError(f"{name} must be a number above 0, got {value!r}.")
        if not 0 <= self.sparsity < 1 or not 0 <= self.dense_until <= 1:
            raise UserError("sparsity must be in [0, 1), dense_until in [0, 1].")
        if not all(each >= 0 for each in self.lambdas) or not any(self.lambdas):
            raise UserError(f"lambdas must be 0 or more, not all 0, got {self.lambdas}.")


class Training:
    """A network under masks, updated by Adam; every multiply-add is counted before it is spent.

    Masked weights are exactly 0, and so is their update; a weight that is let in again starts
    from 0, as in RigL, with fresh moments. Gradients of masked weights are those of the sparse
    network. Biases and batch normalisation are never masked: which of them there are is fixed
    by the network, and no decision touches them.

    Args:
        job: what is trained.
        seed: of initial weights, order of pictures and redrawn weights.

    Attributes:
        network: the network.
        layers: its prunable layers.
        budget: weights that may be kept.
        limit: multiply-adds that may be spent.
        spent: multiply-adds so far.
        iteration: updates so far.
        deadline: iteration from which on masks must be inside the budget.
        mask: bool (P,), what is kept.
        active: kept weights of each layer.
        update_cost: multiply-adds of one update: forward, and gradients of activations and
            of weights.
        loss: of each task in the last update, unweighted.
    """

    def __init__(self, job: Job, seed: int) -> None:
        self.job, self.seed = job, int(seed)
        data = self.data
        there = tuple(name for name in measures.TASKS if name in data.train.truth)
        self.tasks = tuple(name for name in there if name in (job.tasks or there))
        if job.tasks is not None and self.tasks != job.tasks:
            raise UserError(f"tasks must be of {', '.join(there)}, in this order, got {job.tasks}.")
        if len(job.lambdas) < len(self.tasks):
            raise UserError(f"{len(self.tasks)} tasks need as many lambdas, got {job.lambdas}.")
        self.lambdas = job.lambdas[: len(self.tasks)]
        size = (job.where.height, job.where.width)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network: Any = self._build(job.separate)
            shared = self._build(False) if job.separate else self.network
        total = sum(layer.size for layer in layers_of(shared, size))
        self.network.to(job.device)
        self.layers = layers_of(self.network, size)
        self._outputs = outputs_of(self.network, size)
        self.weights: list[Any] = [each.weight for _, each in prunable(self.network)]
        self.sizes = [layer.size for layer in self.layers]
        self.budget = total - math.floor(job.sparsity * total)
        self.limit = math.floor(job.compute * job.iterations * 3 * job.batch * self._dense(shared))
        self.deadline = math.floor(job.dense_until * job.iterations)
        self.spent, self.iteration, self._begun = 0, 0, 0
        self.rng = np.random.default_rng(self.seed)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), job.lr, weight_decay=job.decay, foreach=True
        )
        self.loss = [math.nan] * len(self.tasks)
        self._mask(np.ones(sum(self.sizes), bool))
        self._order = np.zeros(0, np.int64)
        if self.deadline == 0 or self.over:
            self._trim()

    @property
    def data(self) -> Splits:
        """The pictures; not part of the training's own state, so copies share them."""
        return load(self.job.where)

    @property
    def over(self) -> bool:
        """Whether no further update follows: all are made, or the next cannot be paid."""
        done = self.iteration >= self.job.iterations
        return done or self.update_cost > self.limit - self.spent

    def facts(self) -> Facts:
        """What an agent is told."""
        if not hasattr(self, "_facts"):
            self._facts = Facts(
                tuple(layer.name for layer in self.layers),
                tuple(layer.group for layer in self.layers),
                tuple(layer.owner for layer in self.layers),
                tuple(layer.shape for layer in self.layers),
                tuple(layer.cost for layer in self.layers),
                self.budget,
                self.job.iterations,
                self.deadline,
                self.tasks,
                tuple(self.lambdas),
                self.seed,
            )
        return self._facts

    def flat(self) -> NDArray[np.float32]:
        """A copy of all prunable weights, (P,)."""
        parts = [each.detach().reshape(-1) for each in self.weights]
        return np.array(torch.cat(parts).numpy(force=True))

    def score(self, kind: str, batches: int) -> NDArray[np.float32]:
        """Score every weight on training pictures; see `Round.scores`.

        Args:
            kind: "gradients" per task, summed over batches as absolute values, "signed" with
                their signs, "saliency" the former times |w|; "joint" and "joint-saliency" of
                the weighted sum; "grasp"; "none". With "-xavier" behind it, on redrawn weights.
            batches: of the training's own batch size.

        Raises:
            BudgetExceeded: when the multiply-adds cannot be paid; none are spent then.
            InvalidOutput: for an unknown kind, or no batches.
        """
        base = kind.removesuffix("-xavier")
        if base not in KINDS or not isinstance(batches, int) or not 0 <= batches <= 1000:
            raise InvalidOutput(f"asked for {batches} batches of {kind!r}, expected {KINDS}")
        if base == "none" or not batches:
            return np.zeros((0, len(self.mask)), np.float32)
        per_picture = scores.cost(base, self.layers, self.active, len(self.tasks))
        self._spend(per_picture * self.job.batch * batches)
        drawn = [self._batch() for _ in range(batches)]
        with self._threads():
            if base == kind:
                found = self._scored(base, drawn)
            else:
                with scores.redrawn(self.weights, self.seed):
                    found = self._scored(base, drawn)
        return np.asarray(found.numpy(force=True))

    def _threads(self) -> AbstractContextManager[None]:
        """One thread for the small network, whose operations are too short to be split."""
        return one_thread() if self.job.network == "small" else nullcontext()

    def _scored(self, base: str, drawn: Any) -> Tensor:
        arguments = (self.network, self.weights)
        if base == "grasp":
            return scores.grasp(*arguments, drawn, self._losses, self.lambdas, self.tasks)
        if base.startswith("joint"):
            found = scores.joint_gradients(*arguments, drawn, self._losses, self.lambdas)
        else:
            owners = [layer.owner for layer in self.layers]
            signed = base == "signed"
            found = scores.task_gradients(*arguments, owners, drawn, self._losses, signed)
        if base.endswith("saliency"):
            found *= torch.cat([each.detach().reshape(-1) for each in self.weights]).abs()
        return found

    def decide(self, mask: Any, rewind: bool = False) -> None:
        """Take over a mask; if it leaves no update that can be paid, it is cut to the budget.

        Args:
            mask: bool (P,).
            rewind: give every weight its first value again, and start the learning rate over.

        Raises:
            InvalidOutput: for what is no mask, or one over the budget from the deadline on.
        """
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != self.mask.shape:
            given = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask)
            raise InvalidOutput(f"a mask is bool {self.mask.shape}, got {given}")
        count = int(mask.sum())
        if self.iteration >= self.deadline and count > self.budget:
            text = f"a mask keeps {count} weights of {self.budget} at iteration {self.iteration}"
            raise InvalidOutput(text)
        if rewind:
            self._rewind()
        self._mask(mask.copy())
        if self.over:  # a mask that no update can be paid under
            self._trim()

    def train(self, iterations: int) -> int:
        """Make up to so many updates, as far as they can be paid; how many were made.

        From the deadline on, and where nothing more can be paid, a mask that is over the
        budget loses its smallest weights first.
        """
        self.network.train()
        made = 0
        while made < iterations:
            if self.iteration >= self.deadline or self.over:
                self._trim()
            if self.over:
                break
            self._spend(self.update_cost)
            with self._threads():
                self._update()
            made += 1
        if self.over:
            self._trim()
        return made

    def measure(self, part: Part, count: int | None = None) -> dict[str, float]:
        """Every metric on the first `count` pictures of a part, predictions at full size."""
        tally = measures.Tally(self.tasks, self.data.classes)
        whole = range(0, len(part) if count is None else min(count, len(part)), TESTED)
        self.network.eval()
        with torch.no_grad(), self._threads():
            for start in whole:
                chosen = slice(start, min(start + TESTED, whole.stop))
                images = part.images[chosen].to(self.job.device)
                targets = {k: part.truth[k][chosen].to(self.job.device) for k in self.tasks}
                full = [
                    nn.functional.interpolate(out, images.shape[2:], mode="bilinear")
                    for out in self.network(images)
                ]
                tally.add(full, targets)
        return tally.metrics()

    def constant(self, part: Part) -> dict[str, float]:
        """Metrics of the best constant of the training pictures, on a part."""
        tally = measures.Tally(self.tasks, self.data.classes)
        found = measures.constants(self.tasks, self.data.classes, self.data.train.truth)
        for start in range(0, len(part), TESTED):
            chosen = slice(start, start + TESTED)
            shape = part.images[chosen].shape
            outputs = [c[None, :, None, None].expand(shape[0], -1, *shape[2:]) for c in found]
            tally.add(outputs, {name: part.truth[name][chosen] for name in self.tasks})
        return tally.metrics()

    def kept(self) -> int:
        """Prunable weights that are not 0, counted on the network itself."""
        return int(sum(int(each.detach().count_nonzero()) for each in self.weights))

    def _build(self, separate: bool) -> Any:
        job = self.job
        channels = {"seg": self.data.classes, "depth": 1, "normals": 3}
        outputs = {name: channels[name] for name in self.tasks}
        if job.network == "deeplab":
            from leapbench.envs.sparsify.deeplab import DeepLab

            return DeepLab(outputs)
        return SceneNet(outputs, job.width, job.blocks, separate)

    def _dense(self, shared: Any) -> int:
        size = (self.job.where.height, self.job.where.width)
        layers = self.layers if shared is self.network else layers_of(shared, size)
        return sum(layer.cost for layer in layers)

    def _spend(self, amount: int) -> None:
        if amount > self.limit - self.spent:
            left = self.limit - self.spent
            raise BudgetExceeded(f"{amount} more multiply-adds asked for, {left} left")
        self.spent += amount

    def _batch(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The next pictures of endless shuffled passes, with targets at the outputs' size."""
        part, count = self.data.train, self.job.batch
        while len(self._order) < count:
            self._order = np.concatenate([self._order, self.rng.permutation(len(part))])
        chosen, self._order = torch.from_numpy(self._order[:count]), self._order[count:]
        near = part.near(*self._outputs)
        images = part.images[chosen].to(self.job.device)
        targets = {name: near[name][chosen].to(self.job.device) for name in self.tasks}
        if self.job.mirror and self.rng.random() < 0.5:
            images = images.flip(3)
            targets = {name: each.flip(-1) for name, each in targets.items()}
            if "normals" in targets:
                targets["normals"] = targets["normals"] * torch.tensor(
                    [-1.0, 1.0, 1.0], device=images.device
                ).reshape(1, 3, 1, 1)
        return images, targets

    def _losses(self, outputs: Sequence[Tensor], targets: Any) -> list[Tensor]:
        return measures.losses(self.tasks, outputs, targets)

    def _update(self) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self._lr()
        images, targets = self._batch()
        each = self._losses(self.network(images), targets)
        loss: Any = sum(a * b for a, b in zip(self.lambdas, each, strict=True))
        self.optimiser.zero_grad()
        loss.backward()
        if self._sparse:
            torch._foreach_mul_([w.grad for w in self.weights], self._factors)
        self.optimiser.step()
        self.iteration += 1
        self.loss = [float(one.detach()) for one in each]

    def _lr(self) -> float:
        job, done = self.job, self.iteration - self._begun
        if job.halve_every:
            return float(job.lr * 0.5 ** (done // job.halve_every))
        return 0.5 * job.lr * (1 + math.cos(math.pi * done / (job.iterations - self._begun)))

    def _mask(self, mask: Bools) -> None:
        """Zero what is masked, weights and moments; what is let in again starts from 0."""
        slices = self.facts().slices
        self.mask, self._sparse = mask, not mask.all()
        self.active = [int(np.count_nonzero(mask[part])) for part in slices]
        pairs = zip(self.active, self.layers, strict=True)
        self.update_cost = 3 * self.job.batch * sum(n * layer.positions for n, layer in pairs)
        self._factors = []
        with torch.no_grad():
            for part, weight in zip(slices, self.weights, strict=True):
                factor = torch.from_numpy(mask[part]).reshape(weight.shape).to(weight)
                factor = torch.empty_like(weight).copy_(factor)  # strides as the weight's
                self._factors.append(factor)
                weight.mul_(factor)
                state = self.optimiser.state.get(weight, {})
                for name in ("exp_avg", "exp_avg_sq"):
                    if name in state:
                        state[name].mul_(factor)

    def _rewind(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            fresh = self._build(self.job.separate)
        self.network.load_state_dict(fresh.to(self.job.device).state_dict())
        self.optimiser.state.clear()
        self._begun = self.iteration

    def _trim(self) -> None:
        if int(self.mask.sum()) > self.budget:
            self._mask(top(np.abs(self.flat()) * self.mask, self.budget))

    def save(self, folder: Path) -> None:
        """Write everything that `load` needs to go on, as safetensors and JSON."""
        parameters = dict(self.network.named_parameters())
        tensors = {f"network/{k}": v for k, v in self.network.state_dict().items()}
        for name, parameter in parameters.items():
            for key, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"adam/{name}/{key}"] = value
        tensors["mask"] = torch.from_numpy(self.mask)
        tensors["order"] = torch.from_numpy(self._order)
        flat = {name: each.detach().cpu().contiguous().clone() for name, each in tensors.items()}
        save_file(flat, folder / TENSORS)
        numbers = {name: getattr(self, name) for name in COUNTED}
        state = numbers | {"loss": self.loss, "rng": self.rng.bit_generator.state}
        (folder / STATE).write_text(json.dumps(state), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Go on from what `save` wrote of a training of the same job and seed.

        Raises:
            ValueError, KeyError, OSError, RuntimeError: when the files are of another.
        """
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        tensors = load_file(folder / TENSORS)
        mask = tensors["mask"].numpy().astype(bool)
        if mask.shape != self.mask.shape:
            raise ValueError(f"a mask of {mask.shape}, expected {self.mask.shape}")
        network = {k.removeprefix("network/"): v for k, v in tensors.items() if "network/" in k}
        self.network.load_state_dict(network)
        self.optimiser.state.clear()
        for name, parameter in self.network.named_parameters():
            prefix = f"adam/{name}/"
            found = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            for key, value in found.items():
                if value.shape == parameter.shape:
                    found[key] = torch.empty_like(parameter).copy_(value)
            if found:
                self.optimiser.state[parameter] = found
        for name in COUNTED:
            setattr(self, name, int(state[name]))
        self.loss = [float(each) for each in state["loss"]]
        self.rng.bit_generator.state = state["rng"]
        self._order = tensors["order"].numpy()
        self._mask(mask)

"""Teachers that were trained once: their checkpoints, and what is known of each.

A bank belongs to one instance: a scenario, a number, and the sizes of the world. It is made
when it is first needed and kept in the user's cache, the same bytes every time. Episodes pay
for it as if it were made anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.distill import cache, loss, pairs, probes
from leapbench.envs.distill.setup import Setup, scenario_of
from leapbench.envs.distill.stack import Stack, initial, outputs
from leapbench.envs.distill.training import SCHEDULES, rows, tensor, train
from leapbench.envs.threads import one_thread

VERSION = 1
"""Raised when the same arguments give other banks."""
TEMPERATURES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""At which the entropy of a checkpoint is shown."""
ENTROPIES = tuple(f"entropy at {tau:g}" for tau in TEMPERATURES)
STATS: tuple[str, ...] = ("train accuracy", "accuracy", "nll", *ENTROPIES, "ece", "rate")
"""What is shown of a checkpoint once it is owned; validation pairs where nothing is said."""
KEPT: tuple[str, ...] = (
    "trajectories",
    "checkpoints",
    "epochs",
    "samples",
    "views",
    "validation",
    "tests",
    "batch",
    "teacher",
    "teacher_rate",
)
"""Arguments of a world that decide its banks; student and budget do not."""
BINS = 15
"""Of the expected calibration error."""
IN_MEMORY = 96
"""Banks that a process keeps."""


class Bank:
    """Teachers of one instance.

    Args:
        setup: the world.
        scenario: its name, see `scenario_of`.
        number: of the instance, 0 or more.
        weights: float16 (J, M, parameters) of every checkpoint of every trajectory.
        stats: float32 (J, M, len(STATS)).

    Attributes:
        scenario: the scenario, and `name`, its name.
        teacher: shape of the teachers.
        pairs: the data.
    """

    def __init__(
        self,
        setup: Setup,
        scenario: str,
        number: int,
        weights: NDArray[np.float16],
        stats: NDArray[np.float32],
    ) -> None:
        self.setup, self.name, self.number = setup, scenario, number
        self.scenario = scenario_of(scenario)
        self.teacher, _ = setup.shapes(self.scenario)
        self.weights, self.stats = weights, stats
        self.pairs = _pairs(setup, scenario, number)
        self._logits: dict[int, Tensor] = {}

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return bank, (self.setup, self.name, self.number)

    def __deepcopy__(self, memo: dict[int, Any]) -> Bank:
        return self

    @cached_property
    def labels(self) -> Tensor:
        """Of every view of every training pair, int64 (N * V,)."""
        return tensor(np.repeat(self.pairs.labels, self.setup.views))

    @cached_property
    def inputs(self) -> Tensor:
        """Every view of every training pair, (N * V, D)."""
        return tensor(self.pairs.train.reshape(len(self.labels), -1))

    def checkpoint(self, slot: int) -> Tensor:
        """Weights of a checkpoint, (1, parameters)."""
        flat = self.weights.reshape(self.setup.slots, -1)[slot]
        return tensor(flat.astype(np.float32))[None]

    def logits(self, slot: int) -> Tensor:
        """What a checkpoint says of every view, (N * V, C)."""
        found = self._logits.get(slot)
        if found is None:
            found = outputs(self.teacher, self.checkpoint(slot), self.inputs)[0].half()
            self._logits[slot] = found
        return found.float()

    def targets(
        self, weights: Sequence[float], tau: float, more: tuple[Tensor, float] | None = None
    ) -> Tensor:
        """Softened probabilities of a mixture of checkpoints, (N * V, C); uniform for none.

        Args:
            weights: of each slot.
            tau: temperature.
            more: logits of one more teacher, and its weight.
        """
        used = [(self.logits(slot), weight) for slot, weight in enumerate(weights) if weight > 0]
        used += [more] if more else []
        if not used:
            classes = self.teacher.outputs
            return torch.full((len(self.labels), classes), 1 / classes)
        said, shares = zip(*used, strict=True)
        return loss.mixture(said, shares, tau, loss.known(self.setup.form))

    @cached_property
    def shown(self) -> Tensor:
        """What every checkpoint says of the first `LOOK` validation pairs, (K, LOOK, C)."""
        some = tensor(self.pairs.validation[:LOOK])
        every = tensor(self.weights.reshape(self.setup.slots, -1).astype(np.float32))
        return torch.log_softmax(outputs(self.teacher, every, some), -1)

    @cached_property
    def probed(self) -> NDArray[np.float32]:
        """Of every slot, (K, 2); see `leapbench.envs.distill.probes`."""
        path = _path(self.setup, self.name, self.number, f"-probes{VERSION}")
        kept = cache.read(path, {"probes": (self.setup.slots, 2)})
        if kept is None:
            every = tensor(self.weights.reshape(self.setup.slots, -1).astype(np.float32))
            seed = (*_seed(self.name, self.number), 3)
            with one_thread(), torch.no_grad():
                found = probes.measure(self.teacher, every, self.pairs, self.setup.batch, seed)
            kept = {"probes": found}
            cache.write(path, kept)
        return kept["probes"]


LOOK = 100
"""Validation pairs on which teacher and student are compared."""


@lru_cache(maxsize=IN_MEMORY)
def bank(setup: Setup, scenario: str, number: int) -> Bank:
    """The bank of an instance: from memory, from the cache, or made."""
    path = _path(setup, scenario, number)
    teacher, _ = setup.shapes(scenario_of(scenario))
    grid = (setup.trajectories, setup.checkpoints)
    shapes = {"weights": (*grid, teacher.parameters), "stats": (*grid, len(STATS))}
    kept = cache.read(path, shapes)
    if kept is None:
        kept = make(setup, scenario, number)
        cache.write(path, kept)
    return Bank(setup, scenario, number, kept["weights"], kept["stats"])


def make(setup: Setup, scenario: str, number: int) -> dict[str, NDArray[Any]]:
    """Train the teachers of an instance: arrays `weights` and `stats`, see `Bank`."""
    chosen, (shape, _) = scenario_of(scenario), setup.shapes(scenario_of(scenario))
    data, seed = _pairs(setup, scenario, number), _seed(scenario, number)
    count, samples = setup.trajectories, setup.pairs(chosen)
    drawn = [np.random.default_rng([*seed, 1, j]) for j in range(count)]
    stack = Stack(shape, torch.stack([tensor(initial(shape, rng)) for rng in drawn]))
    order = tensor(
        np.stack([rows(samples, setup.views, setup.batch, setup.epochs, rng) for rng in drawn])
    )
    rate = SCHEDULES[chosen.schedule]
    updates = order.shape[1]
    x, y = tensor(data.train.reshape(-1, shape.inputs)), tensor(np.repeat(data.labels, setup.views))
    ones, starts = torch.ones(count, 1, 1), torch.zeros(count, dtype=torch.int64)

    def slopes(part: slice, out: Tensor, own: Tensor) -> Tensor:
        return loss.gradient(out, y[own], None, ones[part], ones[part], "printed")

    weights, stats = [], []
    with one_thread(), torch.no_grad():
        for m in range(setup.checkpoints):
            first, last = (updates * (m + k) // setup.checkpoints for k in range(2))
            rates = tensor(rate(updates, first, last, setup.teacher_rate)).expand(count, -1)
            train(stack, x, starts, order[:, first:last], rates, slopes)
            kept = stack.weights.half()
            weights.append(kept.numpy().copy())
            slow = rate(updates, last - 1, last, 1.0)[0]
            stats.append(_stats(shape, kept.float(), data, float(slow)))
    return {"weights": np.stack(weights, 1), "stats": np.stack(stats, 1)}


def _stats(shape: Any, weights: Tensor, data: pairs.Pairs, slow: float) -> NDArray[np.float32]:
    """`STATS` of networks, (S, len(STATS))."""
    seen = outputs(shape, weights, tensor(data.train[:, 0]))
    held = outputs(shape, weights, tensor(data.validation))
    return summary(seen, held, data.labels, data.validation_labels, slow)


def summary(
    seen: Tensor,
    answers: Tensor,
    labels: NDArray[np.int64],
    right: NDArray[np.int64],
    slow: float,
) -> NDArray[np.float32]:
    """`STATS` of networks from their logits, (S, len(STATS)).

    Args:
        seen: logits of training samples, (S, N, C).
        answers: logits of validation samples, (S, N', C).
        labels: of the former, as they are given, (N,).
        right: of the latter, (N',).
        slow: learning rate where they were taken / the largest.
    """
    held, own = torch.log_softmax(answers, -1), tensor(right)
    surest, said = held.exp().max(-1)
    hit = (said == own).float()
    bins = (surest * BINS).long().clamp_max(BINS - 1)
    gaps = torch.zeros(len(held), BINS).scatter_add_(1, bins, hit - surest).abs()
    softened = [torch.softmax(seen / tau, -1) for tau in TEMPERATURES]
    most = np.log(seen.shape[-1])
    found = (
        (seen.argmax(-1) == tensor(labels)).float().mean(-1),
        hit.mean(-1),
        -held.gather(2, own[None, :, None].expand(len(held), -1, 1)).mean((1, 2)),
        *(torch.special.entr(each).sum(-1).mean(-1) / most for each in softened),
        gaps.sum(-1) / len(own),
        torch.full((len(held),), slow),
    )
    return np.asarray(torch.stack(found, 1).numpy(), np.float32)


def _pairs(setup: Setup, scenario: str, number: int) -> pairs.Pairs:
    chosen = scenario_of(scenario)
    rng = np.random.default_rng([*_seed(scenario, number), 0])
    sizes = (setup.pairs(chosen), setup.validation, setup.tests)
    return pairs.make(setup.images, sizes, setup.views, chosen.wrong, rng)


def _seed(scenario: str, number: int) -> tuple[int, ...]:
    digest = hashlib.sha256(scenario.encode()).digest()
    return int.from_bytes(digest[:8], "big"), number


def _path(setup: Setup, scenario: str, number: int, kind: str = "") -> Path:
    """Where a bank is kept."""
    source = setup.images
    key = {name: getattr(setup, name) for name in KEPT} | {
        "source": [source.name, len(source.labels), source.classes],
        "scenario": scenario,
        "number": number,
        "version": VERSION,
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
    return cache.folder() / f"{digest}{kind}.npz"

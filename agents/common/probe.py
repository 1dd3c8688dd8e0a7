"""A model of latents learned alone: everything else is frozen, and the data are fixed.

Here losses on imagined steps differ in nothing else: the encoder has been applied already,
the values are those of a frozen head, and each loss gets the same number of sequences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.practice import LINES
from leapbench.agents.common.replay import FINAL, Replay, Sequences
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError


class Transitions(Protocol):
    """What a phase gives to learn a model from, as its `data`.

    Attributes:
        latents: float32 (N, ...), of each step by the frozen encoder.
        actions: int64 (N,) or float32 (N, actions), what was done there.
        rewards: float32 (N,), what it gave.
        ends: bool (N,), whether it ended its episode.
        weights: arrays of the frozen networks, "part.name" as in the agents' files.
    """

    latents: NDArray[np.float32]
    actions: NDArray[Any]
    rewards: NDArray[np.float32]
    ends: NDArray[np.bool_]
    weights: Mapping[str, NDArray[np.float32]]


def stored(data: Transitions, extra: NDArray[np.float32] | None = None) -> Replay:
    """The transitions in a replay, as sequences can be read from it.

    Args:
        data: what the phase gives.
        extra: float32 (N, d) that is stored behind each latent, for latents (N, width).

    Raises:
        UserError: when arrays have other lengths than the latents.
    """
    latents = data.latents if extra is None else np.concatenate([data.latents, extra], axis=1)
    for name in ("actions", "rewards", "ends"):
        if len(getattr(data, name)) != len(latents):
            raise UserError(f"{len(latents)} latents and {len(getattr(data, name))} {name}.")
    discrete = data.actions.ndim == 1
    shape = data.actions.shape[1:]
    replay = Replay(latents.shape[1:], 1, shape, len(latents), pixels=False, discrete=discrete)
    for i, latent in enumerate(latents):
        replay.add(latent, data.actions[i], float(data.rewards[i]))
        if data.ends[i]:
            replay.finish(latent, terminated=True)
    return replay


def batches(
    phase: LearningPhase, replay: Replay, size: int, ahead: int, steps: int, discount: float
) -> Iterator[Sequences]:
    """Uniformly drawn sequences until the budget, counted in sequences, is spent.

    Raises:
        UserError: when there are fewer steps than a sequence needs.
    """
    rows = np.arange(1, replay.head - ahead - steps)
    rows = rows[replay.kinds[rows] != FINAL]
    if not len(rows):
        raise UserError(
            f"{replay.head - 1} steps are too few for {ahead} imagined and {steps} more."
        )
    rng, meter = np.random.default_rng([phase.seed, 1]), phase.meter
    for i in range(meter.left // size):
        meter.spend(size)
        yield replay.read(rng.choice(rows, size), ahead, steps, discount)
        if not (i + 1) % LINES:
            limit = meter.budget.limit
            phase.report(meter.used / limit, f"{meter.used} of {limit} {meter.budget.unit}")

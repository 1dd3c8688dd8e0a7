"""A model of latents learned alone: everything else is frozen, and the data are fixed.

Here losses on imagined steps differ in nothing else: the encoder has been applied already,
the values are those of a frozen head, and each loss gets the same number of sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leapbench.agents.common.practice import LINES, Point
from leapbench.agents.common.replay import GOES_ON, TERMINATED, Ints, Replay, Sequences
from leapbench.agents.common.state import under
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError


class Given(Protocol):
    """What a phase gives to learn a model from, as its `data`: metered sequences of steps.

    Steps have latents float32 (...) by the frozen encoder, actions int64 () or float32
    (actions,) that were done there, rewards float32 () and whether they ended their
    episode, ends bool ().

    Attributes:
        shapes: of each of these, by name.
        weights: arrays of the frozen networks, "part.name" as in the agents' files.
    """

    shapes: Mapping[str, tuple[int, ...]]
    weights: Mapping[str, NDArray[np.float32]]

    def __len__(self) -> int:
        """Steps that there are."""

    def read(self, rows: Ints, length: int) -> Mapping[str, NDArray[Any]]:
        """Arrays (B, length, ...) of the sequences that begin at `rows`, which are counted."""


def stored(given: Mapping[str, NDArray[Any]]) -> Replay:
    """B sequences of L steps in a replay, sequence after sequence; row 1 is the first step.

    Args:
        given: what `Given.read` gave. "choices" (B, L, d) are stored behind the latents.
    """
    latents = given["latents"]
    if "choices" in given:
        latents = np.concatenate([latents, given["choices"]], axis=-1)
    count, length = latents.shape[:2]
    rows, actions = count * length, given["actions"]
    discrete = actions.ndim == 2
    frame, shape = latents.shape[2:], actions.shape[2:]
    replay = Replay(frame, 1, shape, rows, pixels=False, discrete=discrete)
    used = slice(1, rows + 1)
    replay.frames[used] = latents.reshape(rows, *frame)
    replay.actions[used] = actions.reshape(rows, *shape)
    replay.rewards[used] = given["rewards"].ravel()
    replay.kinds[used] = np.where(given["ends"].ravel(), TERMINATED, GOES_ON)
    replay.head = rows + 1
    return replay


def fitted(
    phase: LearningPhase,
    size: int,
    given: tuple[int, int, float],
    losses: Callable[[Replay, Sequences], Mapping[str, Tensor]],
    weights: Mapping[str, float],
    step: Callable[[Tensor], None],
) -> list[Point]:
    """Learn from sequences until the budget is spent.

    Args:
        phase: its `data` are `Given`.
        size: sequences of a batch.
        given: K, n and the discount of the sequences.
        losses: means by name, of a batch.
        weights: of the losses.
        step: learns by a sum of them.

    Returns:
        Losses by sequences.
    """
    curve: list[Point] = []
    for i, (replay, found) in enumerate(batches(phase, size, *given)):
        each = losses(replay, found)
        step(torch.stack([weights[name] * loss for name, loss in each.items()]).sum())
        if not (i + 1) % LINES:
            curve += [(phase.meter.used, name, float(loss.detach())) for name, loss in each.items()]
    return curve


def freeze(part: nn.Module, name: str, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Give a network its weights, which are not learned any more.

    Args:
        part: a head or critic.
        name: of the part, before the point in the names of its weights.
        weights: those of all parts.

    Raises:
        UserError: when they are of another size.
    """
    own = {key: torch.tensor(value) for key, value in under(name, weights).items()}
    try:
        part.load_state_dict(own)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"The frozen {name} does not fit: {reason}.",
            f"Give the agent the sizes that the {name} was made with.",
        ) from error
    part.requires_grad_(False)


def without_model(what: str = "") -> UserError:
    """The error that there is no model `what`."""
    return UserError(f"An agent without imagined steps has no model{what}.", "Use spr or vcr.")


def batches(
    phase: LearningPhase, size: int, ahead: int, steps: int, discount: float
) -> Iterator[tuple[Replay, Sequences]]:
    """Uniformly drawn sequences, and where they lie, until the budget is spent.

    Raises:
        UserError: when there are fewer steps than a sequence needs.
    """
    data: Given = phase.data
    length = ahead + steps + 1
    count = len(data) - length + 1
    if count < 1:
        raise UserError(f"{len(data)} steps are too few for {ahead} imagined and {steps} more.")
    rng, meter = np.random.default_rng([phase.seed, 1]), phase.meter
    first = 1 + length * np.arange(size)
    for i in range(meter.left // size):
        replay = stored(data.read(rng.integers(count, size=size), length))
        yield replay, replay.read(first, ahead, steps, discount)
        if not (i + 1) % LINES:
            limit = meter.budget.limit
            phase.report(meter.used / limit, f"{meter.used} of {limit} {meter.budget.unit}")

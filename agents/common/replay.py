"""Steps in the order in which they were taken, each frame once, read as sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.errors import UserError

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
GOES_ON, TERMINATED, TRUNCATED, FINAL = 0, 1, 2, 3
"""What a row is: a step, one that ended its episode, or what was seen after a truncation."""
EMPTY = 0
"""The row of zeros that stands before the beginning of an episode."""


class Sequences(NamedTuple):
    """What follows B rows, for k = 0..K and returns over n steps.

    Attributes:
        rows: int64 (B, K + 1), where each step lies; the ending step is repeated.
        actions: (B, K + 1, ...), what was done there.
        rewards: float32 (B, K + 1), what each of them gave, 0 from the end on.
        alive: float32 (B, K + 1), 1 while no step so far, that one included, ended the
            episode, as in the released SPR code.
        returns: float32 (B, K + 1), discounted sum of up to n rewards from each.
        discounts: float32 (B, K + 1), of the value of what was seen after those; 0 where
            the episode terminated among them.
        after: int64 (B, K + 1), row of what was seen after those.
    """

    rows: Ints
    actions: NDArray[Any]
    rewards: Floats
    alive: Floats
    returns: Floats
    discounts: Floats
    after: Ints


class Replay:
    """Everything that was seen, done and earned; nothing is forgotten.

    The memory that is used grows with the steps; 100,000 frames of 84 x 84 take 0.71 GB.

    Args:
        frame: shape of what is new in each observation.
        stack: frames of an observation; 1 where observations are no stacks.
        action: shape of an action; () for a number.
        capacity: steps that fit.
        pixels: whether frames are uint8 and actions int64, instead of float32.
        discrete: whether an action is a whole number.

    Attributes:
        head: rows in use, the empty one included.
    """

    def __init__(
        self,
        frame: tuple[int, ...],
        stack: int,
        action: tuple[int, ...],
        capacity: int,
        pixels: bool,
        discrete: bool,
    ) -> None:
        # A truncation takes a row more. What is never written takes no memory.
        rows = 2 * capacity + 2
        self.frames = np.empty((rows, *frame), np.uint8 if pixels else np.float32)
        self.frames[EMPTY] = 0
        self.actions = np.zeros((rows, *action), np.int64 if discrete else np.float32)
        self.rewards = np.zeros(rows, np.float32)
        self.kinds = np.zeros(rows, np.int8)
        self.starts = np.zeros(rows, np.int64)
        self.stack, self.head = stack, EMPTY + 1
        self.zeros = True
        self._start = -1

    def add(self, observation: NDArray[Any], action: Any, reward: float) -> None:
        """Store a step, by the newest frame of what was seen before it.

        Args:
            observation: (stack * channels, ...) for stacks, else of the frame's shape.
            action: what was done.
            reward: what it gave.

        Raises:
            UserError: when an episode begins with a stack that is neither zeros nor the
                first frame repeated.
        """
        if self._start < 0:
            self._start = self.head
            self._look(observation)
        row = self._put(observation, GOES_ON)
        self.actions[row], self.rewards[row] = action, reward

    def finish(self, observation: NDArray[Any], terminated: bool) -> None:
        """End the episode after the newest step.

        Args:
            observation: what was seen after it.
            terminated: whether nothing is to be had from there on.
        """
        self.kinds[self.head - 1] = TERMINATED if terminated else TRUNCATED
        if not terminated:
            self._put(observation, FINAL)
        self._start = -1

    def read(self, rows: Ints, ahead: int, steps: int, discount: float) -> Sequences:
        """The sequences that begin at `rows`, see `Sequences`.

        Args:
            rows: int64 (B,), each at least `ahead + steps` before the newest.
            ahead: K.
            steps: n of the n-step returns.
            discount: a step's, in [0, 1].
        """
        reach = np.arange(ahead + steps)
        window = rows[:, None] + reach
        kinds = self.kinds[window]
        ended = (kinds == TERMINATED) | (kinds == TRUNCATED)
        end = np.where(ended.any(1), ended.argmax(1), ahead + steps)[:, None]
        rewards = np.where(reach <= end, self.rewards[window], 0).astype(np.float32)
        first = reach[: ahead + 1]
        length = np.clip(end + 1 - first, 0, steps)
        last = np.take_along_axis(kinds, np.minimum(end, ahead + steps - 1), 1)
        over = (first + length == end + 1) & (last == TERMINATED)
        power = np.float32(discount) ** length.astype(np.float32)
        here = np.minimum(first, end)
        return Sequences(
            rows=rows[:, None] + here,
            actions=self.actions[rows[:, None] + here],
            rewards=rewards[:, : ahead + 1],
            alive=(first < end).astype(np.float32),
            returns=rewards @ powers(ahead, steps, discount),
            discounts=np.where(over | (length == 0), np.float32(0), power),
            after=np.where(over, rows[:, None] + here, rows[:, None] + here + length),
        )

    def parts(self, rows: Ints) -> Ints:
        """The rows (..., stack) of the frames that make up the observation of each row."""
        wanted = rows[..., None] - np.arange(self.stack - 1, -1, -1)
        start = self.starts[rows][..., None]
        return np.where(wanted >= start, wanted, EMPTY if self.zeros else start)

    def observations(self, rows: Ints) -> NDArray[Any]:
        """Observations (M, stack * channels, ...) of rows int64 (M,), as they were seen."""
        if self.stack == 1:
            return self.frames[rows]
        found = self.frames[self.parts(rows)]
        return found.reshape(len(rows), -1, *found.shape[-2:])

    def state_dict(self) -> dict[str, Any]:
        """All that is stored; arrays are views."""
        names = ("frames", "actions", "rewards", "kinds", "starts")
        stored = {name: torch.from_numpy(getattr(self, name)[: self.head]) for name in names}
        return stored | {"zeros": self.zeros, "start": self._start}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            ValueError: when it does not fit.
        """
        for name in ("frames", "actions", "rewards", "kinds", "starts"):
            own, saved = getattr(self, name), state[name].numpy()
            if own.shape[1:] != saved.shape[1:] or len(saved) > len(own):
                raise ValueError(f"{name} {saved.shape} in {own.shape}")
            own[: len(saved)] = saved
            self.head = len(saved)
        self.zeros, self._start = bool(state["zeros"]), int(state["start"])

    def _put(self, observation: NDArray[Any], kind: int) -> int:
        row = self.head
        newest = len(observation) // self.stack
        self.frames[row] = (
            observation if self.stack == 1 else observation[-newest:].reshape(self.frames[0].shape)
        )
        self.kinds[row], self.starts[row] = kind, self._start
        self.head += 1
        return row

    def _look(self, observation: NDArray[Any]) -> None:
        """See how stacks begin."""
        if self.stack == 1:
            return
        each = observation.reshape(self.stack, -1)
        self.zeros = not each[:-1].any()
        if not self.zeros and not (each == each[-1]).all():
            raise UserError(
                "The first observation of an episode is a stack of frames that differ.",
                "Expected zeros, or the first frame repeated, before the first frame.",
            )


def powers(ahead: int, steps: int, discount: float) -> Floats:
    """float32 (K + n, K + 1): times rewards (B, K + n) gives the n-step returns of k = 0..K."""
    apart = np.arange(ahead + steps)[:, None] - np.arange(ahead + 1)
    inside = (apart >= 0) & (apart < steps)
    return np.where(inside, float(discount) ** np.maximum(apart, 0), 0).astype(np.float32)

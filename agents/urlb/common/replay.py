"""Steps of whole episodes in one preallocated table, sampled as n-step transitions."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sizes:
    """How many numbers there are.

    Attributes:
        observation: in an observation.
        action: in an action.
        skill: in a skill; 0 without skills.
    """

    observation: int
    action: int
    skill: int = 0

    @property
    def seen(self) -> int:
        """What actor and critic see of the world: observation and skill."""
        return self.observation + self.skill

    @classmethod
    def of(cls, phase: LearningPhase, skill: int) -> Self:
        """Sizes of what the phase's environment gives and takes, and of a skill.

        Raises:
            UserError: when they are not boxes of one dimension, with actions in [-1, 1].
        """
        env = phase.make_env(1) if phase.make_env else None
        seen, done = (getattr(env, f"single_{kind}_space", 0) for kind in ("observation", "action"))
        flat = all(isinstance(box, gym.spaces.Box) and len(box.shape) == 1 for box in (seen, done))
        if not flat or not (np.all(done.low == -1) and np.all(done.high == 1)):  # type: ignore[union-attr]
            raise UserError(
                "DDPG agents need observations of numbers in a row and actions in [-1, 1].",
                "Use them on urlb/entropy-point.",
            )
        return cls(seen.shape[0], done.shape[0], skill)  # type: ignore[union-attr]


class Batch(NamedTuple):
    """n-step transitions, float32; views of one table of rows.

    Attributes:
        seen: (B, observation + skill).
        joint: (B, observation + skill + action), the same and the action.
        observation: (B, observation).
        skill: (B, skill), in force when the action was chosen.
        action: (B, action).
        mode: (B,), 0 to seek surprise, 1 to avoid it.
        reward: (B,), discounted sum over n steps.
        discount: (B,), of the value n steps later.
        next: (B, observation), n steps later.
        follows: (B, observation + skill), `next` with the same skill.
    """

    seen: Tensor
    joint: Tensor
    observation: Tensor
    skill: Tensor
    action: Tensor
    mode: Tensor
    reward: Tensor
    discount: Tensor
    next: Tensor
    follows: Tensor


class TransitionReplay:
    """A ring of whole episodes; the one that is still being played is not sampled.

    Args:
        sizes: of what is stored.
        capacity: steps that are kept of the longest episodes; each shorter one costs a step more.
        longest: steps of the longest episode.
        steps: n of the n-step return.
        discount: a step's, in [0, 1].
        device: where sampled transitions are; what is stored stays on the CPU.
    """

    def __init__(
        self,
        sizes: Sizes,
        capacity: int,
        longest: int,
        steps: int,
        discount: float,
        device: str = "cpu",
    ) -> None:
        self.sizes, self.steps, self.device = sizes, steps, device
        self._longest = longest
        # An episode of L steps takes L + 1 rows, the last for where it ended.
        self._rows = capacity + (capacity // longest + 2) * 2 + longest
        width = sizes.seen + sizes.action + 3
        self._table = torch.zeros(self._rows, width)
        self._array = self._table.numpy()
        self._powers = discount ** np.arange(steps)
        self._last = discount**steps
        self._episodes: deque[tuple[int, int]] = deque()
        self._firsts, self._starts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._rewards: list[float] = []
        self._head = self._filled = 0

    def __bool__(self) -> bool:
        """Whether there is anything to sample."""
        return bool(self._episodes)

    def add(
        self, observation: Floats, skill: Floats, action: Floats, mode: int, reward: float
    ) -> None:
        """Store a step of the episode that is being played."""
        if not self._rewards:
            self._make_room()
        sizes, row = self.sizes, self._array[self._head + len(self._rewards)]
        row[: sizes.observation] = observation
        row[sizes.observation : sizes.seen] = skill
        row[sizes.seen : sizes.seen + sizes.action] = action
        row[-3] = mode
        self._rewards.append(reward)

    def finish(self, observation: Floats, terminated: bool) -> None:
        """End the episode, which can be sampled from now on.

        Args:
            observation: where it ended.
            terminated: whether nothing is to be had from there on.
        """
        first, length = self._head, len(self._rewards)
        self._array[first + length, : self.sizes.observation] = observation
        starts = length - self.steps + 1
        if starts > 0:
            windows = np.lib.stride_tricks.sliding_window_view(self._rewards, self.steps)
            self._array[first : first + starts, -2] = windows @ self._powers
            self._array[first : first + starts, -1] = self._last
            if terminated:
                self._array[first + starts - 1, -1] = 0.0
            self._episodes.append((first, starts))
            self._renew()
        self._head, self._rewards = first + length + 1, []
        self._filled = max(self._filled, self._head)

    def relabel(self, skill: Floats) -> None:
        """Give every stored step one skill, when rewards do not depend on it."""
        self._array[:, self.sizes.observation : self.sizes.seen] = skill

    def sample(self, count: int, rng: np.random.Generator) -> Batch:
        """`count` transitions: a uniform episode, then a uniform start in it."""
        episode = rng.integers(len(self._firsts), size=count)
        within = (rng.random(count) * self._starts[episode]).astype(np.int64)
        start = torch.from_numpy(self._firsts[episode] + within)
        return self._batch(start)

    def state_dict(self) -> dict[str, Any]:
        """All that is stored of whole episodes; rows are a view of the table."""
        rows, episodes = self._table[: self._filled], list(self._episodes)
        return {"rows": rows, "episodes": episodes, "head": self._head}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave, into a table as large or larger.

        Raises:
            ValueError: when the rows do not fit.
        """
        rows: Tensor = state["rows"]
        if len(rows) > self._rows or rows.shape[1] != self._table.shape[1]:
            raise ValueError(f"{tuple(rows.shape)} rows in {tuple(self._table.shape)}")
        self._table[: len(rows)] = rows
        self._head, self._filled, self._rewards = state["head"], len(rows), []
        self._episodes = deque(state["episodes"])
        self._renew()

    def _batch(self, start: Tensor) -> Batch:
        rows = self._table.index_select(0, start).to(self.device)
        sizes, seen = self.sizes, self.sizes.seen
        later = self._table[:, : sizes.observation].index_select(0, start + self.steps)
        later = later.to(self.device)
        skill = rows[:, sizes.observation : seen]
        return Batch(
            seen=rows[:, :seen],
            joint=rows[:, : seen + sizes.action],
            observation=rows[:, : sizes.observation],
            skill=skill,
            action=rows[:, seen : seen + sizes.action],
            mode=rows[:, -3],
            reward=rows[:, -2],
            discount=rows[:, -1],
            next=later,
            follows=torch.cat([later, skill], dim=1) if sizes.skill else later,
        )

    def _make_room(self) -> None:
        """Begin again at the front when the end is near; drop what is overwritten."""
        before = len(self._episodes)
        if self._head + self._longest + 1 > self._rows:
            while self._episodes and self._episodes[0][0] >= self._head:
                self._episodes.popleft()
            self._head = 0
        end = self._head + self._longest + 1
        while self._episodes and self._head <= self._episodes[0][0] < end:
            self._episodes.popleft()
        if len(self._episodes) != before:
            self._renew()

    def _renew(self) -> None:
        known = np.array(self._episodes, np.int64).reshape(-1, 2)
        self._firsts, self._starts = known[:, 0].copy(), known[:, 1].copy()

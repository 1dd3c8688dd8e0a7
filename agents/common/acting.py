"""What schedules that learn nothing share: they are saved and loaded, and draw from a seed."""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.state import broken
from leapbench.contract.agent import LearningPhase

RECORD = "agent.json"


class Untaught(ABC):
    """Learns nothing: it is its seed."""

    def __init__(self) -> None:
        self._restart(0)

    def learn(self, phase: LearningPhase) -> None:
        """Take the seed, and spend nothing."""
        self._restart(phase.seed)
        phase.report(1.0, "nothing to learn")

    @abstractmethod
    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        """Actions (B, ...), and what is kept of the episodes."""

    def save(self, folder: Path) -> None:
        """Write the seed as JSON."""
        (folder / RECORD).write_text(json.dumps({"seed": self.seed}))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when it is absent or damaged.
        """
        try:
            self._restart(int(json.loads((folder / RECORD).read_text())["seed"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise broken(folder, self, error) from error

    def _restart(self, seed: int) -> None:
        self.seed, self.rng = seed, np.random.default_rng([seed, 2])


class Schedule(Untaught):
    """Acts by a rule; `state` is what it keeps of each episode."""

    @abstractmethod
    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> Any:
        """The action for one observation.

        Args:
            observation: of one episode.
            memory: what the rule keeps of it, empty at first; may be changed.
        """

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        """Actions (B, ...) and what is kept of each episode; see `choose`."""
        fresh = np.ones(len(observation), bool) if episode_start is None else episode_start
        memories = state or [{} for _ in observation]
        memories = [{} if new else memory for new, memory in zip(fresh, memories, strict=True)]
        pairs = zip(observation, memories, strict=True)
        return np.array([self.choose(row, memory) for row, memory in pairs]), memories


class LookAhead(Untaught):
    """Upper bound by greed: tries every candidate on a copy of the world, and takes the best.

    It looks at the world itself, so that it is shown and not ranked.
    """

    privileged = True

    def bind(self, env: Any) -> None:
        """Take the vector environment in which it is to act."""
        self._worlds = [each.unwrapped for each in env.envs]

    @abstractmethod
    def candidates(self, world: Any) -> list[Any]:
        """Actions that are tried."""

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        """The action whose step is worth most, in each world."""
        return np.array([self._best(world) for world in self._worlds]), state

    def _best(self, world: Any) -> Any:
        tried = self.candidates(world)
        if world.over:
            return tried[0]
        worth = [copy.deepcopy(world).step(action)[1] for action in tried]
        return tried[int(np.argmax(worth))]

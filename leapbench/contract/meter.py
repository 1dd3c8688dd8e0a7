"""Budget meters: the suite counts, the agent cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np

from leapbench.contract.task import Budget
from leapbench.errors import BudgetExceeded


class Meter:
    """Counter of one unit with a hard limit; a copy is the same counter.

    Args:
        budget: the unit and the limit; `used` never passes `budget.limit`.
    """

    __slots__ = ("budget", "used")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.used = 0

    def __copy__(self) -> Meter:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Meter:
        # A copy of an environment, to try actions in, spends from the same budget.
        return self

    def __reduce__(self) -> Any:
        raise TypeError("A meter counts in one process: it cannot be pickled.")

    @property
    def left(self) -> int:
        """What may still be spent."""
        return self.budget.limit - self.used

    def spend(self, amount: int) -> None:
        """Count `amount` (0 or more) before it is given out.

        Raises:
            BudgetExceeded: when `amount` is more than what is left; nothing is counted.
            ValueError: when `amount` is negative.
        """
        if amount < 0:
            raise ValueError(f"Nothing is ever refunded: cannot spend {amount}.")
        if amount > self.budget.limit - self.used:
            raise BudgetExceeded(
                f"{amount} more {self.budget.unit} asked for, {self.left} of "
                f"{self.budget.limit} left."
            )
        self.used += amount


class MeteredEnv(gym.Wrapper[Any, Any, Any, Any]):
    """Count steps, episodes and return of one environment; stop at the limit.

    The wrapper belongs at the bottom of the stack, under everything that an
    agent adds. On the step that spends the last unit the episode is truncated;
    a step after that raises `BudgetExceeded`.

    Args:
        env: the environment to meter.
        meter: counter, one unit a step.
    """

    def __init__(self, env: gym.Env[Any, Any], meter: Meter) -> None:
        super().__init__(env)
        self.meter = meter
        self.episodes = 0
        self.returns: list[float] = []
        self._limit = meter.budget.limit
        self._return = 0.0

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment; see `gymnasium.Env.step`.

        Raises:
            BudgetExceeded: when the budget is already spent.
        """
        meter = self.meter
        if meter.used >= self._limit:
            meter.spend(1)
        meter.used += 1
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._return += reward  # type: ignore[operator]
        if terminated or truncated or meter.used >= self._limit:
            self.episodes += 1
            self.returns.append(self._return)
            self._return = 0.0
            truncated = truncated or not terminated
        return observation, reward, terminated, truncated, info

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode; resets are free, what was stepped stays counted."""
        self._return = 0.0
        return self.env.reset(seed=seed, options=options)


class MeteredVectorEnv(gym.vector.VectorWrapper):
    """Count every sub-environment's step of a vector environment.

    Args:
        env: the vector environment to meter.
        meter: counter, `env.num_envs` units a step.
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any], meter: Meter) -> None:
        super().__init__(env)
        self.meter = meter

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step all sub-environments; see `gymnasium.vector.VectorEnv.step`.

        Raises:
            BudgetExceeded: when the budget cannot pay for all of them.
        """
        self.meter.spend(self.num_envs)
        return self.env.step(actions)


class MeteredStream:
    """Shuffled passes over a labelled data set, counted in samples.

    Args:
        images: float32 (N, C, H, W).
        labels: int64 (N,), class of each image.
        meter: counter, one unit a sample.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, meter: Meter) -> None:
        self.images, self.labels, self.meter = images, labels, meter

    def __len__(self) -> int:
        return len(self.labels)

    def epoch(
        self, batch: int, rng: np.random.Generator, given: int = 0
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (images, labels) batches of exactly `batch`, in a fresh order.

        The rest that fills no batch is dropped and not counted. The first `given` batches are
        left out: a phase that goes on after a kill paid for them before.

        Raises:
            BudgetExceeded: when the budget cannot pay for the next batch.
        """
        order = rng.permutation(len(self))
        for start in range(given * batch, len(self) - batch + 1, batch):
            index = order[start : start + batch]
            self.meter.spend(len(index))
            yield self.images[index], self.labels[index]

    @property
    def passes(self) -> int:
        """Whole passes over the data that the budget still pays for."""
        return self.meter.left // len(self)

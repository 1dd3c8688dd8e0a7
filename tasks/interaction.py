"""What harnesses of learning by acting share: one metered world, then held-out episodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.rollout import checked
from leapbench.contract.task import Phase, Protocol
from leapbench.errors import UserError

TOGETHER = 10
"""Episodes that are stepped at once."""
Vector = gym.vector.VectorEnv[Any, Any, Any]


class InteractionHarness(Harness):
    """One phase of acting in a world, then episodes of what was learned.

    `settings.world` has arguments of the environment, `settings.learning` those that hold
    while an agent learns. Where `settings.save_every` says so, an agent is told after how
    many steps it may want to save what it has.

    Attributes:
        deterministic: whether policies are evaluated without the randomness of their own.
    """

    deterministic: ClassVar[bool] = True

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open the phase: the agent learns from a metered environment alone."""
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, self.seed)
        settings = self.protocol.settings
        arguments = settings.get("world", {}) | settings.get("learning", {})
        meter, world = Meter(phase.budget), self.protocol.evaluation.environment
        return LearningPhase(
            name=phase.name,
            meter=meter,
            seed=seed,
            settings={k: settings[k] for k in ("save_every",) if k in settings},
            make_env=partial(training, world, arguments, meter, held_out=self._held_out()),
            report=report,
        )

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Play every episode to its end, some at a time."""
        plan, rows = self.schedule(self.protocol, self.salt, self.seed), []
        (policy,) = parts.values()
        for start in range(0, len(plan), TOGETHER):
            report(start / len(plan), f"episode {start + 1} of {len(plan)}")
            planned = plan[start : start + TOGETHER]
            rows += self._played(policy, planned)
        return Outcome(rows)

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Episode and reset seed of each row."""
        count = protocol.evaluation.episodes
        fresh = seeds.stream(protocol.seed_key, "test", count, salt=salt)
        return [{"episode": episode, "seed": start} for episode, start in enumerate(fresh)]

    @staticmethod
    @abstractmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """See `Harness.metrics`."""

    def _held_out(self) -> frozenset[int]:
        """Reset seeds of the episodes that are scored."""
        return frozenset(int(row["seed"]) for row in self.schedule(self.protocol, self.salt))

    def _played(self, policy: Any, planned: Sequence[EpisodeRow]) -> list[EpisodeRow]:
        """Rows of an episode from each planned seed, with return and length."""
        count = len(planned)
        name, arguments = self.protocol.evaluation.environment, self.protocol.settings["world"]
        env = make(name, count, arguments, AutoresetMode.DISABLED)
        observation, _ = env.reset(seed=[int(row["seed"]) for row in planned])  # type: ignore[arg-type]
        total, length = np.zeros(count), np.zeros(count, np.int64)
        over, state, begins = np.zeros(count, bool), None, np.ones(count, bool)
        while not over.all():
            given, state = policy.predict(
                observation, state, begins, deterministic=self.deterministic
            )
            actions = checked(given, env.single_action_space, count)
            observation, reward, terminated, truncated, _ = env.step(actions)
            total, length = total + np.where(over, 0.0, reward), length + ~over
            over, begins = terminated | truncated, np.zeros(count, bool)
        env.close()
        found = zip(planned, total.tolist(), length.tolist(), strict=True)
        return [row | {"return": earned, "length": steps} for row, earned, steps in found]


class Apart(gym.vector.VectorWrapper):
    """Starts no episode that is scored: its seed is public, and its start could be learned.

    Args:
        env: the vector environment to learn in.
        held_out: seeds that it is not reset with.
    """

    def __init__(self, env: Vector, held_out: frozenset[int]) -> None:
        super().__init__(env)
        self.held_out = held_out

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """See `gymnasium.vector.VectorEnv.reset`.

        Raises:
            UserError: for the seed of an episode that is scored.
        """
        asked: Iterable[int | None] = ()
        if isinstance(seed, int | np.integer):
            asked = range(int(seed), int(seed) + self.num_envs)
        elif seed is not None:
            asked = seed
        if found := self.held_out.intersection(asked):
            raise UserError(
                f"Seed {min(found)} is that of an episode that is scored.",
                "Learn from other starts: reset(seed=phase.seed).",
            )
        return self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]


def training(
    environment: str,
    arguments: Mapping[str, Any],
    meter: Meter,
    num_envs: int = 1,
    *,
    held_out: frozenset[int] = frozenset(),
) -> MeteredVectorEnv:
    """A metered vector environment to learn in, whose episodes start again as they end.

    Args:
        environment: Gymnasium id.
        arguments: of the environment.
        meter: counts the steps.
        num_envs: sub-environments.
        held_out: seeds of the episodes that are scored, which it is not reset with.

    Raises:
        UserError: when `num_envs` is no whole number from 1 on.
    """
    if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
        raise UserError(f"num_envs must be a whole number from 1 on, got {num_envs!r}.")
    env = make(environment, num_envs, arguments, AutoresetMode.SAME_STEP)
    return MeteredVectorEnv(Apart(env, held_out), meter)


def make(
    environment: str, num_envs: int, arguments: Mapping[str, Any], mode: AutoresetMode
) -> Vector:
    """A vector environment: the native one where there is one."""
    if gym.spec(environment).vector_entry_point is None:
        options = {"autoreset_mode": mode}
        return gym.make_vec(environment, num_envs, "sync", vector_kwargs=options, **arguments)
    native = "vector_entry_point"
    return gym.make_vec(environment, num_envs, native, autoreset_mode=mode, **arguments)

"""What harnesses of learning by acting share: one metered world, then held-out episodes."""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.rollout import rollout
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
        return episodes(protocol, salt)

    @staticmethod
    @abstractmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """See `Harness.metrics`."""

    def ended(self, env: Vector, info: Mapping[str, Any], index: int) -> EpisodeRow:
        """What a row has of an episode that has just ended, beside return and length.

        Args:
            env: the vector environment.
            info: of the step in which it ended.
            index: its place among the sub-environments.
        """
        return {}

    def _held_out(self) -> frozenset[int]:
        """Reset seeds of the episodes that are scored."""
        plan = self.schedule(self.protocol, self.salt, self.seed)
        return frozenset(int(row["seed"]) for row in plan)

    def _played(self, policy: Any, planned: Sequence[EpisodeRow]) -> list[EpisodeRow]:
        """Rows of an episode from each planned seed, with return and length."""
        count = len(planned)
        name, arguments = self.protocol.evaluation.environment, self.protocol.settings["world"]
        env = make(name, count, arguments, AutoresetMode.DISABLED)
        observation, _ = env.reset(seed=[int(row["seed"]) for row in planned])  # type: ignore[arg-type]
        rows: list[EpisodeRow] = [dict(row) for row in planned]
        total, length = np.zeros(count), np.zeros(count, np.int64)
        for step in rollout(env, policy, observation, self.deterministic):
            total, length = total + np.where(step.live, step.reward, 0.0), length + step.live
            for i in np.flatnonzero(step.ended).tolist():
                rows[i] |= {"return": float(total[i]), "length": int(length[i])}
                rows[i] |= self.ended(env, step.info, i)
        env.close()
        return rows


def episodes(protocol: Protocol, salt: str, *path: int) -> list[EpisodeRow]:
    """Episode and reset seed of each row of an evaluation.

    Args:
        protocol: the frozen protocol.
        salt: moves the test stream.
        path: of the stream; the run's seed where that decides the episodes.
    """
    count = protocol.evaluation.episodes
    fresh = seeds.stream(protocol.seed_key, "test", count, *path, salt=salt)
    return [{"episode": episode, "seed": start} for episode, start in enumerate(fresh)]


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
            UserError: for the seed of an episode that is scored, or what is no seed.
        """
        plain = seed if seed is None else _plain(seed)  # of types that say one thing only
        asked = range(plain, plain + self.num_envs) if isinstance(plain, int) else plain or ()
        if found := self.held_out.intersection(asked):
            raise UserError(
                f"Seed {min(found)} is that of an episode that is scored.",
                "Learn from other starts: reset(seed=phase.seed).",
            )
        return self.env.reset(seed=plain, options=options)  # type: ignore[arg-type]


def _plain(seed: Any) -> int | list[int | None]:
    """A seed, or one for each sub-environment."""
    try:
        if isinstance(seed, Sequence | np.ndarray) and not isinstance(seed, str | bytes):
            return [None if each is None else _whole(each) for each in seed]
        return _whole(seed)
    except TypeError:
        raise UserError(
            f"A seed is a whole number, or a list of them, got {seed!r}.",
            "reset(seed=phase.seed) starts the first of a row of episodes.",
        ) from None


def _whole(number: Any) -> int:
    # The value itself: a subclass may say another one when it is asked twice.
    return int.__add__(operator.index(number), 0)


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


class Staying(gym.vector.SyncVectorEnv):
    """Sub-environments one after the other, of which each that is over stays over.

    Gymnasium refuses a step of all while one has ended and none is reset; episodes that end at
    different times could then not be played together. Native vector environments do the same.
    """

    def __init__(self, environment: str, num_envs: int, arguments: Mapping[str, Any]) -> None:
        def one() -> gym.Env[Any, Any]:
            return Over(gym.make(environment, **arguments))

        super().__init__([one] * num_envs, autoreset_mode=AutoresetMode.DISABLED)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """See `gymnasium.vector.VectorEnv.step`; actions of those that are over are ignored."""
        self._autoreset_envs[:] = False
        return super().step(actions)


class Over(gym.Wrapper[Any, Any, Any, Any]):
    """After the end of an episode a step changes nothing and gives no reward."""

    _last: tuple[Any, bool, bool] | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """See `gymnasium.Env.reset`."""
        self._last = None
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """See `gymnasium.Env.step`."""
        if self._last is not None:
            observation, terminated, truncated = self._last
            return observation, 0.0, terminated, truncated, {}
        found = self.env.step(action)
        if found[2] or found[3]:
            self._last = found[0], found[2], found[3]
        return found


def make(
    environment: str, num_envs: int, arguments: Mapping[str, Any], mode: AutoresetMode
) -> Vector:
    """A vector environment: the native one where there is one."""
    if gym.spec(environment).vector_entry_point is not None:
        native = "vector_entry_point"
        return gym.make_vec(environment, num_envs, native, autoreset_mode=mode, **arguments)
    if mode == AutoresetMode.DISABLED:
        return Staying(environment, num_envs, arguments)
    options = {"autoreset_mode": mode}
    return gym.make_vec(environment, num_envs, "sync", vector_kwargs=options, **arguments)

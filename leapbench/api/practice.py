"""`lb.make_env`: the world that a task's agents practise in, for anybody's training loop."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from leapbench.contract import registry, seeds
from leapbench.contract.harness import Harness
from leapbench.contract.meter import MeteredVectorEnv
from leapbench.contract.task import Budget, Phase, Protocol, Task
from leapbench.errors import UserError
from leapbench.running import cell as cells
from leapbench.running.cell import Cell, protocol_of

UNLIMITED = 2**53
"""Units of a practice that nobody meters."""
SEEDED = 7
"""Spawn key that keeps these reset seeds apart from those of agents."""


def make_env(
    task: str,
    num_envs: int | None = None,
    *,
    seed: int = 0,
    tier: str = "smoke",
    phase: str | None = None,
    model: str = "",
    out: str | Path = "runs",
    **arguments: Any,
) -> Any:
    """The practice world of a task, unmetered: what its agents learn in, never the test.

    Args:
        task: such as "activeview/niche".
        num_envs: sub-environments of a `gymnasium.vector.VectorEnv`, which restart in the
            step that ends them; None for a plain `gymnasium.Env`.
        seed: of the first reset that is given none, and of the phase.
        tier: "smoke", "lite" or "paper".
        phase: which practice, where a task has several; else the first that acts and,
            where some have rewards, is rewarded.
        model: where policies act on the outputs of a model: its name; else the default
            one. It learns first, and is kept under `out`.
        out: folder of results.
        arguments: further ones of the family's own practice, such as `stream`.

    Returns:
        A `gymnasium.Env`, or a `VectorEnv` whose observations are (N, *observation shape),
        whose actions are (N, *action shape) and whose rewards are float (N,). Shapes and
        dtypes are those of its spaces.

    Raises:
        UserError: for an unknown task, tier or phase, one without a world, or no environment.
    """
    if num_envs is not None and num_envs < 1:
        raise UserError(f"num_envs={num_envs} is no number of environments.", "Expected 1 or more.")
    found = registry.task(task)
    protocol = protocol_of(found, tier)
    chosen = practice(found, protocol, phase)
    harness, parts = opened(found, protocol, chosen, seed, model, Path(out))
    harness.protocol = unmetered(protocol)
    own = next(each for each in harness.protocol.phases if each.name == chosen.name)
    make = harness.open(own, parts, lambda fraction, line: None).make_env
    if make is None:
        raise UserError(f"Phase {chosen.name!r} of {task} has no world to practise in.")
    (first,) = seeds.stream(protocol.seed_key, "train", 1, SEEDED, seed)
    env: Any = bare(make(num_envs or 1, **arguments))
    return Seeded(env, first) if num_envs else Single(env, first)


def opened(
    task: Task, protocol: Protocol, phase: Phase, seed: int, model: str, out: Path
) -> tuple[Harness, dict[str, Any]]:
    """The harness of a task, and what a phase needs that other roles learn first."""
    earlier = [p for p in protocol.phases[: protocol.phases.index(phase)] if p.role != phase.role]
    roles = {each.role for each in earlier}
    name = model or "+".join(task.default_agents.values()) or _any(task)
    threads = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else 0
    try:
        return cells.learned(Cell(task.name, protocol.tier, name, seed, (), out), roles)
    finally:
        if threads:
            sys.modules["torch"].set_num_threads(threads)


def _any(task: Task) -> str:
    """Any agent that fits: none of its parts is built."""
    fitting = (p.name for p in registry.agents_of(task.family).values() if p.fits(task))
    return next(fitting)


def practice(task: Task, protocol: Protocol, name: str | None = None) -> Phase:
    """The phase of a name, or the one that a policy from elsewhere would practise in.

    Raises:
        UserError: when there is none.
    """
    acting = [p for p in protocol.phases if p.role != "model"]
    if name is not None:
        acting = [p for p in acting if p.name == name]
    if not acting:
        known = ", ".join(p.name for p in protocol.phases if p.role != "model")
        what = f"has no practice {name!r}" if name else "has nothing to practise"
        raise UserError(f"{task.name} {what}.", f"It has: {known or 'none'}.")
    return next((p for p in acting if p.after), acting[0])  # branches have the rewards


def unmetered(protocol: Protocol) -> Protocol:
    """A protocol whose budgets nobody reaches; its worlds and seeds are the same."""
    free = tuple(
        p.model_copy(update={"budget": Budget(unit=p.budget.unit, limit=UNLIMITED)})
        for p in protocol.phases
    )
    return protocol.model_copy(update={"phases": free})


def bare(env: Any) -> Any:
    """An environment without its meter."""
    return env.env if isinstance(env, MeteredVectorEnv) else env


class Seeded(gym.vector.VectorWrapper):
    """A vector environment whose first reset has a seed although none is given.

    Args:
        env: the vector environment.
        seed: of that reset.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], seed: int) -> None:
        super().__init__(env)
        self._seed: int | None = seed

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Start all episodes; see `gymnasium.vector.VectorEnv.reset`."""
        first, self._seed = self._seed, None
        return self.env.reset(seed=first if seed is None else seed, options=options)


class Single(gym.Env[Any, Any]):
    """The one sub-environment of a vector environment that restarts by itself.

    Args:
        env: of one sub-environment, with autoreset mode SAME_STEP.
        seed: of the first reset that is given none.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], seed: int) -> None:
        self._vector = Seeded(env, seed)
        self.observation_space = env.single_observation_space
        self.action_space = env.single_action_space
        self._next: tuple[Any, dict[str, Any]] | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode: the one that has begun by itself, unless a seed is given."""
        if self._next is not None and seed is None and not options:
            started, self._next = self._next, None
            return started
        observation, info = self._vector.reset(seed=seed, options=options)
        self._next = None
        return observation[0], first(info)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step the environment; see `gymnasium.Env.step`."""
        actions = np.asarray(action)[None]
        observation, reward, terminated, truncated, info = self._vector.step(actions)
        seen, ended = observation[0], bool(terminated[0] or truncated[0])
        about = first(info)
        if ended:
            self._next = (np.array(seen), {})
            seen, about = info["final_obs"][0], first(info.get("final_info", {}))
        return np.array(seen), float(reward[0]), bool(terminated[0]), bool(truncated[0]), about

    def close(self) -> None:
        """Close the environment."""
        self._vector.close()


def first(info: dict[str, Any]) -> dict[str, Any]:
    """What a vector's info says about its first sub-environment."""
    own = {n: v for n, v in info.items() if not n.startswith(("_", "final_"))}
    return {n: v[0] if isinstance(v, np.ndarray) and v.ndim else v for n, v in own.items()}

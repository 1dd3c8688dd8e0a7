"""Plays one episode and turns its frames into a file.

A family that can show policies has a module `watch` beside its harness with
`make(env_id) -> gym.Env`, the environment as a viewer wants it, and
`taught(env, policy, seed, report) -> Policy`, the policy after learning from what the
environment brings along. Ids that no task evaluates on, and that it can show, are in its `IDS`:
a list, or names of the tasks whose agents act there by id.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import gymnasium as gym
import numpy as np
from PIL import Image

from leapbench.contract import registry
from leapbench.contract.agent import Policy
from leapbench.contract.declaration import Declaration
from leapbench.contract.harness import Report
from leapbench.contract.rollout import rollout
from leapbench.contract.task import Task
from leapbench.errors import UserError, unknown
from leapbench.running.composition import built

FORMATS = (".gif", ".png")
OURS = "leapbench/"
RANDOM = "random"  # acts as a viewer does without an agent


def environments() -> dict[str, list[str]]:
    """Our environments and those of plug-in tasks, each with the tasks that use it."""
    found: dict[str, list[str]] = {name: [] for name in gym.registry if name.startswith(OURS)}
    protocols = (p for task in registry.tasks().values() for p in task.protocols.values())
    for name in sorted({protocol.evaluation.environment for protocol in protocols}):
        if name in gym.registry:
            found[name] = [task.name for task in _users(name)]
    return found


def _users(env_id: str) -> list[Task]:
    """The tasks whose evaluation names the environment.

    Where some of them say which actions it takes, the others, and those of recorded
    sequences, only stand for the same learner, and step nothing.
    """
    every = [
        task
        for task in registry.tasks().values()
        if any(p.evaluation.environment == env_id for p in task.protocols.values())
    ]
    return [task for task in every if task.actions and task.acting] or every


def check_target(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is played.

    Raises:
        UserError: for another ending, or a folder that does not exist.
    """
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"--out {path}: expected a name that ends in .gif or .png.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"--out {path}: there is no folder {path.parent}.", "Make it first.")


def prepare(
    env_id: str,
    agent: str | None,
    seed: int,
    report: Report = lambda fraction, line: None,
) -> tuple[gym.Env[Any, Any], Policy | None]:
    """The environment and, when `agent` is given, its policy after learning.

    Args:
        env_id: of a world.
        agent: a part that acts; None for random actions.
        seed: of the learning.
        report: called with the fraction learned in [0, 1] and a short line.

    Raises:
        UserError: for an unknown environment or agent, or an agent that does
            not act on this environment.
    """
    if env_id not in environments():
        raise unknown("environment", env_id, environments(), "leapbench list envs")
    task = _task(env_id)
    chance = agent is None or (agent == RANDOM and task is None)
    part = None if agent is None or chance else _part(agent, env_id, task)
    viewer = _viewer(task)
    if viewer is None and part is not None and agent != RANDOM:
        raise UserError(
            f"{env_id} can only be watched with random actions: its agents learn for too long.",
            "Leave out --agent.",
        )
    env = viewer.make(env_id) if viewer else gym.make(env_id, render_mode="rgb_array")
    if viewer is None or part is None:
        return env, None
    return env, viewer.taught(env, built(part, part.config), seed, report)


def play(
    env: gym.Env[Any, Any], policy: Policy | None, seed: int, steps: int
) -> tuple[list[np.ndarray], float]:
    """Frames, uint8 (H, W, 3), and return of one episode or its first `steps` steps.

    Args:
        env: made with `render_mode="rgb_array"`.
        policy: acts deterministically; None for random actions.
        seed: of the episode and of the random actions.
        steps: at most this many.
    """
    observation, _ = env.reset(seed=seed)
    env.action_space.seed(seed)
    frames, score = [_frame(env)], 0.0
    acting = cast(Policy, policy or Chance(env.action_space))
    for step in islice(rollout(env, acting, observation), steps):
        score += float(step.reward[0])
        frames.append(_frame(env))
    return frames, score


class Chance:
    """Acts at random, for viewers without a policy.

    Args:
        space: of the actions, seeded by whoever watches.
    """

    def __init__(self, space: gym.Space[Any]) -> None:
        self.space = space

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, Any]:
        """One action for the one observation."""
        return np.asarray(self.space.sample())[None], state


def save(frames: list[np.ndarray], path: Path, fps: float) -> None:
    """Write a GIF of all frames, its last one held for two seconds, or a PNG of the last.

    Args:
        frames: uint8 (H, W, 3) each, not empty.
        path: ends in .gif or .png.
        fps: frames a second.
    """
    if path.suffix.lower() == ".png":
        Image.fromarray(frames[-1]).save(path)
        return
    gif(quantised(frames), path, fps)


def quantised(frames: list[np.ndarray]) -> list[Image.Image]:
    """Frames with a palette of 64 colours each, as a GIF needs them."""
    return [Image.fromarray(frame).quantize(64) for frame in frames]


def gif(images: list[Image.Image], path: Path, fps: float) -> None:
    """Write a GIF of quantised frames, its last one held for two seconds."""
    durations = [round(1000 / fps)] * (len(images) - 1) + [2000]  # milliseconds
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0)


def _frame(env: gym.Env[Any, Any]) -> np.ndarray:
    frame = env.render()
    if not isinstance(frame, np.ndarray):
        raise UserError("This environment does not render.", 'It lacks render_mode="rgb_array".')
    return frame


def _task(env_id: str) -> Task | None:
    """The first task whose evaluation uses the environment, or whose family can show it."""
    for task in _users(env_id):
        return task
    for task in registry.tasks().values():
        ids = getattr(_viewer(task), "IDS", ())
        if env_id in ids:
            return registry.task(ids[env_id]) if isinstance(ids, Mapping) else task
    return None


def _viewer(task: Task | None) -> ModuleType | None:
    """The task's module `watch`, beside its harness."""
    if task is None:
        return None
    name = f"{task.harness.partition(':')[0].rpartition('.')[0]}.watch"
    return import_module(name) if find_spec(name) else None


def _part(name: str, env_id: str, task: Task | None) -> Declaration:
    """Declaration of a part that can act on the environment.

    Raises:
        UserError: when there is none, or it does not act, or sees what it may not.
    """
    family = task.family if task else ""
    part = registry.agent(name, family)

    def acts(other: Declaration) -> bool:
        # Where nothing is acted in, nobody says which actions are taken.
        own = other.family == family
        fits = own if task is None or not task.acting else other.fits(task)
        return other.role != "model" and other.ranked and fits

    if not acts(part):
        known = registry.agents_of(family).values()
        good = [other.name for other in known if other.family and acts(other)]
        choices = f"These do: {', '.join(good) or 'none yet'}."
        raise UserError(f"{name!r} does not act on {env_id}.", choices)
    return part

"""Runs the track on which agents reconstruct for themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding

from leapbench.contract.agent import Learner
from leapbench.contract.harness import EpisodeRow
from leapbench.contract.task import Protocol
from leapbench.envs.activeview.base import ViewsEnv
from leapbench.envs.activeview.capture import Capture
from leapbench.envs.activeview.pools import ASIDE, CENTRE
from leapbench.envs.activeview.referee import PSNRCurve
from leapbench.tasks.activeview import worlds
from leapbench.tasks.activeview.harness import ActiveViewHarness, means, row
from leapbench.tasks.activeview.system import System, candidate, picture, system


class SystemHarness(ActiveViewHarness):
    """A system chooses views and renders what hidden cameras see.

    Scenes, cameras and seeds are those that a policy meets under the same seed key. Of
    `settings.world` the numbers of cameras and pixels count; the field is the agent's,
    and how long it trains too. Practice is that of policies, with the suite's field.
    """

    def episode(self, parts: Mapping[str, Learner], planned: EpisodeRow) -> EpisodeRow:
        """See `ActiveViewHarness.episode`."""
        return episode(self.protocol, system(parts["agent"]), planned)

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """As of `ActiveViewHarness`, without `ause`: a system shows no variance."""
        return means(protocol, rows, ("area", "final", "hidden", "decoys"))


def episode(protocol: Protocol, agent: System, planned: Mapping[str, Any]) -> EpisodeRow:
    """Measures of one episode, for the `scene` and the reset `seed` that are planned.

    Raises:
        AgentError: for a choice or a picture that is none.
    """
    arguments = worlds.located(protocol.settings["world"] | {"scene": planned["scene"]})
    env = gym.make(protocol.evaluation.environment, disable_env_checker=True, **arguments)
    capture, seed = drawn(env, int(planned["seed"]))
    info, taken = play(agent, capture, seed, int(arguments["views"]))
    past = worlds.decoys(capture.candidates, np.array(CENTRE), ASIDE[0] / 2)
    return row(info, int(past[taken].sum()), info["views"])


def drawn(env: gym.Env[Any, Any], seed: int) -> tuple[Capture, int]:
    """What `env.reset(seed=seed)` is played on, and the seed of its field; trains none."""
    views: ViewsEnv = env.unwrapped  # type: ignore[assignment]
    views.np_random, _ = seeding.np_random(seed)
    return views.draw()


def play(
    agent: System, capture: Capture, seed: int, views: int
) -> tuple[dict[str, Any], list[int]]:
    """One episode; the agent is judged before the first acquisition and after each.

    Args:
        agent: chooses and renders; what it returns is not trusted.
        capture: what the episode is played on.
        seed: for the agent's random numbers.
        views: budget of acquisitions.

    Returns:
        What an environment's last info has, but for the calibration, and the choices.

    Raises:
        AgentError: for a choice or a picture that is none.
    """
    free, taken, curve = np.ones(len(capture.candidates), bool), [], PSNRCurve()
    agent.begin(capture.optics.intrinsics, capture.candidates.copy(), seed)
    for image, pose in zip(*capture.initial, strict=True):
        agent.observe(image.copy(), pose.copy())
    judge(agent, capture, curve, 0)
    for acquired in range(1, views + 1):
        index = candidate(agent.choose(free.copy()), free)
        free[index] = False
        taken.append(index)
        agent.observe(capture.photograph(index).copy(), capture.candidates[index].copy())
        judge(agent, capture, curve, acquired)
    return {"views": views} | curve.summary(views), taken


def judge(agent: System, capture: Capture, curve: PSNRCurve, acquired: int) -> None:
    """Add to `curve` how well the agent renders the hidden views, whose pictures it never sees.

    Raises:
        InvalidOutput: for what is no picture.
    """
    shown = [picture(agent.render(pose.copy()), capture.optics) for pose in capture.test.poses]
    curve.judge(acquired, np.stack(shown), capture)

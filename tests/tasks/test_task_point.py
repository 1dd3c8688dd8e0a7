"""The entropy point as a task: its tree of phases, its anchors, its entropies."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest

from leapbench.agents.urlb.guided_point.policy import Guided
from leapbench.agents.urlb.random.policy import Random
from leapbench.contract import registry
from leapbench.contract.artifacts import ArtifactStore
from leapbench.envs.urlb.point.dynamics import GOALS
from leapbench.envs.urlb.point.vector import EntropyPointVectorEnv
from leapbench.running.composition import compose
from leapbench.tasks.urlb.harness import UrlbHarness, cells, entropy

POINT = registry.task("urlb/entropy-point")
EPISODES = 400


def share(policy: Any, noise: float, goal: str) -> np.ndarray:
    """Return over T of each of `EPISODES` episodes."""
    world = POINT.protocols["lite"].settings["world"]
    env = EntropyPointVectorEnv(EPISODES, noise=noise, task=goal, **world)
    seen, _ = env.reset(seed=10**6)
    if isinstance(policy, Guided):
        policy.bind(env)
    total = np.zeros(EPISODES)
    for _ in range(world["horizon"]):
        seen, reward, *_ = env.step(policy.predict(seen)[0])
        total += reward
    return total / world["horizon"]


@pytest.mark.parametrize(("noise", "end"), [(0.0, "floor"), (0.02, "ceiling")])
def test_anchors_are_what_their_policies_earn(noise: float, end: str, tmp_path: Any) -> None:
    policy: Any = Guided()
    if end == "floor":
        policy = Random()
        harness = UrlbHarness(POINT.protocols["lite"], 0, ArtifactStore(tmp_path))
        phase = POINT.protocols["lite"].phases[0]
        policy.learn(harness.open(phase, {}, lambda fraction, line: None))
    found = np.stack([share(policy, noise, goal) for goal in GOALS]).mean(axis=0)
    error = found.std() / EPISODES**0.5
    for protocol in POINT.protocols.values():
        anchor = getattr(protocol.metric, end).value
        # Five standard errors of these episodes, whose goals share their kicks.
        assert abs(found.mean() - anchor) < 5 * error


def test_the_worse_noise_of_either_anchor_is_the_one_that_is_taken() -> None:
    calm = np.mean([share(Guided(), 0.0, goal).mean() for goal in GOALS])
    assert calm > POINT.protocols["lite"].metric.ceiling.value


@pytest.mark.parametrize("tier", POINT.protocols)
def test_every_goal_is_learned_at_both_noises_from_the_same_root(tier: Any) -> None:
    protocol = POINT.protocols[tier]
    worlds = protocol.settings["worlds"]
    assert set(worlds) == {phase.name for phase in protocol.phases}
    branches = [phase for phase in protocol.phases if phase.after]
    learned = {(worlds[b.name]["noise"], worlds[b.name]["task"]) for b in branches}
    assert learned == {(noise, goal) for noise in (0.0, 0.02) for goal in GOALS}
    assert all(worlds[b.after] == {"noise": worlds[b.name]["noise"]} for b in branches)
    assert len({b.budget.limit for b in branches}) == 1
    warmup = registry.agent("moss", "urlb").config["warmup"]
    assert all(phase.budget.limit > warmup for phase in protocol.phases)


def test_all_agents_of_the_card_share_the_backbone_s_constants() -> None:
    shared = ("hidden", "batch", "rate", "every", "warmup")
    found = {
        tuple(compose(POINT, name).config["policy"][key] for key in shared)
        for name in POINT.card.baselines
        if name not in ("random", "guided-point")
    }
    assert len(found) == 1


def test_places_become_cells() -> None:
    seen = np.zeros((1, 4, 4))
    seen[0, :, :2] = [(-1, -1), (-0.81, -1), (-0.79, -1), (1, 1)]
    assert cells(seen, 10).tolist() == [[0, 0, 10, 99]]
    numbered = np.array([[3, 5]])
    assert cells(numbered, 0) is numbered
    assert entropy(cells(seen, 10)[0]) == pytest.approx(1.5 * log(2), abs=1e-6)

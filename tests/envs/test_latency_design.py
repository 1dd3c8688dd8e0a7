"""Design for a device: what a choice earns, and what asking the device is worth."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from leapbench.agents.latency.chooser.policy import ByLatency, ByMultiplyAdds, FittedMultiplyAdds
from leapbench.envs.latency.design.env import LatencyDesignEnv
from leapbench.envs.latency.design.vector import LatencyDesignVectorEnv
from leapbench.envs.latency.design.world import designs, packaged
from leapbench.envs.latency.predictor import dynamic_block, static_block
from leapbench.errors import UserError


def test_latencies_are_the_models_at_the_mean_rates() -> None:
    world, found = packaged(), designs()
    place = next(i for i, d in enumerate(world.devices) if "V100" in d.title and d.batch == 128)
    device, blocks = world.devices[place], found.shape.blocks
    grains, rates = found.granularity[3], found.rates[3, 2]
    total = sum(
        float(dynamic_block(device, b, int(grains[b.stage]), max(r - 1e-6, 0)))
        for b, r in zip(blocks, rates, strict=True)
    )
    dense = sum(static_block(device, b) for b in blocks)
    at = 3 * found.accuracy.shape[1] + 2
    assert world.latency[place, at] == pytest.approx(total / dense, rel=1e-3)


def test_what_is_too_slow_earns_nothing() -> None:
    env = LatencyDesignEnv()
    env.reset(seed=0)
    slowest = int(env.world.latency[env.place].argmax())
    env.budget = float(env.world.latency[env.place, slowest]) - 1e-9
    _, reward, over, _, info = env.step(slowest)
    assert (reward, over) == (0.0, True)
    assert info["regret"] == env.world.best(np.array([env.place]), np.array([env.budget]))[0]


def test_regret_of_the_choosers() -> None:
    env = LatencyDesignVectorEnv(400)
    regrets = []
    for policy in (ByLatency(), FittedMultiplyAdds(), ByMultiplyAdds()):
        observation, _ = env.reset(seed=0)
        *_, infos = env.step(policy.choose(observation))
        regrets.append(infos["regret"].mean())
    assert 0 <= regrets[0] < 0.03
    assert regrets[0] < regrets[1]
    assert regrets[0] < regrets[2]


def test_the_table_is_one_of_the_network() -> None:
    found = designs()
    count = len(found.granularity)
    assert found.seen.shape == found.accuracy.shape == found.multiply_adds.shape
    assert found.rates.shape[:2] == found.accuracy.shape
    assert len({tuple(g) for g in found.granularity.tolist()}) == count
    assert (np.diff(found.multiply_adds, axis=1) > 0).all()
    assert (found.rates[:, -1] == 1).all()


def test_a_file_that_is_no_table_is_refused(tmp_path: object) -> None:
    with pytest.raises(UserError):
        designs(tmp_path / "none.npz")  # type: ignore[operator]


def test_choices_outside_are_refused() -> None:
    env = LatencyDesignEnv()
    env.reset(seed=0)
    with pytest.raises(gym.error.InvalidAction):
        env.step(env.world.designs.count)

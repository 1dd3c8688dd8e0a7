"""Learning, saving and acting on a tiny game."""

import numpy as np
import pytest
import torch
from atari100k_pieces import Catch, made, phase

from leapbench.agents.common.chance import Chance
from leapbench.contract.checkpoints import Checkpoints
from leapbench.contract.registry import agents_of
from leapbench.errors import UserError

NAMES = sorted(name for name, part in agents_of("atari100k").items() if part.family == "atari100k")


@pytest.mark.parametrize("name", NAMES)
def test_what_was_learned_survives_its_folder(name, tmp_path):
    agent, given = made(name), phase(60)
    agent.learn(given)
    assert given.meter.used in (0, 60)
    agent.save(tmp_path)
    again = made(name)
    again.load(tmp_path)
    seen = np.random.default_rng(0).integers(0, 256, (5, 4, 84, 84), dtype=np.uint8)
    actions = again.predict(seen, deterministic=True)[0]
    assert actions.shape == (5,)
    assert set(actions.tolist()) <= {0, 1, 2}
    if not isinstance(agent, Chance):
        assert actions.tolist() == agent.predict(seen, deterministic=True)[0].tolist()
    if name not in ("random", "sb3-dqn", "sb3-ppo"):
        assert {"return"} <= {what for _, what, _ in again.curve}


class Killed(Exception):
    pass


def test_a_killed_phase_goes_on_to_equal_bytes(tmp_path):
    name = "vcr"
    whole = made(name)
    checkpoints = Checkpoints(tmp_path / "whole")
    whole.learn(phase(120, checkpoints=checkpoints, save_every=50))

    half, checkpoints = made(name), Checkpoints(tmp_path / "half")
    opened = phase(120, checkpoints=checkpoints, save_every=50)
    make = opened.make_env

    def dying(count):
        env = make(count)
        step = env.step

        def stepping(actions):
            if opened.meter.used == 100:
                raise Killed
            return step(actions)

        env.step = stepping
        return env

    opened.make_env = dying
    with pytest.raises(Killed):
        half.learn(opened)
    going = phase(120, checkpoints=checkpoints, save_every=50)
    checkpoints.resume(going.meter)
    assert 50 <= going.meter.used < 100
    last = made(name)
    last.learn(going)
    for key, part in whole.learner.parts().items():
        for one, other in zip(
            part.state_dict().values(), last.learner.parts()[key].state_dict().values(), strict=True
        ):
            assert torch.equal(one, other)
    assert whole.curve == last.curve


def test_other_spaces_are_refused():
    class Wide(Catch):
        def __init__(self):
            super().__init__()
            self.observation_space = type(self.observation_space)(0, 255, (4, 96, 96), np.uint8)

    with pytest.raises(UserError, match="needs observations uint8"):
        made("rainbow").learn(phase(5, Wide))
    with pytest.raises(UserError, match="nothing learned yet"):
        made("rainbow").predict(np.zeros((1, 4, 84, 84), np.uint8))
    with pytest.raises(UserError, match="no encoder"):
        made("rainbow", encoder="natur").learn(phase(5))

"""Learning, saving and acting on tiny worlds of states and of pixels."""

import numpy as np
import pytest
import torch
from dmc_pieces import Pixels, Push, made, phase

from leapbench.agents.common.chance import Chance
from leapbench.contract.checkpoints import Checkpoints
from leapbench.contract.registry import agents_of
from leapbench.errors import UserError

OWN = sorted(name for name, part in agents_of("dmc").items() if part.family == "dmc")


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("world", [Push, Pixels])
def test_what_was_learned_survives_its_folder(name, world, tmp_path):
    if world is Pixels and name == "sb3-sac":
        pytest.skip("its network for pixels needs 36 x 36")
    agent, given = made(name), phase(40, world)
    agent.learn(given)
    assert given.meter.used in (0, 40)
    agent.save(tmp_path)
    again = made(name)
    again.load(tmp_path)
    env = world()
    seen = np.stack([env.reset(seed=i)[0] for i in range(3)])
    actions = again.predict(seen, deterministic=True)[0]
    assert actions.shape == (3, 2)
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1
    if not isinstance(agent, Chance):
        np.testing.assert_array_equal(actions, agent.predict(seen, deterministic=True)[0])


class Killed(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("world", [Push, Pixels])
def test_a_killed_phase_goes_on_to_equal_bytes(world, tmp_path):
    whole = made("vcr")
    whole.learn(phase(70, world, checkpoints=Checkpoints(tmp_path / "whole"), save_every=30))
    checkpoints = Checkpoints(tmp_path / "half")
    opened = phase(70, world, checkpoints=checkpoints, save_every=30)
    make = opened.make_env

    def dying(count):
        env = make(count)
        step = env.step

        def stepping(actions):
            if opened.meter.used == 55:
                raise Killed
            return step(actions)

        env.step = stepping
        return env

    opened.make_env = dying
    with pytest.raises(Killed):
        made("vcr").learn(opened)
    going = phase(70, world, checkpoints=checkpoints, save_every=30)
    checkpoints.resume(going.meter)
    assert 30 <= going.meter.used < 55
    last = made("vcr")
    last.learn(going)
    for key, part in whole.learner.parts().items():
        others = last.learner.parts()[key].state_dict()
        for name, value in part.state_dict().items():
            assert torch.equal(value, others[name]), name


def test_other_spaces_are_refused():
    class Choosing(Push):
        def __init__(self):
            super().__init__()
            self.action_space = type(self.action_space)(-2, 2, (2,), np.float32)

    with pytest.raises(UserError, match="actions in"):
        made("sac").learn(phase(5, Choosing))

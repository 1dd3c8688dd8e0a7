"""A model of control learned alone, from latents and a critic that stay as they are."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from dmc_pieces import made

from leapbench.agents.dmc.common import probe
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter
from leapbench.contract.sequences import MeteredSequences
from leapbench.contract.task import Budget
from leapbench.errors import UserError

MODELS = ("spr", "vcr", "vcr-no-nstep", "vcr-taken", "vcr-only", "latent-mse")


def transitions(count=300):
    """Latents that an action moves along a line."""
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    line = rng.normal(size=(2, 50)).astype(np.float32) / 4
    latents = np.concatenate([np.zeros((1, 50)), np.cumsum(actions[:-1], 0) @ line])
    critic = made("sac").make({"observation": [3], "actions": 2}, 3, torch.device("cpu")).critic
    return SimpleNamespace(
        latents=latents.astype(np.float32),
        actions=actions,
        rewards=rng.normal(size=count).astype(np.float32),
        ends=np.arange(count) % 50 == 49,
        choices=rng.uniform(-1, 1, (count, 2)).astype(np.float32),
        weights={f"critic.{k}": v.numpy() for k, v in critic.state_dict().items()},
    )


def learned(name, limit, **settings):
    meter = Meter(Budget(unit="sequences", limit=limit))
    agent = made(name, **settings)
    steps = vars(transitions())
    data = MeteredSequences(steps, steps.pop("weights"), meter, 32)
    agent.learn(LearningPhase("model", meter, 0, {}, data=data))
    assert meter.left < 6
    return agent


@pytest.mark.parametrize("name", MODELS)
def test_each_loss_learns_a_model_and_nothing_else(name, tmp_path):
    agent, data = learned(name, 1206), transitions()
    for key, value in agent.learner.critic.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), data.weights[f"critic.{key}"])
    done = np.stack([data.actions[:5], data.actions[1:6]], axis=1)
    imagined = agent.imagine(data.latents[:5], done)
    assert imagined.shape == (5, 2, 50)
    agent.save(tmp_path)
    again = made(name)
    again.load(tmp_path)
    np.testing.assert_array_equal(again.imagine(data.latents[:5], done), imagined)
    assert probe.values(agent.learner, imagined[:, 0], data.actions[:5]).shape == (5,)


def test_latents_come_near_with_more_sequences():
    data, errors = transitions(), []
    rows = np.arange(10, 40)
    for limit in (6, 3000):
        agent = learned("latent-mse", limit)
        found = agent.imagine(data.latents[rows], data.actions[rows][:, None])[:, 0]
        errors.append(float(np.square(found - data.latents[rows + 1]).mean()))
    assert errors[1] < errors[0] / 2


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(UserError, match="no model to learn"):
        learned("sac", 100)
    with pytest.raises(UserError, match="critic does not fit"):
        learned("vcr", 100, hidden=32)

"""A model learned alone, from latents and a head that stay as they are."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from atari100k_pieces import made

from leapbench.agents.atari100k.common import probe
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter
from leapbench.contract.sequences import MeteredSequences
from leapbench.contract.task import Budget
from leapbench.errors import UserError

MODELS = ("spr", "vcr", "vcr-no-nstep", "vcr-taken", "vcr-only", "latent-mse")
SHAPE = (8, 3, 3)


def transitions(count=300):
    """Latents in a ring, which action 1 goes round forwards and action 0 backwards."""
    rng = np.random.default_rng(0)
    ring = rng.random((5, *SHAPE), np.float32)
    ring[:, 0, 0, 0], ring[:, 0, 0, 1] = 0, 1
    actions, rewards = rng.integers(0, 2, count), rng.normal(size=count).astype(np.float32)
    places = np.cumsum(np.concatenate([[0], 2 * actions[:-1] - 1])) % 5
    head = made("rainbow").make({"stack": 4, "actions": 2}, 3, torch.device("cpu")).head
    weights = {f"head.{k}": v.numpy() for k, v in head.state_dict().items()}
    ends = np.arange(count) % 50 == 49
    return SimpleNamespace(
        latents=ring[places], actions=actions, rewards=rewards, ends=ends, weights=weights
    )


def learned(name, limit, **settings):
    meter = Meter(Budget(unit="sequences", limit=limit))
    agent = made(name, rate=3e-3, **settings)
    steps = vars(transitions())
    data = MeteredSequences(steps, steps.pop("weights"), meter, 32)
    agent.learn(LearningPhase("model", meter, 0, {}, data=data))
    assert meter.left < 8
    return agent


@pytest.mark.parametrize("name", MODELS)
def test_each_loss_learns_a_model_and_nothing_else(name, tmp_path):
    agent, data = learned(name, 1608), transitions()
    for key, value in agent.learner.head.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), data.weights[f"head.{key}"])
    own = [what for _, what, _ in agent.curve]
    assert set(own) == {k for k in ("cosine", "value", "latent") if getattr(agent.auxiliary, k) > 0}
    done = np.stack([data.actions[:5], data.actions[1:6]], axis=1)
    imagined = agent.imagine(data.latents[:5], done)
    assert imagined.shape == (5, 2, *SHAPE)
    agent.save(tmp_path)
    again = made(name)
    again.load(tmp_path)
    np.testing.assert_array_equal(again.imagine(data.latents[:5], done), imagined)
    assert probe.values(agent.learner, imagined[:, 0]).shape == (5, 2)


def test_latents_come_near_with_more_sequences():
    data, errors = transitions(), []
    rows = np.arange(10, 40)
    for limit in (8, 4000):
        agent = learned("latent-mse", limit)
        made_up = agent.imagine(data.latents[rows], data.actions[rows][:, None])[:, 0]
        errors.append(float(np.square(made_up - data.latents[rows + 1]).mean()))
    assert errors[1] < errors[0] / 2


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(UserError, match="no model to learn"):
        learned("rainbow", 100)
    with pytest.raises(UserError, match="head does not fit"):
        learned("vcr", 100, hidden=32)

"""Densities, targets and Eq 6 of soft actor-critic, against plain computations."""

import numpy as np
import pytest
import torch
from dmc_pieces import phase

from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.practice import Practice
from leapbench.agents.dmc.common.backbone import Backbone
from leapbench.agents.dmc.common.learner import Learner
from leapbench.agents.dmc.common.networks import Actor
from leapbench.agents.dmc.common.side import Real
from leapbench.agents.dmc.common.student import SacStudent

SMALL = {"hidden": 16, "model": 16, "batch": 8, "sequences": 6, "warmup": 10}
VCR = Auxiliary(3, cosine=1.0, value=1.0, predictor=False)


def learned(auxiliary=VCR, contrast=0.0, **settings):
    """A student after 60 steps."""
    given = phase(60)
    backbone = Backbone(**{**SMALL, **settings})
    learner = Learner((3,), 2, backbone, auxiliary, contrast, 0, torch.device("cpu"))
    student = SacStudent(learner, (3,), 60, 0)
    Practice(given, given.make_env(1), student).run()
    return student


def test_density_is_that_of_a_squashed_normal_distribution():
    torch.manual_seed(0)
    actor, seen, noise = Actor(5, 2, 8), torch.randn(7, 5), torch.randn(7, 2)
    action, density = actor.sample(seen, noise)
    mean, spread = actor(seen)
    normal = torch.distributions.Normal(mean, spread.exp())
    squashed = torch.distributions.TransformedDistribution(
        normal, torch.distributions.TanhTransform(cache_size=1)
    )
    expected = squashed.log_prob(torch.tanh(mean + spread.exp() * noise)).sum(1)
    torch.testing.assert_close(density, expected, atol=1e-3, rtol=1e-3)
    assert action.abs().max() <= 1


def test_critic_is_held_to_the_soft_value_of_what_follows():
    student = learned(Auxiliary())
    learner = student.learner
    found = student.replay.read(np.array([3, 11, 30]), 0, 1, 0.99)
    state = learner.generator.get_state()
    _, loss = learner._criticise(student.views, found)
    learner.generator.set_state(state)
    with torch.no_grad():
        after = student.views(found.after[:, 0])
        action, density = learner.actor.sample(learner.encoder.body(after), learner._normal(3))
        values = learner.targets["critic"](learner.targets["encoder"](after), action)
        soft = values.min(0).values - learner.temperature.exp() * density
        aim = torch.from_numpy(found.returns[:, 0]) + 0.99 * soft
        seen = learner.encoder(student.views(found.rows[:, 0]))
        mine = learner.critic(seen, torch.from_numpy(found.actions[:, 0]))
        expected = sum(((mine[i] - aim) ** 2).mean() for i in range(2))
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("own", [VCR, Auxiliary(3, value=1.0, substitute=False)])
def test_eq_6_compares_the_action_taken_and_random_ones(own):
    learner = learned(own, others=3).learner
    made = torch.randn(4, 50, requires_grad=True)
    real, taken = torch.randn(4, 50, requires_grad=True), torch.rand(4, 2) * 2 - 1
    returns = torch.randn(4, requires_grad=True) if own.substitute else None
    state = learner.generator.get_state()
    learner.optimisers["critic"].zero_grad()
    found = learner.side._consistency(made, Real(real, real, returns), taken, learner)
    found.sum().backward()
    assert made.grad.abs().sum() > 0
    assert real.grad is None
    assert returns is None or returns.grad is None
    assert all(each.grad is None for each in learner.critic.parameters())
    learner.generator.set_state(state)
    drawn = 2 * torch.rand(4, 3, 2, generator=learner.generator) - 1
    with torch.no_grad():
        for i in range(4):
            total = 0.0
            for j, action in enumerate([taken[i], *drawn[i]]):
                mine = learner.critic(made[i : i + 1], action[None])[:, 0]
                aim = learner.targets["critic"](real[i : i + 1], action[None])[:, 0]
                if j == 0 and returns is not None:
                    aim = returns[i].expand(2)
                total += float((mine - aim).square().mean()) / 4
            assert float(found[i]) == pytest.approx(total, rel=1e-4)


def test_returns_of_imagined_steps_are_the_critics_targets():
    student = learned()
    learner = student.learner
    ahead = student.replay.read(np.array([2, 8, 15]), 4, 1, 0.99)
    state = learner.generator.get_state()
    with torch.no_grad():
        real = learner._real(student.changed, ahead)
        learner.generator.set_state(state)
        noise = learner._normal(9)
        for k in range(1, 4):
            for b in range(3):
                i = (k - 1) * 3 + b
                if not ahead.alive[b, k]:
                    continue
                seen = student.views(ahead.rows[b, k : k + 1])
                torch.testing.assert_close(real.states[i], learner.targets["encoder"](seen)[0])
                after = student.views(ahead.rows[b, k + 1 : k + 2])
                body = learner.encoder.body(after)
                action, density = learner.actor.sample(body, noise[i : i + 1])
                latent = learner.targets["encoder"](after)
                soft = learner.targets["critic"](latent, action).min(0).values
                soft = soft - learner.temperature.exp() * density
                aim = float(ahead.returns[b, k]) + 0.99 * float(soft)
                assert float(real.returns[i]) == pytest.approx(aim, rel=1e-4, abs=1e-5)


def test_targets_follow_slowly_and_take_no_gradient():
    student = learned(Auxiliary(3, cosine=1.0), contrast=1.0)
    learner = student.learner
    before = learner.targets["critic"].last.weight.clone()
    learner._follow()
    moved = learner.targets["critic"].last.weight
    expected = before + 0.01 * (learner.critic.last.weight - before)
    torch.testing.assert_close(moved, expected)
    assert not any(each.requires_grad for each in learner.targets.parameters())
    losses = student.update()
    assert {"critic", "contrast", "cosine"} <= losses.keys()

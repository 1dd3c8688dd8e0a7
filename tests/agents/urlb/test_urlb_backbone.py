"""DDPG's parts: networks as published, replay against a loop, one update by hand."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from leapbench.agents.urlb.cic.contrast import Contrast
from leapbench.agents.urlb.common.ddpg import DDPG, EDGE, Backbone
from leapbench.agents.urlb.common.descent import follow
from leapbench.agents.urlb.common.networks import Actor, Critic
from leapbench.agents.urlb.common.replay import Sizes, TransitionReplay
from leapbench.agents.urlb.common.skills import (
    AVOID,
    SEEK,
    Mixture,
    NoSkills,
    OneHot,
    SphereSkills,
    Uniform,
)
from leapbench.errors import UserError

few = limited(max_examples=30)
SIZES = Sizes(4, 2, 3)


def backbone(**changed: Any) -> Backbone:
    settings: dict[str, Any] = {
        "hidden": 16, "batch": 8, "rate": 1e-2, "every": 2, "warmup": 10, "order": "critic-first",
    }  # fmt: skip
    return Backbone(**(settings | changed))


def size(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def filled(
    replay: TransitionReplay, lengths: list[int], seed: int = 0
) -> list[dict[str, np.ndarray]]:
    """Play episodes of random numbers into `replay`; what was played."""
    rng, episodes = np.random.default_rng(seed), []
    for length in lengths:
        played = {
            "observation": rng.normal(size=(length + 1, 4)).astype(np.float32),
            "skill": rng.normal(size=(length, 3)).astype(np.float32),
            "action": rng.normal(size=(length, 2)).astype(np.float32),
            "mode": rng.integers(2, size=length),
            "reward": rng.normal(size=length),
        }
        for t in range(length):
            step = (played[name][t] for name in ("observation", "skill", "action"))
            replay.add(*step, int(played["mode"][t]), float(played["reward"][t]))
        replay.finish(played["observation"][length], False)
        episodes.append(played)
    return episodes


def test_networks_are_as_large_as_published() -> None:
    """Layers of the walker (24 numbers, 6 actions) with skills of 64, summed by hand."""
    h, seen, actions = 1024, 24 + 64, 6
    trunk = seen * h + h + 2 * h
    assert size(Actor(seen, actions, h)) == trunk + h * h + h + h * actions + actions
    head = h * h + h + h + 1
    assert size(Critic(seen, actions, h)) == trunk + actions * h + 2 * head
    encoders = Contrast(Sizes(24, 6, 64), h, 0.5)
    deep = h * h + h + h * 64 + 64
    assert size(encoders.state) == 24 * h + h + deep
    assert size(encoders.transition) == 128 * h + h + deep
    assert size(encoders.skill) == 64 * h + h + deep


def test_both_heads_are_what_they_would_be_apart() -> None:
    torch.manual_seed(1)
    critic, seen = Critic(5, 2, 8), torch.randn(6, 7)
    inner = critic.trunk(seen)
    values = critic(seen)
    assert values.shape == (2, 6)
    for i in range(2):
        rows = slice(8 * i, 8 * i + 8)
        hidden = torch.relu(inner @ critic.hidden.weight[rows].T + critic.hidden.bias[rows])
        assert torch.allclose(values[i], (hidden @ critic.weight[i] + critic.bias[i])[:, 0])
        weight = critic.hidden.weight[rows]
        assert torch.allclose(weight @ weight.T, torch.eye(8), atol=1e-5)


def test_successor_features_are_weighed_by_the_skill() -> None:
    torch.manual_seed(1)
    critic, seen = Critic(5, 2, 8, features=3), torch.randn(6, 7)
    inner = torch.relu(critic.hidden(critic.trunk(seen))).view(6, 2, 8)
    for i in range(2):
        features = inner[:, i] @ critic.weight[i] + critic.bias[i]
        expected = (features * seen[:, 2:5]).sum(dim=1)
        assert torch.allclose(critic(seen)[i], expected, atol=1e-6)


@few
@given(st.lists(st.integers(1, 12), min_size=1, max_size=8), st.integers(1, 5), st.integers(0, 99))
def test_replay_gives_n_step_transitions_of_one_episode(
    lengths: list[int], steps: int, seed: int
) -> None:
    replay = TransitionReplay(SIZES, 200, 12, steps, 0.9)
    episodes = filled(replay, lengths, seed)
    usable = [episode for episode in episodes if len(episode["reward"]) >= steps]
    assert bool(replay) == bool(usable)
    if not usable:
        return
    known = {
        episode["observation"][t].tobytes(): (episode, t)
        for episode in usable
        for t in range(len(episode["reward"]) - steps + 1)
    }
    batch = replay.sample(64, np.random.default_rng(seed))
    for i in range(64):
        episode, t = known[batch.observation[i].numpy().tobytes()]
        reward = sum(0.9**j * episode["reward"][t + j] for j in range(steps))
        assert float(batch.reward[i]) == pytest.approx(reward, abs=1e-5)
        assert float(batch.discount[i]) == pytest.approx(0.9**steps)
        assert np.array_equal(batch.next[i], episode["observation"][t + steps])
        for name in ("skill", "action"):
            assert np.array_equal(getattr(batch, name)[i], episode[name][t])
        assert int(batch.mode[i]) == episode["mode"][t]
    seen = torch.cat([batch.observation, batch.skill], dim=1)
    assert torch.equal(batch.seen, seen)
    assert torch.equal(batch.joint, torch.cat([seen, batch.action], dim=1))
    assert torch.equal(batch.follows, torch.cat([batch.next, batch.skill], dim=1))


def test_every_start_of_every_episode_is_sampled_and_the_open_episode_is_not() -> None:
    replay = TransitionReplay(SIZES, 200, 12, 3, 0.9)
    assert not replay
    episodes = filled(replay, [5, 9])
    replay.add(np.full(4, 7, np.float32), np.zeros(3, np.float32), np.zeros(2, np.float32), 0, 1.0)
    batch = replay.sample(600, np.random.default_rng(0))
    found = {row.tobytes() for row in batch.observation.numpy()}
    starts = [e["observation"][t].tobytes() for e in episodes for t in range(len(e["reward"]) - 2)]
    assert found == set(starts)
    first = sum(row.tobytes() in starts[:3] for row in batch.observation.numpy())
    assert abs(first - 300) < 4 * 150**0.5  # episodes are equally likely, whatever their length


def test_what_is_terminal_is_worth_nothing() -> None:
    replay = TransitionReplay(SIZES, 50, 10, 2, 0.9)
    for t in range(4):
        zeros = np.zeros(3, np.float32), np.zeros(2, np.float32)
        replay.add(np.full(4, t, np.float32), *zeros, 0, 1.0)
    replay.finish(np.zeros(4, np.float32), True)
    batch = replay.sample(50, np.random.default_rng(0))
    for start, discount in zip(batch.observation[:, 0], batch.discount, strict=True):
        assert float(discount) == pytest.approx(0.0 if start == 2 else 0.81)


@few
@given(st.lists(st.integers(1, 10), min_size=20, max_size=80), st.integers(0, 99))
def test_a_full_ring_forgets_the_oldest_and_keeps_the_rest_whole(
    lengths: list[int], seed: int
) -> None:
    replay = TransitionReplay(SIZES, 40, 10, 1, 0.9)
    episodes = filled(replay, lengths, seed)
    batch = replay.sample(400, np.random.default_rng(seed))
    age: dict[bytes, int] = {}
    follows: dict[bytes, bytes] = {}
    for i, episode in enumerate(episodes):
        for t in range(len(episode["reward"])):
            key = episode["observation"][t].tobytes()
            age[key], follows[key] = i, episode["observation"][t + 1].tobytes()
    found = [row.tobytes() for row in batch.observation.numpy()]
    later = [row.tobytes() for row in batch.next.numpy()]
    assert [follows[key] for key in found] == later
    # The capacity is kept, where an episode takes a row more than it has steps.
    kept, steps = 0, 0
    for length in reversed(lengths):
        steps += length + 1
        if steps > 40:
            break
        kept += 1
    assert set(range(len(lengths) - kept, len(lengths))) <= {age[key] for key in found}


def test_relabelled_steps_have_one_skill() -> None:
    replay = TransitionReplay(SIZES, 60, 10, 2, 0.9)
    filled(replay, [10, 10])
    replay.relabel(np.array([1, 2, 3], np.float32))
    batch = replay.sample(20, np.random.default_rng(0))
    assert (batch.skill == torch.tensor([1.0, 2.0, 3.0])).all()
    assert (batch.follows[:, 4:] == torch.tensor([1.0, 2.0, 3.0])).all()


@few
@given(st.floats(0, 1), st.integers(0, 99))
def test_a_target_follows(tau: float, seed: int) -> None:
    torch.manual_seed(seed)
    target, source = Actor(3, 2, 4), Actor(3, 2, 4)
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter)
    before = [parameter.clone() for parameter in target.parameters()]
    follow(target, source, tau)
    for new, old, other in zip(target.parameters(), before, source.parameters(), strict=True):
        assert torch.allclose(new, tau * other + (1 - tau) * old, atol=1e-6)


@pytest.mark.parametrize("order", ["critic-first", "actor-first"])
def test_an_update_by_hand(order: str) -> None:
    """Against a plain implementation with its own noise, optimisers and order."""
    replay = TransitionReplay(SIZES, 60, 10, 3, 0.99)
    filled(replay, [10, 10, 10])
    learner = DDPG(SIZES, backbone(order=order), seed=4)
    batch = replay.sample(8, np.random.default_rng(0))
    reward = torch.randn(8)
    actor, critic, target = (
        deepcopy(net) for net in (learner.actor, learner.critic, learner.target)
    )
    noise = torch.Generator().manual_seed(5)

    def explored(mean: torch.Tensor) -> torch.Tensor:
        pushed = mean + (0.2 * torch.randn(mean.shape, generator=noise)).clamp(-0.3, 0.3)
        return pushed + (pushed.clamp(-EDGE, EDGE) - pushed).detach()

    def descend(net: torch.nn.Module, loss: torch.Tensor) -> None:
        adam = torch.optim.Adam(net.parameters(), 1e-2)
        adam.zero_grad()
        loss.backward()
        adam.step()

    with torch.no_grad():
        ahead = target(torch.cat([batch.follows, explored(actor(batch.follows))], dim=1))
        goal = reward + batch.discount * torch.minimum(*ahead)

    def critic_step() -> None:
        one, two = critic(torch.cat([batch.seen, batch.action], dim=1))
        descend(critic, ((one - goal) ** 2).mean() + ((two - goal) ** 2).mean())

    def actor_step() -> None:
        values = critic(torch.cat([batch.seen, explored(actor(batch.seen))], dim=1))
        descend(actor, -torch.minimum(*values).mean())

    for step in (critic_step, actor_step) if order == "critic-first" else (actor_step, critic_step):
        step()
    learner.update(batch, reward)
    for ours, plain in ((learner.actor, actor), (learner.critic, critic)):
        for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-5)
    for new, old, source in zip(
        learner.target.parameters(), target.parameters(), critic.parameters(), strict=True
    ):
        assert torch.allclose(new, 0.99 * old + 0.01 * source, atol=1e-5)


def test_fine_tuning_begins_from_actor_and_trunk() -> None:
    old, new = (DDPG(SIZES, backbone(), seed) for seed in (1, 2))
    fresh = deepcopy(new)
    new.begin_from(old)
    assert all(map(torch.equal, new.actor.parameters(), old.actor.parameters()))
    assert all(map(torch.equal, new.critic.trunk.parameters(), old.critic.trunk.parameters()))
    assert torch.equal(new.critic.hidden.weight, fresh.critic.hidden.weight)
    assert torch.equal(new.critic.weight, fresh.critic.weight)
    assert all(map(torch.equal, new.target.parameters(), fresh.target.parameters()))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"hidden": 0}, "hidden must be 1 or more"),
        ({"batch": 1}, "batch must be 2 or more"),
        ({"every": 0}, "every must be 1 or more"),
        ({"warmup": -1}, "warmup must be 0 or more"),
        ({"rate": 0.0}, "rate must be above 0"),
        ({"order": "both"}, "order must be one of critic-first, actor-first"),
    ],
)
def test_settings_without_meaning_are_told(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        backbone(**changed)


@few
@given(st.integers(1, 400), st.integers(1, 8), st.integers(0, 99))
def test_published_modes_are_the_first_two_thirds_and_the_rest(
    horizon: int, size: int, seed: int
) -> None:
    mixture, rng = Mixture(size, 50, 1.5, "both", "sign"), np.random.default_rng(seed)
    interval = max(1, int(horizon / 1.5))
    for time in range(horizon):
        skill, mode = mixture.draw(rng, time, horizon)
        assert mode == (SEEK if time // interval % 2 == 0 else AVOID)
        low, high = (0, 1) if mode == SEEK else (-1, 0)
        assert ((low <= skill) & (skill <= high)).all()


def test_episodes_of_a_thousand_steps_avoid_from_667_on_when_asked() -> None:
    """The published split: 1,000 steps, intervals of 666, so modes change at step 666."""
    mixture = Mixture(4, 50, 1.5, "both", "sign")
    modes = [mixture.mode(time, 1000) for time in range(1000)]
    assert modes.index(AVOID) == 666
    # Skills are redrawn every 50 steps: the change is seen at step 700.
    assert [mixture.mode(time, 1000) for time in range(0, 1000, 50)] == [SEEK] * 14 + [AVOID] * 6


def test_other_places_of_the_mode() -> None:
    rng = np.random.default_rng(0)

    def drawn(place: str, modes: str) -> np.ndarray:
        return Mixture(6, 50, 2, modes, place).draw(rng, 0, 100)[0]

    seek, avoid = drawn("half", "max"), drawn("half", "min")
    assert (seek[:3] > 0).all() and (seek[3:] == 0).all()  # noqa: PT018
    assert (avoid[:3] == 0).all() and (avoid[3:] > 0).all()  # noqa: PT018
    assert drawn("discrete", "max").tolist() == [1] * 6
    assert drawn("discrete", "min").tolist() == [-1] * 6
    assert (drawn("same", "min") >= 0).all()


@few
@given(st.integers(0, 99), st.integers(1, 9))
def test_skills_lie_where_they_are_said_to(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    for skills in (Uniform(size, 5), OneHot(size, 5), SphereSkills(size, 5), NoSkills()):
        drawn, mode = skills.draw(rng, 0, 100)
        assert mode == SEEK
        assert drawn.dtype == skills.constant().dtype == np.float32
        assert drawn.shape == skills.constant().shape == (skills.size,)
    assert sorted(OneHot(size, 5).draw(rng, 0, 1)[0]) == [0] * (size - 1) + [1]
    assert np.linalg.norm(SphereSkills(size, 5).draw(rng, 0, 1)[0]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Mixture(4, 50, 0.5, "both", "sign"), "partitions must be 1 or more"),
        (lambda: Mixture(4, 50, 2, "some", "sign"), "modes must be one of both, max, min"),
        (lambda: Mixture(4, 50, 2, "both", "sing"), "place must be one of sign"),
        (lambda: Mixture(5, 50, 2, "both", "half"), "even size"),
        (lambda: Uniform(4, 0), "period 1 or more"),
    ],
)
def test_skills_without_meaning_are_told(made: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        made()

"""Agents with intrinsic rewards from end to end: seeds, files, skills, both phases."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leapbench.agents.urlb.cic.policy import Cic, NegativeCic
from leapbench.agents.urlb.common.behaviour import Behaviour
from leapbench.agents.urlb.common.ddpg import DDPG, Backbone
from leapbench.agents.urlb.common.replay import Sizes, TransitionReplay
from leapbench.agents.urlb.common.skills import AVOID, SEEK, Uniform
from leapbench.agents.urlb.ddpg.policy import Scratch
from leapbench.agents.urlb.diayn.policy import Diayn
from leapbench.agents.urlb.guided_point.policy import Guided
from leapbench.agents.urlb.moss.policy import Moss
from leapbench.agents.urlb.random.policy import Random
from leapbench.agents.urlb.rnd.policy import Rnd
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.envs.urlb.point.vector import EntropyPointVectorEnv
from leapbench.errors import UserError
from leapbench.running.composition import compose
from leapbench.tasks.urlb import worlds
from leapbench.testing.files import contents

POINT = "leapbench/URLB-EntropyPoint-v0"
TINY: dict[str, Any] = {"hidden": 16, "batch": 8, "warmup": 30}


def phase(
    name: str, limit: int, task: str | None = None, seed: int = 1, horizon: int = 20
) -> LearningPhase:
    """A phase of a point that is left alone."""
    meter = Meter(Budget(unit="steps", limit=limit))
    world = {"noise": 0.0, "horizon": horizon, "task": task}
    make = partial(worlds.training, POINT, world, name == "finetune", meter)
    return LearningPhase(name, meter, seed, {"horizon": horizon}, make_env=make)


def pretrained(kind: type = Moss, seed: int = 1, **settings: Any) -> Any:
    agent = kind(**(TINY | settings))
    agent.learn(phase("pretrain", 80, seed=seed))
    return agent


def weights(agent: Any) -> list[torch.Tensor]:
    return [*agent.ddpg.actor.parameters(), *agent.ddpg.critic.parameters()]


@pytest.mark.parametrize("kind", [Moss, Cic, Rnd, Diayn])
def test_equal_seeds_give_equal_weights_and_others_do_not(kind: type) -> None:
    first, again, other = pretrained(kind), pretrained(kind), pretrained(kind, seed=2)
    assert all(map(torch.equal, weights(first), weights(again)))
    assert not all(map(torch.equal, weights(first), weights(other)))
    for agent in (first, again):
        agent.learn(phase("finetune", 80, "calm", seed=3))
    assert all(map(torch.equal, weights(first), weights(again)))


@pytest.mark.parametrize("kind", [Moss, Rnd, Scratch, Random])
@pytest.mark.parametrize("tuned", [False, True])
def test_what_was_saved_acts_alike_and_is_saved_alike(
    kind: type, tuned: bool, tmp_path: Path
) -> None:
    settings = {} if kind is Random else TINY
    agent, loaded = kind(**settings), kind(**settings)
    agent.learn(phase("pretrain", 80))
    if tuned:
        agent.learn(phase("finetune", 60, "calm"))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    agent.save(tmp_path / "a")
    loaded.load(tmp_path / "a")
    loaded.save(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    seen = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    state: Any = None
    other: Any = None
    for _ in range(3):
        ours, state = agent.predict(seen, state, deterministic=tuned)
        theirs, other = loaded.predict(seen, other, deterministic=tuned)
        assert np.array_equal(ours, theirs)
        assert ours.shape == (5, 2)
        assert np.abs(ours).max() <= 1


def test_fine_tuning_goes_on_from_a_file_as_from_memory(tmp_path: Path) -> None:
    agent, loaded = pretrained(), Moss(**TINY)
    agent.save(tmp_path)
    loaded.load(tmp_path)
    for each in (agent, loaded):
        each.learn(phase("finetune", 80, "calm", seed=3))
    assert all(map(torch.equal, weights(agent), weights(loaded)))
    assert np.array_equal(agent.chosen, loaded.chosen)


def test_files_of_other_agents_and_settings_are_told(tmp_path: Path) -> None:
    agent = pretrained()
    with pytest.raises(UserError, match="holds no Moss"):
        Moss().load(tmp_path)
    agent.save(tmp_path)
    with pytest.raises(UserError, match="holds no Moss of these settings"):
        Moss(hidden=32).load(tmp_path)
    (tmp_path / "networks.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match="holds no Moss"):
        Moss(**TINY).load(tmp_path)


def test_nothing_is_done_before_learning(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing learned yet"):
        Moss().predict(np.zeros((1, 4), np.float32))
    with pytest.raises(UserError, match="nothing learned yet"):
        Moss().save(tmp_path)


def test_scratch_spends_nothing_before_there_is_reward_and_all_of_it_then() -> None:
    agent, free, paid = Scratch(**TINY), phase("pretrain", 80), phase("finetune", 60, "calm")
    agent.learn(free)
    agent.learn(paid)
    assert (free.meter.used, paid.meter.used) == (0, 60)
    none = Random()
    for opened in (free, paid):
        none.learn(opened)
    assert (free.meter.used, paid.meter.used) == (0, 60)


@pytest.mark.parametrize("modes", ["both", "max", "min"])
def test_skills_of_an_episode_tell_their_mode(modes: str) -> None:
    agent = pretrained(modes=modes, period=5)
    state: Any = None
    signs = []
    for _ in range(20):
        _, state = agent.predict(np.zeros((3, 4), np.float32), state, deterministic=False)
        signs.append(np.sign(state[1]).mean())
    # T = 20, intervals of ten steps, skills drawn every five.
    expected = {"both": [1] * 10 + [-1] * 10, "max": [1] * 20, "min": [-1] * 20}[modes]
    assert signs == expected


def surprise(kind: type, **settings: Any) -> tuple[Any, Any, torch.Tensor]:
    """The objective of an agent, a batch of both modes, and its plain distances."""
    agent = kind(**(TINY | settings))
    objective = agent.objective(Sizes(4, 2, agent.skill), 0)
    states = torch.randn(2, 12, agent.skill, generator=torch.Generator().manual_seed(0))
    near = torch.cdist(states[0], states[1]).topk(agent.neighbours, largest=False).values
    return objective, states, near


def test_the_printed_reward_is_the_logarithm_of_plain_distances() -> None:
    objective, (source, target), near = surprise(Moss, normaliser="none")
    mode = torch.arange(12) % 2
    expected = (1 - 2 * mode) * (1 + near.mean(dim=1)).log()
    for _ in range(2):  # nothing runs along: a second look gives the same
        assert torch.allclose(objective.reward(source, target, mode), expected, atol=1e-5)
    released, *_ = surprise(Moss)
    assert not torch.allclose(released.reward(source, target, mode), expected, atol=0.1)


def test_negative_cic_draws_the_skills_of_cic_and_is_rewarded_with_its_negative() -> None:
    rng, again = np.random.default_rng(3), np.random.default_rng(3)
    skill, mode = Cic(**TINY).prior().draw(rng, 0, 20)
    other, avoided = NegativeCic(**TINY).prior().draw(again, 0, 20)
    assert np.array_equal(skill, other)
    assert (mode, avoided) == (SEEK, AVOID)
    agent, ours = pretrained(NegativeCic), []
    for kind, sign in ((Cic, SEEK), (NegativeCic, AVOID)):
        objective, (source, target), _ = surprise(kind)
        ours.append(objective.reward(source, target, torch.full((12,), float(sign))))
    assert torch.equal(ours[0], -ours[1])
    assert ours[0].max() > 0
    assert agent.stage == "pretrained"


def test_ablations_differ_from_the_mixture_in_what_they_are_named_for() -> None:
    task = registry.task("urlb/entropy-point")
    config = {
        name: compose(task, name).config["policy"]
        for name in ("moss", "moss-readme", "moss-printed", "moss-same")
    }
    moss = config["moss"]
    assert moss["partitions"] == 2.0
    assert config["moss-readme"] == moss | {"partitions": 1.5}
    assert config["moss-printed"] == moss | {"normaliser": "none"}
    assert config["moss-same"] == moss | {"place": "same"}


def tuner(warm: str, choice: str, warmup: int = 4) -> tuple[Behaviour, TransitionReplay]:
    backbone = Backbone(hidden=16, batch=8, rate=1e-3, every=2, warmup=warmup)
    sizes = Sizes(4, 2, 3)
    learner = DDPG(sizes, backbone, seed=0)
    return Behaviour(learner, Uniform(3, 2), 20, 5, warm, choice), TransitionReplay(
        sizes, 40, 20, 3, 0.99
    )


def test_the_skill_that_earned_most_is_kept_and_relabels_what_is_stored() -> None:
    acting, replay = tuner("explore", "search", warmup=6)
    tried = []
    for count, reward in enumerate([0.0, 0.1, 0.6, 0.6, 0.0, 0.9]):
        action, skill, _ = acting(np.zeros(4, np.float32), count, count)
        replay.add(np.zeros(4, np.float32), skill, action, 0, reward)
        acting.earn(reward)
        tried.append(skill)
    assert len({skill.tobytes() for skill in tried}) == 3
    acting.end_warmup(replay)
    assert np.array_equal(acting.chosen, tried[2])
    replay.finish(np.zeros(4, np.float32), False)
    assert (replay.sample(9, np.random.default_rng(0)).skill.numpy() == tried[2]).all()
    acting.earn(100.0)
    _, after, _ = acting(np.zeros(4, np.float32), 6, 6)
    assert np.array_equal(after, tried[2])


def test_published_warm_ups() -> None:
    seen = np.ones(4, np.float32)
    greedy, _ = tuner("greedy", "constant")
    mean = greedy.ddpg.act(np.concatenate([seen, np.full(3, 0.5, np.float32)])[None])[0]
    assert np.array_equal(greedy(seen, 0, 0)[0], mean)
    uniform, replay = tuner("random", "constant")
    drawn = np.stack([uniform(seen, 0, 0)[0] for _ in range(400)])
    assert abs(drawn.mean()) < 4 * (1 / 3 / 800) ** 0.5
    assert drawn.std() == pytest.approx(3**-0.5, rel=0.1)
    uniform.end_warmup(replay)
    later = np.stack([uniform(seen, 9, 9)[0] for _ in range(400)])
    assert later.mean(axis=0) == pytest.approx(mean, abs=0.05)
    assert later.std(axis=0) == pytest.approx([0.2, 0.2], rel=0.2)
    with pytest.raises(UserError, match="choice=search tries skills"):
        Cic(warm="random")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"warm": "cold"}, "warm must be one of explore, greedy, random"),
        ({"choice": "best"}, "choice must be one of search, constant, random"),
        ({"pair": "both"}, "pair must be one of next, step"),
        ({"first": "second"}, "first must be one of learn, reward"),
        ({"normaliser": "std"}, "normaliser must be one of"),
        ({"neighbours": 0}, "neighbours must be 1 or more"),
        ({"temperature": 0.0}, "temperature above 0"),
        ({"skill": 0}, "skill and neighbours must be 1 or more"),
    ],
)
def test_settings_without_meaning_are_told(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Moss(**settings)


def test_agents_are_not_offered_for_worlds_of_the_other_kind() -> None:
    with pytest.raises(UserError, match=r"'moss' does not work on urlb/entropy-grid.*moss-tabular"):
        compose(registry.task("urlb/entropy-grid"), "moss")
    with pytest.raises(UserError, match=r"'moss-tabular' does not work on urlb/entropy-point"):
        compose(registry.task("urlb/entropy-point"), "moss-tabular")
    meter = Meter(Budget(unit="steps", limit=10))
    make = partial(worlds.training, "leapbench/URLB-EntropyGrid-v0", {}, False, meter)
    opened = LearningPhase("pretrain", meter, 0, {"horizon": 60}, make_env=make)
    with pytest.raises(UserError, match="urlb/entropy-point"):
        Moss().learn(opened)


def positions(agent: Any, count: int = 10) -> np.ndarray:
    """Where a pre-trained agent is in its episodes, (count, 100, 2)."""
    env = EntropyPointVectorEnv(count, noise=0.0, horizon=100)
    seen, _ = env.reset(seed=9)
    path, state = [], None
    for _ in range(100):
        actions, state = agent.predict(seen, state, deterministic=False)
        seen = env.step(actions)[0]
        path.append(seen[:, :2])
    return np.stack(path, axis=1)


def test_seeking_goes_farther_than_avoiding() -> None:
    spread = {}
    for modes in ("max", "min"):
        agent = Moss(hidden=64, batch=64, warmup=300, rate=1e-3, modes=modes)
        agent.learn(phase("pretrain", 2400, horizon=100))
        spread[modes] = positions(agent).reshape(-1, 2).std(axis=0).mean()
    assert spread["max"] > 1.5 * spread["min"]


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_the_guide_gets_to_the_goal_and_stays(noise: float) -> None:
    env = EntropyPointVectorEnv(50, noise=noise, task="calm")
    guide, (seen, _) = Guided(), env.reset(seed=0)
    with pytest.raises(UserError, match="bind"):
        guide.predict(seen)
    guide.bind(env)
    for _ in range(150):
        seen = env.step(guide.predict(seen)[0])[0]
    assert np.abs(seen[:, :2] - 0.5).max() < 0.1

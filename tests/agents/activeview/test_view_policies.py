"""Policies that choose views: what each compares, what it never does, what it comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from leapbench.agents.activeview.common.extreme import LOOKED, Extreme
from leapbench.agents.activeview.common.policy import best
from leapbench.agents.activeview.common.rl import NEVER
from leapbench.agents.activeview.common.scorer import Scorer
from leapbench.agents.activeview.dqn.policy import DQN
from leapbench.agents.activeview.oracle.policy import Everything, Greedy, spread
from leapbench.agents.activeview.ppo.policy import PPO
from leapbench.agents.activeview.random.policy import Random
from leapbench.agents.activeview.variance_distance.policy import Apart
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase, observation_mode
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.task import Budget
from leapbench.envs.activeview.table import ObservationMode, ViewColumn, ViewTable
from leapbench.errors import UserError
from leapbench.tasks.activeview.harness import play, row

TINY: dict[str, Any] = {
    "candidates": 12,
    "tests": 4,
    "resolution": 12,
    "first": 15,
    "iterations": 10,
    "field": {"resolution": 12, "coarse": 12, "samples": 12, "rays": 128},
}
SHORT: dict[str, Any] = TINY | {"resolution": 20, "first": 60, "iterations": 30, "tests": 8}
SHORT["field"] = {"resolution": 20, "coarse": 12, "samples": 20, "rays": 256}
NAMES = [
    name
    for name, part in registry.agents_of("activeview").items()
    if part.role == "policy" and part.family
]


def world(mode: ObservationMode = "field", **arguments: Any) -> ViewTable:
    made = gym.make("leapbench/ActiveView-Niche-v0", disable_env_checker=True, **arguments)
    return ViewTable(made, mode)


def tables(count: int = 20, candidates: int = 15) -> NDArray[np.float32]:
    """Random tables in which about a third of the candidates is taken, and one never."""
    rng = np.random.default_rng(3)
    made = rng.random((count, candidates, len(ViewColumn)), np.float32)
    made[..., ViewColumn.FREE] = rng.random((count, candidates)) > 0.3
    made[:, 0, ViewColumn.FREE] = 1
    return made


def area(policy: Any, seed: int, **arguments: Any) -> float:
    env = world(observation_mode(policy) or "field", evaluation=True, **arguments)
    return float(row(*play(env, policy, seed))["area"])


def phase(limit: int = 1, make_env: Any = None, seed: int = 7) -> LearningPhase:
    made = LearningPhase("practice", Meter(Budget(unit="views", limit=limit)), seed, {})
    made.make_env = make_env
    return made


@pytest.mark.parametrize("quantity", LOOKED)
@pytest.mark.parametrize("most", [True, False])
def test_extremes_take_the_free_candidate_with_the_most_or_least(quantity, most):
    seen = tables()
    chosen, _ = Extreme(quantity, most).predict(seen)
    for table, index in zip(seen, chosen, strict=True):
        values = table[table[:, ViewColumn.FREE] > 0, LOOKED[quantity][0]]
        assert table[index, ViewColumn.FREE] == 1
        assert table[index, LOOKED[quantity][0]] == (values.max() if most else values.min())


def test_an_unknown_quantity_is_told():
    with pytest.raises(UserError, match="opacity-gain"):
        Extreme("opacitygain")


def test_a_share_of_the_distance_lies_between_variance_and_furthest_view():
    seen = tables()
    assert (Apart(0.0).predict(seen)[0] == Extreme("variance").predict(seen)[0]).all()
    assert (Apart(1.0).predict(seen)[0] == Extreme("distance").predict(seen)[0]).all()
    chosen = Apart(0.7).predict(seen)[0]
    for table, index in zip(seen, chosen, strict=True):
        free = table[table[:, ViewColumn.FREE] > 0]
        far = free[free[:, ViewColumn.DISTANCE] >= 0.7 * free[:, ViewColumn.DISTANCE].max()]
        assert table[index, ViewColumn.VARIANCE] == far[:, ViewColumn.VARIANCE].max()


def test_random_views_are_free_spread_and_the_same_again(tmp_path: Path):
    seen, policy = tables(400), Random()
    policy.learn(phase(seed=5))
    policy.save(tmp_path)
    first = policy.predict(seen)[0]
    assert (seen[np.arange(400), first, ViewColumn.FREE] == 1).all()
    assert len(set(first.tolist())) == seen.shape[1]
    again = Random()
    again.load(tmp_path)
    assert (again.predict(seen)[0] == first).all()
    other = Random()
    other.learn(phase(seed=6))
    assert (other.predict(seen)[0] != first).any()


def test_the_shortlist_spreads_over_the_free_candidates():
    for table in tables():
        free = set(np.flatnonzero(table[:, ViewColumn.FREE]).tolist())
        chosen = spread(table, 4)
        assert len(set(chosen.tolist())) == min(4, len(free))
        assert set(chosen.tolist()) <= free
        assert set(spread(table, 99).tolist()) == free
        assert table[chosen[0], ViewColumn.DISTANCE] == max(
            table[i, ViewColumn.DISTANCE] for i in free
        )


def test_the_greedy_oracle_takes_what_a_trained_copy_likes_best():
    env, policy = world("cameras", **TINY), Greedy(shortlist=3, iterations=5)
    table, _ = env.reset(seed=2)
    with pytest.raises(UserError, match="bind"):
        policy.predict(table[None])
    policy.bind(env)
    before = env.unwrapped.episode.referee.field.render  # type: ignore[attr-defined]
    scores = policy.scores(table[None])[0]
    assert np.isfinite(scores).sum() == 3
    assert policy.predict(table[None])[0][0] == scores.argmax()
    assert env.unwrapped.episode.referee.field.render == before  # type: ignore[attr-defined]
    assert (policy.scores(table[None])[0] == scores).all()  # trying out leaves no trace


def test_all_candidates_at_once_are_worth_more_than_any_rule_s():
    assert area(Everything(), 1, views=2, **SHORT) > area(Extreme("distance"), 1, views=2, **SHORT)


def test_far_views_beat_near_ones_and_the_oracle_does_not_lose_to_chance():
    def mean(policy: Any) -> float:
        return float(np.mean([area(policy, seed, views=2, **SHORT) for seed in (1, 2)]))

    assert mean(Extreme("distance")) > mean(Extreme("distance", most=False)) + 0.3
    assert mean(Greedy(4, 15)) > mean(Random())


def test_rules_that_look_at_places_alone_fall_for_decoys():
    def past(policy: Any) -> int:
        taken = 0
        for seed in (1, 2):
            env = world(policy.observation_mode, views=3, pool="decoy", **SHORT)
            taken += play(env, policy, seed)[1]
        return taken

    assert past(Extreme("distance")) >= 2
    assert past(Extreme("opacity-gain")) == 0


def test_scores_do_not_depend_on_order_scale_or_those_taken():
    torch.manual_seed(0)
    scorer, seen = Scorer(8, NEVER), torch.from_numpy(tables())
    scores = scorer(seen.flatten(1))
    free = seen[..., ViewColumn.FREE] > 0
    assert (scores.argmax(1)[:, None] == free.float().cumsum(1).argmax(1)[:, None]).sum() < len(
        seen
    )
    assert free.gather(1, scores.argmax(1)[:, None]).all()
    order = torch.randperm(seen.shape[1])
    torch.testing.assert_close(scorer(seen[:, order].flatten(1)), scores[:, order])
    scaled = seen.clone()
    scaled[..., ViewColumn.GAIN] *= 40
    torch.testing.assert_close(scorer(scaled.flatten(1))[free], scores[free], rtol=1e-3, atol=1e-4)
    spoiled = torch.where(free[..., None], seen, torch.rand_like(seen))
    spoiled[..., ViewColumn.FREE] = free.float()
    spoiled[..., ViewColumn.LEFT] = seen[..., ViewColumn.LEFT]
    torch.testing.assert_close(scorer(spoiled.flatten(1))[free], scores[free])


class Reach(gym.Env[NDArray[np.float32], Any]):
    """Pays the distance of the candidate that is taken; a mean of 0.5 by chance."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (10, len(ViewColumn)), np.float32)
    action_space = gym.spaces.Discrete(10)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.table = self.np_random.random((10, len(ViewColumn)), np.float32)
        self.table[:, ViewColumn.FREE] = self.np_random.random(10) > 0.3
        self.table[0, ViewColumn.FREE] = 1
        return self.table, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        paid = float(self.table[action, ViewColumn.DISTANCE] * self.table[action, ViewColumn.FREE])
        return self.table, paid, True, False, {}


@pytest.mark.parametrize("kind", [PPO, DQN])
def test_learned_policies_learn_and_keep_to_what_is_free(kind: Any, tmp_path: Path):
    meter = Meter(Budget(unit="views", limit=800))

    def make_env(num: int) -> MeteredVectorEnv:
        made = gym.vector.SyncVectorEnv([Reach] * num, autoreset_mode="SameStep")
        return MeteredVectorEnv(made, meter)

    opened = phase(make_env=make_env)
    opened.meter = meter
    policy = kind(hidden=16, discount=0.0) if kind is DQN else kind(hidden=16)
    with pytest.raises(UserError, match="learn"):
        policy.predict(tables())
    policy.learn(opened)
    assert 700 < meter.used <= 800
    seen = tables(300)
    chosen = policy.predict(seen)[0]
    assert (seen[np.arange(300), chosen, ViewColumn.FREE] == 1).all()
    reached = seen[np.arange(300), chosen, ViewColumn.DISTANCE].mean()
    ceiling = seen[
        np.arange(300), best(seen[..., ViewColumn.DISTANCE], seen), ViewColumn.DISTANCE
    ].mean()
    assert reached > 0.5 + 0.6 * (ceiling - 0.5)
    policy.save(tmp_path)
    again = kind()
    again.load(tmp_path)
    assert (again.predict(seen)[0] == chosen).all()


def test_every_rule_of_the_dossier_is_declared():
    wanted = {"random", "furthest", "furthest-direction", "variance"}
    wanted |= {"active-nerf", "active-nerf-opacity", "active-nerf-greedy", "fisher-rf"}
    wanted |= {"variance-distance", "nearest", "oracle", "all-views"}
    wanted |= {"ppo", "dqn", "active-nerf-opacity-greedy"}
    assert set(NAMES) == wanted
    hidden = {name for name in NAMES if not registry.agent(name, "activeview").ranked}
    assert hidden == {"oracle", "all-views"}

"""Policies of glances: the shared exit rules over looks, orders, and what they may not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from leapbench.agents.common.exits import grid, scores
from leapbench.agents.common.exits.thresholds import leave, solve
from leapbench.agents.videoglance.common.orders import ORDERS, middle, spread, tiled, wanted
from leapbench.agents.videoglance.exits.policy import (
    Confidence,
    Entropy,
    Even,
    Fixed,
    Patience,
    Random,
)
from leapbench.agents.videoglance.oracle.policy import TubeOracle
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter
from leapbench.contract.rollout import rollout
from leapbench.contract.task import Budget
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.dynamics import budgets
from leapbench.envs.videoglance.observation import Layout, fixed
from leapbench.envs.videoglance.reference import load_reference
from leapbench.envs.videoglance.vector import VideoGlanceVectorEnv
from leapbench.errors import UserError

CALIBRATION, TEST = load_reference("needle")
BUDGETS = budgets(TEST)


def learned(policy: Any, bank: Bank = CALIBRATION) -> Any:
    meter = Meter(Budget(unit="decisions", limit=10))
    policy.learn(LearningPhase("calibrate", meter, 3, {"budgets": BUDGETS}, data=bank))
    assert meter.used == 0
    return policy


def world(bank: Bank = TEST, lanes: int = 5, stream: int = 200) -> VideoGlanceVectorEnv:
    return VideoGlanceVectorEnv(
        lanes, bank=bank, stream=stream, budget=BUDGETS, autoreset_mode=AutoresetMode.DISABLED
    )


def played(policy: Any, bank: Bank = TEST) -> list[dict[str, Any]]:
    env = world(bank)
    observation, _ = env.reset(seed=0, options={"budget": list(BUDGETS)})
    ended: list[dict[str, Any]] = [{} for _ in range(5)]
    for step in rollout(env, policy, observation):
        for i in np.flatnonzero(step.ended):
            ended[i] = {key: step.info[key][i] for key in ("accuracy", "spent", "budget", "looks")}
    return ended


@pytest.mark.parametrize("kind", [Confidence, Entropy, Patience, Random, Even])
def test_exit_rules_spend_what_they_were_solved_for(kind: Any) -> None:
    for final in played(learned(kind())):
        assert final["spent"] <= final["budget"]
        assert final["looks"].sum() == 200
        if kind is not Patience:
            assert final["spent"] > 0.8 * final["budget"]


def test_one_implementation_serves_both_families() -> None:
    assert issubclass(Confidence, scores.Confidence)
    assert Confidence.fit is grid.ScorePolicy.fit
    policy = learned(Confidence())
    ladder = CALIBRATION.ladder()
    for row, budget in zip(policy.table, BUDGETS, strict=True):
        limits = solve(ladder.confidence, ladder.costs, budget)
        assert np.array_equal(row, limits)
        assert ladder.costs[leave(ladder.confidence, limits)].mean() <= budget


def test_looks_are_those_of_the_ladder() -> None:
    policy = learned(Confidence())
    env = world(stream=300)
    observation, _ = env.reset(seed=0, options={"budget": list(BUDGETS)})
    first = env.streams.sample.copy()
    for k in range(2):
        actions = policy.chosen(observation, np.ones(5, bool))
        assert actions.tolist() == TEST.order[first, k].tolist()
        observation, *_ = env.step(actions)


def test_no_look_is_wasted_on_a_cube_seen_before() -> None:
    for order in ORDERS:
        env, policy = world(), learned(Confidence(order))
        observation, _ = env.reset(seed=1, options={"budget": [TEST.full] * 5})
        for _ in range(40):
            actions, _ = policy.predict(observation)
            looks = actions < env.world.answer
            assert not env.streams.visited[np.flatnonzero(looks), actions[looks]].any()
            observation, *_ = env.step(actions)


def test_rules_are_fitted_on_calibration_clips_alone() -> None:
    policy = learned(Confidence())
    before = policy.table.copy()
    played(policy)
    assert np.array_equal(policy.table, before)
    assert not np.array_equal(learned(Confidence(), TEST).table, before)


def test_even_buys_the_same_looks_for_all() -> None:
    finals = played(learned(Even()))
    for final, budget in zip(finals, BUDGETS, strict=True):
        each = min(TEST.looks, int((budget - TEST.first) / TEST.look))
        assert final["looks"][each : each + 2].sum() >= 180  # the last clips may find nothing left


def test_fixed_looks() -> None:
    assert [f["looks"][0] for f in played(learned(Fixed(0)))] == [200] * 5
    dense = played(learned(Fixed(-1, "tiles")))
    assert all(f["looks"][-1] > 0 for f in dense)


def test_orders_name_every_cube_once() -> None:
    bank = CALIBRATION.head(5)
    layout = Layout.of(bank)
    rows = np.zeros((5, layout.size), np.float32)
    rows[:, layout.fixed] = fixed(bank)
    for name in ORDERS:
        scored = wanted(name, rows, layout, bank.grid, np.random.default_rng(0))
        assert scored.shape == (5, 36), name
        assert np.isfinite(scored).all()
    model = np.argsort(-wanted("model", rows, layout, bank.grid, np.random.default_rng(0)), 1)
    assert np.array_equal(model, bank.order)
    own = bank.grid
    assert {int(p) for p in own.places[np.argsort(-middle(own))[:4], 0]} == {0, 1, 2, 3}
    assert (own.places[np.argsort(-middle(own))[:4], 1:] == 1).all()
    assert set(np.argsort(-tiled(own))[:16].tolist()) == set(own.tiles)
    first = own.origins[np.argsort(-spread(own))[:2]]
    assert (np.abs(np.diff(first, axis=0)) == own.free).all()


def test_parts_of_the_learned_order() -> None:
    bank = CALIBRATION.head(20)
    layout, rng = Layout.of(bank), np.random.default_rng(0)
    rows = np.zeros((20, layout.size), np.float32)
    rows[:, layout.fixed] = fixed(bank)
    places = bank.grid.places
    time = np.argsort(-wanted("temporal-only", rows, layout, bank.grid, rng), 1)[:, :4]
    place = np.argsort(-wanted("spatial-only", rows, layout, bank.grid, rng), 1)[:, :4]
    for clip in range(20):
        first = places[bank.order[clip, 0]]
        assert (places[time[clip], 0] == first[0]).all()
        assert set(time[clip].tolist()) <= set(bank.grid.tiles)
        assert (places[place[clip], 1:] == first[1:]).all()
        assert sorted(places[place[clip], 0].tolist()) == [0, 1, 2, 3]


def test_the_oracle_looks_where_the_object_is() -> None:
    policy = learned(TubeOracle())
    with pytest.raises(UserError, match="bind"):
        policy.predict(np.zeros((1, Layout.of(TEST).size), np.float32))
    env = world()
    observation, _ = env.reset(seed=0, options={"budget": [TEST.full] * 5})
    policy.bind(env)
    cube = policy.chosen(observation, np.ones(5, bool))
    sample = env.streams.sample
    assert (TEST.overlap[sample, cube] == TEST.overlap[sample].max(1)).all()


@pytest.mark.parametrize("order", ["model", "random"])
def test_a_loaded_policy_acts_alike(tmp_path: Path, order: str) -> None:
    one = learned(Confidence(order))
    one.save(tmp_path)
    other = Confidence(order)
    other.load(tmp_path)
    env = world()
    observation, _ = env.reset(seed=0, options={"budget": [TEST.full] * 5})
    assert np.array_equal(one.predict(observation)[0], other.predict(observation)[0])


def test_unknown_orders_are_told() -> None:
    with pytest.raises(UserError, match="order"):
        Confidence("sideways")

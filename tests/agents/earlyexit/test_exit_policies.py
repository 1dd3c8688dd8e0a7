from __future__ import annotations

import inspect

import numpy as np
import pytest
from exit_world import LEARNED_BY_ACTING, NAMES, OFFLINE, ORACLES, caches, grid, make, phase, play
from hypothesis import given
from hypothesis import strategies as st

from leapbench.agents.common.exits.chance import hazard
from leapbench.agents.common.exits.fixed import Fixed
from leapbench.agents.common.exits.grid import observations
from leapbench.agents.common.exits.patience import outcome
from leapbench.agents.common.exits.thresholds import leave
from leapbench.agents.earlyexit.confidence.calibrated import Calibrated, inverse_temperature
from leapbench.contract import registry
from leapbench.contract.agent import Policy
from leapbench.envs.exits.observation import ExitColumn
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.errors import UserError

INFORMED = ["confidence", "entropy", "margin", "calibrated-confidence", "learned-gate"]


@pytest.fixture(scope="module")
def pair():
    return caches()


@pytest.fixture(scope="module")
def learned(pair):
    """Every policy that is solved offline, and the oracles, after learning."""
    quick = {"learned-gate": {"updates": 200}}
    policies = {name: make(name, **quick.get(name, {})) for name in [*OFFLINE, *ORACLES]}
    for policy in policies.values():
        policy.learn(phase(pair[0]))
    return policies


@pytest.fixture(scope="module")
def played(pair, learned):
    return {name: play(policy, pair[1]) for name, policy in learned.items()}


def rows(predictions: PredictionCache, count: int = 500) -> np.ndarray:
    """Observations of random samples at random exits under random budgets of the grid."""
    rng = np.random.default_rng(5)
    seen = observations(predictions).reshape(-1, len(ExitColumn))[
        rng.integers(predictions.samples, size=count)
    ]
    seen = seen.copy()
    seen[:, ExitColumn.BUDGET] = rng.choice(grid(predictions), count) / predictions.costs[-1]
    seen[:, ExitColumn.REMAINING] = rng.random(count)
    seen[:, ExitColumn.PROGRESS] = rng.random(count)
    return seen


def test_all_are_declared():
    wanted = {"fixed-exit", "fixed-exit-2", "fixed-exit-3", "fixed-exit-4", "fixed-exit-5"}
    wanted |= {"fixed-exit-last", "random", "patience", *INFORMED}
    assert set(NAMES) == wanted | set(LEARNED_BY_ACTING) | set(ORACLES)


@pytest.mark.parametrize("name", NAMES)
def test_declaration_matches_the_class(name):
    declared, policy = registry.agent(name, "earlyexit"), make(name)
    assert isinstance(policy, Policy)
    assert declared.family == "earlyexit"
    assert declared.ranked == (name not in ORACLES)
    assert getattr(policy, "privileged", False) == (name in ORACLES)
    parameters = inspect.signature(type(policy)).parameters
    assert set(declared.config) == set(parameters)
    if not name.startswith("fixed-exit-"):
        assert declared.config == {key: p.default for key, p in parameters.items()}


@pytest.mark.parametrize("name", [*OFFLINE, *ORACLES])
def test_offline_policies_take_no_decisions(name, pair):
    opened, told = phase(pair[0], limit=1), []
    opened.report = lambda fraction, line: told.append(fraction)
    policy = make(name, **({"updates": 5} if name == "learned-gate" else {}))
    policy.learn(opened)
    assert opened.meter.used == 0
    assert told[-1] == 1.0


@pytest.mark.parametrize("name", [*OFFLINE, *ORACLES])
def test_budget_holds(name, played):
    assert (played[name]["spent"] <= played[name]["budget"]).all()


@pytest.mark.parametrize("name", INFORMED)
def test_knowing_the_easy_samples_beats_chance(name, played):
    gain = played[name]["accuracy"] - played["random"]["accuracy"]
    assert gain.mean() > 0.03


@pytest.mark.parametrize("name", [*OFFLINE, "oracle-first-correct"])
def test_no_policy_beats_the_oracle(name, played):
    assert (played[name]["accuracy"] <= played["oracle-budgeted"]["accuracy"]).all()


@pytest.mark.parametrize("name", OFFLINE)
def test_saved_and_loaded_acts_the_same(name, pair, learned, tmp_path):
    seen = rows(pair[1])
    learned[name].save(tmp_path)
    first, second = make(name), make(name)
    for policy in (first, second):
        policy.load(tmp_path)
    expected = first.predict(seen)[0]
    assert np.array_equal(second.predict(seen)[0], expected)
    if name != "random":
        assert np.array_equal(learned[name].predict(seen)[0], expected)


@pytest.mark.parametrize("name", ["learned-gate", "random"])
def test_seeds_decide(name, pair):
    seen, actions = rows(pair[1], 2000), []
    for seed in (1, 1, 2):
        policy = make(name, **({"updates": 30} if name == "learned-gate" else {}))
        policy.learn(phase(pair[0], seed=seed))
        actions.append(policy.predict(seen)[0])
    assert np.array_equal(actions[0], actions[1])
    assert not np.array_equal(actions[0], actions[2])


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ORACLES])
def test_errors_say_what_to_do(name, pair, tmp_path):
    policy = make(name)
    with pytest.raises(UserError, match="learn"):
        policy.predict(rows(pair[1], 3))
    with pytest.raises(UserError, match="learn"):
        policy.save(tmp_path)
    with pytest.raises(UserError, match="save"):
        policy.load(tmp_path)
    for file in ("policy.npz", "policy.json", "policy.safetensors"):
        (tmp_path / file).write_bytes(b"no such thing")
    with pytest.raises(UserError, match="save"):
        policy.load(tmp_path)


def test_the_nearest_budget_of_the_grid_is_used(pair):
    calibration = pair[0]
    policy = make("confidence")
    policy.learn(phase(calibration))
    seen = rows(calibration, 200)
    for row, budget in enumerate(grid(calibration)):
        seen[:, ExitColumn.BUDGET] = budget / calibration.costs[-1] + 0.01
        exit = np.rint(seen[:, ExitColumn.EXIT] * 3).astype(int)
        expected = seen[:, ExitColumn.TOP1] < policy.table[row, exit]
        assert np.array_equal(policy.predict(seen)[0], expected.astype(int))


@pytest.mark.parametrize(("exit", "reached"), [(1, 0), (3, 2), (9, 3), (-1, 3)])
def test_fixed_exit(exit, reached, pair):
    policy = Fixed(exit)
    policy.learn(phase(pair[0]))
    seen = observations(pair[1])[0]
    assert policy.predict(seen)[0].tolist() == [int(k < reached) for k in range(4)]


def test_fixed_exit_refuses_exits_that_do_not_exist():
    with pytest.raises(UserError, match="exit must be 1 or more"):
        Fixed(0)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any))
def test_hazards_give_the_shares_back(counts):
    chance = hazard(np.array(counts))
    reaching = np.append(1.0, np.cumprod(1 - chance)[:-1])
    assert reaching * chance == pytest.approx(np.array(counts) / sum(counts))


def test_random_exits_cost_what_confidence_costs(pair, learned):
    calibration = pair[0]
    thresholds, hazards = learned["confidence"].table, learned["random"].table
    for limits, chance in zip(thresholds, hazards, strict=True):
        taken = leave(calibration.confidence, limits)
        share = np.append(1.0, np.cumprod(1 - chance)[:-1]) * chance
        assert share @ calibration.costs == pytest.approx(calibration.costs[taken].mean())


def test_random_exits_happen_at_their_rate(pair, learned):
    calibration, policy = pair[0], learned["random"]
    seen = np.repeat(observations(calibration)[:1, 0], 4000, axis=0)
    seen[:, ExitColumn.BUDGET] = policy.budgets[1]
    chance = policy.table[1, 0]
    deviation = np.sqrt(chance * (1 - chance) / 4000)
    assert (policy.predict(seen)[0] == 0).mean() == pytest.approx(chance, abs=5 * deviation)


def test_patience_keeps_the_published_rule(pair, learned):
    calibration, policy = pair[0], learned["patience"]
    tried = [outcome(calibration, t) for t in range(calibration.exits)]
    assert tried[0] == pytest.approx((calibration.correct[:, 0].mean(), calibration.costs[0]))
    assert np.all(np.diff([cost for _, cost in tried]) > 0)
    for (patience,), budget in zip(policy.table, grid(calibration), strict=True):
        accuracy, cost = tried[int(patience)]
        assert cost <= budget
        assert accuracy == max(a for a, c in tried if c <= budget)
        seen = observations(calibration)[:, 1].copy()
        seen[:, ExitColumn.BUDGET] = budget / calibration.costs[-1]
        stays = calibration.streak[:, 1] < patience
        assert np.array_equal(policy.predict(seen)[0], stays.astype(int))


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_temperature_is_found_again(factor):
    predictions = PredictionCache.synthetic(2000, exits=2, seed=2)
    outputs = predictions.probabilities[:, 0]
    sharper = outputs**factor
    sharper /= sharper.sum(axis=1, keepdims=True)
    found = inverse_temperature(sharper, predictions.labels) * factor
    assert found == pytest.approx(inverse_temperature(outputs, predictions.labels), rel=0.02)


@pytest.mark.parametrize("classes", [3, 5])
def test_calibrated_confidence_is_exact_when_all_classes_are_seen(classes):
    predictions = PredictionCache.synthetic(300, exits=3, classes=classes, seed=6)
    policy = Calibrated()
    policy.learn(phase(predictions))
    powers = predictions.probabilities.astype(np.float64) ** policy.inverse[:, None]
    expected = powers.max(axis=2) / powers.sum(axis=2)
    assert policy.score(observations(predictions)) == pytest.approx(expected, abs=1e-6)

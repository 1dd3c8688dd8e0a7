"""Ways to score without earning it, on teachers' compute and on shared weights: all fail."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_budget import spent_by_all

from leapbench.contract import registry
from leapbench.contract.artifacts import ArtifactStore
from leapbench.envs.distill import bank as banks
from leapbench.envs.distill.choices import Decision
from leapbench.errors import InvalidAction, InvalidOutput, UserError
from leapbench.running.composition import built, compose
from leapbench.tasks.distill.harness import DistillHarness
from leapbench.tasks.sparsify.harness import SparsifyHarness
from leapbench.testing import small_task

NAMES = ("distill/digit-pairs", "sparsify/scenes")
HARNESSES: dict[str, Any] = dict(zip(NAMES, (DistillHarness, SparsifyHarness), strict=True))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "cache"))
    banks.bank.cache_clear()


def made(name: str, folder: Path, **settings: Any) -> Any:
    protocol = small_task(name).protocols["smoke"]
    changed = protocol.model_copy(update={"settings": protocol.settings | settings})
    return HARNESSES[name](changed, 0, ArtifactStore(folder))


def silent(fraction: float, line: str) -> None:
    """Report nothing."""


def opened(harness: Any) -> Any:
    return harness.open(harness.protocol.phases[0], {}, silent)


@pytest.mark.parametrize("name", NAMES)
def test_a_copied_world_and_a_second_one_share_one_budget(name: str, tmp_path: Path) -> None:
    spent_by_all(opened(made(name, tmp_path)))


@pytest.mark.parametrize("number", [0, -1, 1.5, "2", True])
@pytest.mark.parametrize("name", NAMES)
def test_there_are_no_other_numbers_of_worlds(name: str, number: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="num_envs must be a whole number"):
        opened(made(name, tmp_path)).make_env(number)


@pytest.mark.parametrize("option", ["instance", "student"])
def test_no_instance_can_be_practised_by_its_number(option: str, tmp_path: Path) -> None:
    harness = made(NAMES[0], tmp_path)
    row = harness.schedule(harness.protocol, "", 0)[0]
    env = opened(harness).make_env(2)
    for asked in ({option: int(row[option])}, {option: [0, 1]}):
        with pytest.raises(UserError, match="scored have numbers"):
            env.reset(seed=0, options=asked)
        with pytest.raises(UserError, match="scored have numbers"):
            copy.deepcopy(env).reset(options=asked)
    env.reset(seed=0, options={"scenario": "clean", "budget": 1.0})


def test_trainings_that_are_scored_cannot_be_practised(tmp_path: Path) -> None:
    harness = made(NAMES[1], tmp_path)
    (row,) = harness.schedule(harness.protocol, "", 0)
    env = opened(harness).make_env(2)
    for seed in (row["seed"], row["seed"] - 1, [None, row["seed"]], np.int64(row["seed"])):
        with pytest.raises(UserError, match="an episode that is scored"):
            env.reset(seed=seed)


def test_practice_has_no_test_pictures_in_it(tmp_path: Path) -> None:
    phase = opened(made(NAMES[1], tmp_path))
    env = phase.make_env(1)
    env.reset(seed=phase.seed)
    assert len(env.unwrapped.envs[0].unwrapped.training.data.test) == 0


class Peeking:
    """Would look at the world that it is scored in."""

    privileged = True

    def __init__(self) -> None:
        self.world: Any = None

    def bind(self, env: Any) -> None:
        self.world = env

    def learn(self, phase: Any) -> None:
        """Nothing."""

    def predict(self, seen: Any, state: Any = None, begins: Any = None, deterministic: Any = True):
        return np.zeros(len(seen), int), state

    def save(self, folder: Path) -> None:
        """Nothing."""

    def load(self, folder: Path) -> None:
        """Nothing."""


HIDDEN = """
class Quiet:
    def __init__(self):
        self.privileged = True
    def learn(self, phase): pass
    def predict(self, *asked, **more): pass
    def save(self, folder): pass
    def load(self, folder): pass

class Open(Quiet):
    privileged = True
"""


@pytest.mark.parametrize("name", NAMES)
def test_who_looks_at_the_world_is_not_ranked(name: str, tmp_path: Path) -> None:
    path, task = tmp_path / "own.py", registry.task(name)
    path.write_text(HIDDEN)
    told = compose(task, f"{path}:Open")
    assert not told.record().ranked
    (role,) = told.parts
    told.build(role)
    quiet = compose(task, f"{path}:Quiet")
    assert quiet.record().ranked
    with pytest.raises(UserError, match="would be ranked"):
        built(quiet.parts[role], {})


class Rows:
    """Answers with the same thing always."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, seen: Any, state: Any = None, begins: Any = None, deterministic: Any = True):
        seen[:] = 1e9  # a copy, which no world reads
        return self.answer(len(seen)), state


@pytest.mark.parametrize(
    "answer",
    [
        lambda count: np.full((count, 18), np.nan),
        lambda count: np.full((count, 18), 1e30),
        lambda count: np.full((count, 17), 0.0),
        lambda count: np.full((count, 18), "1"),
        lambda count: np.full(count, 10**9),
        lambda count: np.full(count, -1),
        lambda count: None,
    ],
)
def test_decisions_outside_are_refused(answer: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidAction):
        made(NAMES[0], tmp_path).evaluate({"policy": Rows(answer)}, silent)


def test_everything_at_once_is_not_more_than_the_budget(tmp_path: Path) -> None:
    """Every purchase, every teacher, a block and a new student, all wanted in every round."""
    harness = made(NAMES[0], tmp_path)
    numbers = harness.world(harness.schedule(harness.protocol, "", 0)[:1]).rules.numbers
    greedy = np.ones(numbers.count, np.float32)
    greedy[numbers.tau + 3] = -1  # no stop
    outcome = harness.evaluate({"policy": Rows(lambda count: np.tile(greedy, (count, 1)))}, silent)
    assert all(row["spent"] <= row["budget"] for row in outcome.rows)
    assert harness.metrics(harness.protocol, outcome.rows)["violations"] == 0
    assert all(row["blocks"] <= 3 for row in outcome.rows)


def test_teachers_that_are_not_paid_teach_as_much_as_none(tmp_path: Path) -> None:
    """Weight on checkpoints that are not owned leaves the student as it is."""
    harness = made(NAMES[0], tmp_path)
    plan = harness.schedule(harness.protocol, "", 0)
    numbers = harness.world(plan[:1]).rules.numbers
    thief = numbers.row(Decision(weights=(1.0,) * 4, itself=1.0, train=True))
    outcome = harness.evaluate({"policy": Rows(lambda count: np.tile(thief, (count, 1)))}, silent)
    assert all((row["blocks"], row["spent"]) == (0, 0) for row in outcome.rows)


class Counting(np.ndarray):
    """A mask that says it keeps nothing."""

    def sum(self, *asked: Any, **more: Any) -> Any:
        return np.int64(0)

    @property
    def shape(self) -> Any:
        return (0,)


class Nothing(int):
    """A number of batches that costs nothing."""

    def __rmul__(self, other: Any) -> Any:
        return 0

    __mul__ = __rmul__


class Method:
    """A method of one's own."""

    def __init__(self, plan: Any, keep: Any = lambda mask, budget: None) -> None:
        self._plan, self._keep, self.budget = plan, keep, 0

    def plan(self, facts: Any) -> Any:
        self.budget = facts.budget
        return self._plan

    def keep(self, iteration: int, weights: Any, mask: Any, scores: Any) -> Any:
        scores[:] = np.nan
        return self._keep(mask, self.budget)


@pytest.mark.parametrize(
    "method",
    [
        Method(((11, "none", 0),), lambda mask, budget: np.ones_like(mask).view(Counting)),
        Method(((0, "gradients", Nothing(900)),)),
        Method(((0, type("Kind", (str,), {})("gradients"), 1),)),
        Method(((True, "gradients", 1),)),
        Method(((0, "gradients", -1),)),
    ],
    ids=["mask", "batches", "kind", "round", "negative"],
)
def test_types_of_ones_own_do_not_count_differently(method: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidOutput):
        made(NAMES[1], tmp_path).evaluate({"agent": method}, silent)


def test_all_of_a_mask_that_counts_differently_goes_at_the_deadline(tmp_path: Path) -> None:
    method = Method(((0, "none", 0),), lambda mask, budget: np.ones_like(mask).view(Counting))
    row = made(NAMES[1], tmp_path).evaluate({"agent": method}, silent).rows[0]
    assert row["kept"] <= row["budget"]
    assert row["spent"] <= row["limit"]


def test_a_policy_from_elsewhere_acts_in_the_world_and_is_not_bound(tmp_path: Path) -> None:
    policy = Rows(lambda count: np.zeros(count, int))
    row = made(NAMES[1], tmp_path).evaluate({"agent": policy}, silent).rows[0]
    assert row["kept"] <= row["budget"]

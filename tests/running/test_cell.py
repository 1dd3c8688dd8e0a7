"""One cell: learned within its budgets, scored, written, found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.errors import Unavailable, UserError
from leapbench.results import result
from leapbench.results.result import Result
from leapbench.running import cell, live
from leapbench.running.cell import Cell
from leapbench.running.plan import plan
from leapbench.testing import shrink, standing_in

pytestmark = pytest.mark.usefixtures("plugin")


@pytest.fixture
def one(tmp_path: Path) -> Cell:
    return Cell("coins/small", "smoke", "toy-guess", 0, (), tmp_path)


def run(one: Cell) -> Result:
    return cell.run(one, lambda fraction, line: None)


def test_a_result_is_written_and_found(one: Cell) -> None:
    assert one.done() is None
    made = run(one)
    assert made.status == "ok", made.message
    assert one.path.relative_to(one.out) == Path("coins/small/smoke/toy-mean+toy-guess/seed-0.json")
    found = one.done()
    assert found is not None
    assert found.run_id == made.digest()
    assert (found.score, found.normalised) == (made.metrics["hits"], made.metrics["hits"])
    assert [(s.phase, s.used, s.limit, s.reused) for s in found.budget] == [
        ("look", 40, 80, False),
        ("play", 6, 100, False),
    ]


def test_the_report_goes_from_0_to_1(one: Cell) -> None:
    told: list[float] = []
    cell.run(one, lambda fraction, line: told.append(fraction))
    assert told == sorted(told)
    assert all(0 <= fraction <= 1 for fraction in told)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"agent": "toy-guess-prior"},
        {"settings": ("rounds=4",)},
        {"settings": ("rounds=5",)},
    ],
)
def test_cells_do_not_share_files(one: Cell, other: dict[str, object]) -> None:
    assert replace(one, **other).path != one.path  # type: ignore[arg-type]


def test_a_composition_at_hand_has_the_same_path(one: Cell) -> None:
    assert one.path_of(one.composition) == one.path
    changed = replace(one, settings=("rounds=4",))
    assert one.path_of(changed.composition) == changed.path


def test_a_default_typed_out_is_the_same_cell(one: Cell) -> None:
    assert replace(one, settings=("rounds=3",), agent="toy-mean+toy-guess").path == one.path


def test_equal_runs_have_equal_identities(one: Cell, tmp_path: Path) -> None:
    first = run(one)
    assert run(replace(one, out=tmp_path / "other")).digest() == first.digest()
    again = run(one)
    assert again.budget[0].reused
    assert again.digest() == first.digest()
    assert run(replace(one, seed=1)).digest() != first.digest()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text(path.read_text()[:50]),
        lambda path: path.write_text(path.read_text().replace('"seed": 0', '"seed": 1')),
        lambda path: path.unlink(),
    ],
)
def test_a_spoilt_file_is_not_done(one: Cell, spoil: Callable[[Path], None]) -> None:
    run(one)
    spoil(one.path)
    assert one.done() is None


def test_another_protocol_or_code_is_not_done(one: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    run(one)
    with standing_in(shrink(registry.task("coins/small"), {"samples": 16})):
        assert one.done() is None
    with monkeypatch.context() as patch:
        patch.setattr("leapbench.running.code.code_hash", lambda entries, alone: "other")
        assert one.done() is None
    assert one.done() is not None


AGENT = """
import numpy as np

class Fails:
    def __init__(self, where: str = "learn"):
        self.where = where
    def learn(self, phase):
        if self.where == "learn":
            raise RuntimeError("out of luck")
        if self.where == "overspend":
            phase.meter.spend(101)
        if self.where == "told":
            from leapbench.errors import UserError
            raise UserError("Not enough samples.")
        if self.where == "asked":
            from leapbench.contract import registry
            registry.task("coins/none")
        if self.where == "practice":
            phase.make_env(2)
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        if self.where == "predict":
            raise RuntimeError("cannot act")
        return np.zeros(len(observation), int), state
    def save(self, folder): pass
    def load(self, folder): pass
"""


@pytest.fixture
def failing(one: Cell, tmp_path: Path) -> Callable[[str], Cell]:
    file = tmp_path / "failing.py"
    file.write_text(AGENT)
    return lambda where: replace(one, agent=f"{file}:Fails", settings=(f"where={where}",))


@pytest.mark.parametrize(
    ("where", "status", "message"),
    [
        ("learn", "failed", "RuntimeError: out of luck (failing.py:9)"),
        ("predict", "failed", "RuntimeError: cannot act (failing.py:22)"),
        ("told", "failed", "UserError: Not enough samples. (failing.py:14)"),
        ("asked", "failed", "UserError: There is no task 'coins/none'"),
        ("overspend", "budget_exceeded", "101 more decisions asked for, 100 of 100 left"),
    ],
)
def test_a_failure_is_a_result_and_is_run_again(
    failing: Callable[[str], Cell], where: str, status: str, message: str
) -> None:
    made = run(failing(where))
    assert (made.status, made.score) == (status, None)
    assert message in made.message
    assert result.read(failing(where).path).status == status
    assert failing(where).done() is None


def lacking(*_: object) -> None:
    raise Unavailable("There is no data set.")


def refuse(*_: object, **__: object) -> None:
    raise UserError("Of another format.")


HARNESS, LEARN = "toys.tasks.coins.harness", "toys.agents.coins.guess.learn"


@pytest.mark.parametrize(
    "where", ["CoinsHarness.open", "MeteredVectorEnv", "CoinsHarness.evaluate"]
)
def test_what_the_machine_lacks_is_no_result(
    failing: Callable[[str], Cell], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Also where a part of the user's asks for it, as for an environment."""
    monkeypatch.setattr(f"{HARNESS}.{where}", lacking)
    with pytest.raises(Unavailable, match="no data set"):
        run(failing("practice"))
    assert not failing("practice").path.exists()


def test_a_mistake_that_no_part_of_the_users_makes_is_no_result(
    failing: Callable[[str], Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{HARNESS}.CoinsHarness.evaluate", refuse)
    with pytest.raises(UserError, match="another format"):
        run(failing("nowhere"))
    assert not failing("nowhere").path.exists()


class Refusing:
    """A class of the process that runs it, as in a notebook."""

    def learn(self, phase: LearningPhase) -> None:
        refuse()

    save = load = predict = refuse


def test_a_mistake_of_a_plug_ins_or_a_notebooks_part_is_its_failure(
    one: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for agent in (live.named(Refusing), one.agent):
        made = run(replace(one, agent=agent))
        assert made.status == "failed"
        assert made.message.startswith("UserError: Of another format.")
        monkeypatch.setattr(f"{LEARN}.np", SimpleNamespace(zeros=refuse, int64=int))


def test_numbers_that_are_none_are_invalid(one: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"episode": 0, "seed": 0, "hits": float("nan")}]
    monkeypatch.setattr(f"{HARNESS}._episode", lambda policy, seed: rows[0])
    made = run(one)
    assert made.status == "invalid"
    assert result.read(one.path).status == "invalid"
    assert one.done() is None


def test_an_unknown_tier_is_told(one: Cell) -> None:
    with pytest.raises(UserError, match=r"coins/small has no tier 'paper'\. It has: smoke"):
        _ = replace(one, tier="paper").protocol


def test_a_tier_that_is_left_out_is_the_smallest_that_there_is(tmp_path: Path) -> None:
    for task, agent, tier in (
        ("distill/digit-pairs", "converged", "smoke"),
        ("videoglance/sprites", "centre", "lite"),
    ):
        (cell,) = plan(task, "", [agent], "0", (), tmp_path)
        assert cell.tier == tier

"""`lb.run`: the same as the command, and agents that only this process knows."""

from __future__ import annotations

import json
import linecache
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leapbench as lb
from leapbench.api.run import Interrupted
from leapbench.running import apart, live

pytestmark = pytest.mark.usefixtures("plugin")
TASK = "coins/small"


class Heads:
    """Bets on one side."""

    def __init__(self, side: int = 1) -> None:
        self.side = side

    def learn(self, phase: Any) -> None:
        pass

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, **_: Any
    ) -> tuple[Any, Any]:
        return np.full(len(observation), self.side), state

    def save(self, folder: Path) -> None:
        (folder / "side.json").write_text(json.dumps(self.side))

    def load(self, folder: Path) -> None:
        self.side = json.loads((folder / "side.json").read_text())


def build(side: int = 0) -> Heads:
    return Heads(side)


def cell(text: str, name: str) -> Any:
    """What a cell of a notebook defines, with its text where IPython keeps it."""
    file = f"<cell {hash(text)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names: dict[str, Any] = {"__name__": "__main__", "Heads": Heads}
    exec(compile(text, file, "exec"), names)  # noqa: S102
    return names[name]


def test_importing_it_imports_nothing_else() -> None:
    """What makes it quick; benchmarks/import_time.py prints the milliseconds."""
    code = (
        "import sys; before = set(sys.modules); import leapbench as lb;"
        "print(*sorted(set(sys.modules) - before)); assert callable(lb.results)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = out.stdout.split()
    own = [name for name in found if name.partition(".")[0] == "leapbench"]
    assert own == ["leapbench", "leapbench.contract", "leapbench.contract.registration"]
    others = {name.partition(".")[0] for name in found} - {"leapbench"}
    assert others <= sys.stdlib_module_names


def test_the_command_and_the_function_give_one_run_id(tmp_path: Path) -> None:
    words = ["run", TASK, "toy-guess", "--set", "rounds=4", "--out", "other", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "leapbench", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    told = json.loads(done.stdout)
    (made,) = lb.run(TASK, "toy-guess", settings={"rounds": 4}, out=tmp_path, progress=False)
    assert made.digest() == told["run_id"]
    assert made.agent.model_dump(mode="json") == told["agent"]


def test_results_are_records_and_tables(tmp_path: Path) -> None:
    found = lb.run(TASK, ["toy-guess", build], seeds=[0, 1], out=tmp_path, progress=False)
    assert [each.seed for each in found] == [0, 1, 0, 1]
    assert [r["agent"] for r in found.records()] == ["toy-mean+toy-guess"] * 2 + [
        "toy-mean+build"
    ] * 2
    assert len(found.episodes()) == 4 * 6
    assert len(found.scores) == 4
    assert found.failures == []
    assert all(path.exists() for path in found.paths)
    assert "srcdoc" in found._repr_html_()
    again = lb.results(TASK, runs=tmp_path, committed=False)
    assert {each.run_id for each in again} == {each.digest() for each in found}
    assert len(lb.results(TASK, runs=tmp_path, agent="toy-mean+build")) == 2
    assert len(found[:2]) == 2


def test_frames_where_they_are_installed(tmp_path: Path) -> None:
    found = lb.run(TASK, "toy-guess", out=tmp_path, progress=False)
    for package, shape in (("pandas", (1, 10)), ("polars", (1, 10))):
        pytest.importorskip(package)
        assert getattr(found, f"to_{package}")().shape == shape


def test_boards_claims_and_comparisons(tmp_path: Path) -> None:
    lb.run(TASK, ["toy-guess", "toy-guess-prior"], seeds="0-2", out=tmp_path, progress=False)
    board = lb.board(TASK, runs=tmp_path)
    assert [row.name for row in board.ranked] == [r["agent"] for r in board.records()]
    assert "toy-mean+toy-guess" in repr(board)
    assert "<iframe" in board._repr_html_()
    assert lb.compare("toy-guess", "toy-guess-prior", TASK, runs=tmp_path).comparisons
    assert lb.claims(TASK, runs=tmp_path).findings == ()
    with pytest.raises(lb.UserError, match="There is no task"):
        lb.board("coins/smal", runs=tmp_path)


def test_a_function_builds_an_agent_whose_parameters_are_settings(tmp_path: Path) -> None:
    ones = lb.run(TASK, build, settings={"side": 1}, out=tmp_path, progress=False)
    zeros = lb.run(TASK, build, out=tmp_path, progress=False)
    assert [ones[0].agent.parts[1].settings, zeros[0].agent.parts[1].settings] == [{"side": 1}, {}]
    assert ones[0].score != zeros[0].score
    assert [p.exists() for p in ones.paths + zeros.paths] == [True, True]


def test_a_class_of_a_cell_is_known_by_its_text(tmp_path: Path) -> None:
    text = "SIDE = 1\nclass Mine(Heads):\n    def learn(self, phase):\n        self.side = SIDE\n"
    first = cell(text, "Mine")
    assert "self.side = SIDE" in live.source(first)
    same, other = cell(text, "Mine"), cell(text.replace("SIDE = 1", "SIDE = 0"), "Mine")
    assert live.source_digest(first) == live.source_digest(same) != live.source_digest(other)
    made = lb.run(TASK, first, out=tmp_path, progress=False)
    before = made.paths[0].stat().st_mtime_ns
    lb.run(TASK, same, out=tmp_path, progress=False)
    assert made.paths[0].stat().st_mtime_ns == before
    assert made[0].agent.parts[1].file_hash == live.source_digest(first)[:16]
    lb.run(TASK, other, out=tmp_path, progress=False)
    assert len(lb.board(TASK, runs=tmp_path).ranked) == 2


def test_without_a_text_the_bytecode_decides() -> None:
    names: list[dict[str, Any]] = [{"__name__": "__main__"} for _ in range(3)]
    for text, own in zip(("return 1", "return 1", "return 2"), names, strict=True):
        exec(f"class Mine:\n    def learn(self):\n        {text}", own)  # noqa: S102
    digests = [live.source_digest(own["Mine"]) for own in names]
    assert digests[0] == digests[1] != digests[2]


def test_declared_and_imported_classes_have_the_names_of_the_command(tmp_path: Path) -> None:
    from toys.agents.coins.guess.learn import Guess

    assert live.named(Guess) == "toy-guess"
    assert live.named(Heads) == f"{__file__}:Heads"
    assert live.named(("toy-mean", Guess)) == "toy-mean+toy-guess"
    with pytest.raises(lb.UserError, match="int is no agent"):
        live.named(3)  # type: ignore[arg-type]


def test_several_jobs_are_for_agents_that_other_processes_know(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="one seed after the other"):
        lb.run(TASK, build, jobs=2, out=tmp_path, progress=False)


def test_what_is_finished_is_kept_when_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = apart.contained

    def interrupted(one: Any, report: Any) -> Any:
        if one.seed == 2:
            raise KeyboardInterrupt
        return real(one, report)

    monkeypatch.setattr(apart, "contained", interrupted)
    with pytest.raises(Interrupted, match="2 of 3 finished") as caught:
        lb.run(TASK, "toy-guess", seeds=range(3), out=tmp_path, progress=False)
    assert isinstance(caught.value, KeyboardInterrupt)
    assert all(each.path.exists() for each in caught.value.done)


def test_mistakes_are_exceptions_with_the_commands_text(tmp_path: Path) -> None:
    with pytest.raises(lb.UserError, match=r"There is no agent 'toy-gues'. Did you mean"):
        lb.run(TASK, "toy-gues", out=tmp_path)
    with pytest.raises(lb.UserError, match="jobs=0 is no number"):
        lb.run(TASK, "toy-guess", jobs=0, out=tmp_path)
    with pytest.raises(lb.UserError, match="There is no agent"):
        lb.run(TASK, [], out=tmp_path)
    with pytest.raises(lb.UserError, match="num_envs=0 is no number"):
        lb.make_env(TASK, 0)
    with pytest.raises(lb.UserError, match="There is no setting 'round'"):
        lb.run(TASK, "toy-guess", settings={"round": 1}, out=tmp_path)

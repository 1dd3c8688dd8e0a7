"""A changed line makes the command run again, wherever the line is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leapbench.contract.artifacts import ArtifactStore
from leapbench.running import cell, source
from leapbench.running.cell import Cell
from leapbench.running.sweep import sweep

ROOT = Path(__file__).parents[2]
LINES = {  # a line, what becomes of it, and who is run with it
    "envs/activeview/field/adam.py": (
        "beta2=0.99",
        "beta2=0.999",
        "activeview/niche",
        "random",
    ),
    "envs/exits/budget.py": (
        "self.length, replace=False",
        "self.length, replace=True",
        "earlyexit/digits",
        "confidence",
    ),
    "agents/urlb/common/entropy.py": (".sqrt()", ".abs()", "urlb/entropy-point", "moss"),
}


class Mutations:
    """Files as they would be with one text in the place of another; nothing is written."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._read, self._patch = source._read, patch

    def apply(self, file: str, before: str, after: str) -> None:
        """From now on `file` has `after` where it has `before` first."""
        target = ROOT / file

        def read(path: Path) -> bytes:
            content = self._read(path)
            if path != target:
                return content
            assert before.encode() in content
            return content.replace(before.encode(), after.encode(), 1)

        self._patch.setattr(source, "_read", read)
        source.forget()


@pytest.fixture
def mutations(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mutations]:
    with monkeypatch.context() as patch:
        yield Mutations(patch)
    source.forget()


def finished(task: str, agent: str, out: Path, patch: pytest.MonkeyPatch) -> Cell:
    """A cell that has a good result of the code of now, without the work."""
    one = Cell(task, "smoke", agent, 0, (), out)
    fields = {"status": "ok", "score": 0.5, "metrics": {one.protocol.metric.name: 0.5}}
    with patch.context() as inner:
        inner.setattr(cell, "_scored", lambda *arguments: fields)
        cell.run(one, lambda fraction, line: None)
    assert one.done() is not None
    return one


def artifact(one: Cell) -> Path:
    """Where the cell's phases would leave something."""
    store = cell._harness(one).store
    assert isinstance(store, ArtifactStore)
    return store.path({})


@pytest.mark.parametrize("file", LINES)
def test_a_changed_line_runs_again_where_it_is_used(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutations: Mutations
) -> None:
    cells = {
        name: finished(task, agent, tmp_path, monkeypatch)
        for name, (_, _, task, agent) in LINES.items()
    }
    kept = {name: artifact(one) for name, one in cells.items()}
    mutations.apply(file, *LINES[file][:2])
    assert [name for name, one in cells.items() if one.done() is None] == [file]
    moved = [name for name, one in cells.items() if artifact(one) != kept[name]]
    assert moved == ([] if file.startswith("agents") else [file])


def test_a_changed_line_of_a_part_moves_what_it_leaves(
    tmp_path: Path, mutations: Mutations
) -> None:
    def keys(agent: str) -> list[str]:
        one = Cell("earlyexit/digits", "smoke", agent, 0, (), tmp_path)
        return [source.code_hash((part.entry,)) for part in one.composition.parts.values()]

    before = keys("msdnet+confidence")
    mutations.apply("agents/earlyexit/common/trainer.py", "def ", "def a")
    model, policy = keys("msdnet+confidence")
    assert model != before[0]
    assert policy == before[1]


def test_a_result_of_unknown_code_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = finished("urlb/entropy-grid", "moss-tabular", tmp_path, monkeypatch)
    found = cell.result.read(one.path)
    bare = {k: v for k, v in found.provenance.items() if k != "code"}
    cell.result.write(found.model_copy(update={"provenance": bare}), one.path)
    assert one.done() is None


class Told:
    """Remembers which cells were there before."""

    def __init__(self) -> None:
        self.reused: list[bool] = []

    def started(self, cell: Cell) -> None: ...

    def progress(self, cell: Cell, fraction: float, line: str) -> None: ...

    def finished(self, cell: Cell, result: object, reused: bool) -> None:
        self.reused.append(reused)


@pytest.mark.usefixtures("plugin")
def test_a_sweep_runs_what_has_changed(tmp_path: Path, mutations: Mutations) -> None:
    cells, told = [Cell("coins/small", "smoke", "toy-guess", 0, (), tmp_path)], Told()
    sweep(cells, 1, told)
    sweep(cells, 1, told)
    assert told.reused == [False, True]
    mutations.apply("tests/plugin/toys/worlds.py", "FLIPS = ", "FLIPS = 1 + ")
    sweep(cells, 1, told)
    sweep(cells, 1, told)
    assert told.reused == [False, True, False, True]

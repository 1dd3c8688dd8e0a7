"""How a sweep goes on under a cell of a notebook."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

import leapbench as lb
from leapbench.leaderboards.render import terminal
from leapbench.running import notebook
from leapbench.running.cell import Cell
from leapbench.running.display import observer

CELL = Cell("coins/small", "smoke", "toy-guess", 0, (), Path("runs"))


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a notebook is asked to show, first to last; IPython is stood in for."""
    found: list[str] = []

    class Handle:
        def update(self, data: dict[str, str], raw: bool) -> None:
            found.append(data["text/plain"])

    def display(data: dict[str, str], raw: bool, display_id: bool) -> Handle:
        found.append(data["text/plain"])
        return Handle()

    module: Any = ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return found


def test_a_notebook_has_its_own_display() -> None:
    screen = Console(force_jupyter=True)
    assert isinstance(observer(screen, [CELL], quiet=False), notebook.Notebook)
    assert not isinstance(observer(screen, [CELL], quiet=True), notebook.Notebook)


@pytest.mark.usefixtures("plugin")
def test_one_text_is_rewritten(
    texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = lb.run("coins/small", "toy-guess", out=tmp_path, progress=False)
    now = [0.0]
    with notebook.Notebook(2, clock=lambda: now[0]) as watcher:
        watcher.started(CELL)
        watcher.progress(CELL, 0.5, "loss 3")  # too soon after the last text
        assert "loss 3" not in texts[-1]
        now[0] += notebook.EVERY
        watcher.progress(CELL, 0.5, "loss 2")
        bar = "█" * 10 + "░" * 10
        assert texts[-1] == f"0 of 2 finished\n{bar}  50% toy-guess seed 0  loss 2"
        watcher.finished(CELL, made, reused=False)
    assert texts[-1] == f"1 of 2 finished\n✓ toy-guess seed 0: {made.score:.4f}"
    assert watcher.done == [(CELL, made, False)]


def test_only_the_last_lines_are_kept(texts: list[str]) -> None:
    with notebook.Notebook(50) as watcher:
        watcher._lines = [f"✓ {i}" for i in range(50)]
    lines = texts[-1].splitlines()
    assert lines[:3] == ["50 of 50 finished", "... 30 before", "✓ 30"]
    assert len(lines) == 2 + notebook.LINES


@pytest.mark.usefixtures("plugin")
def test_tables_as_text_are_not_drawn_into_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = lb.run("coins/small", "toy-guess", out=tmp_path, progress=False)
    expected = terminal.render(found.tables[0], 100)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert repr(found) == expected != ""

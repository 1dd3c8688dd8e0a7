"""What is shown while cells run."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from leapbench.results.result import AgentRecord, Result
from leapbench.running.cell import Cell
from leapbench.running.display import EVERY, Bars, Lines, Quiet, observer

CELLS = [Cell("coins/small", "smoke", "toy[bold]", seed, (), Path("runs")) for seed in range(2)]


def done(status="ok"):
    return Result(
        status=status,
        message="" if status == "ok" else "no luck",
        task="coins/small",
        tier="smoke",
        protocol_hash="0" * 16,
        agent=AgentRecord(name="toy", parts=()),
        seed=0,
        score=0.5 if status == "ok" else None,
    )


def play(watcher):
    with watcher:
        watcher.finished(CELLS[0], done(), True)
        watcher.started(CELLS[1])
        watcher.progress(CELLS[1], 0.25, "epoch [1/4]")
        watcher.finished(CELLS[1], done("failed"), False)


@pytest.mark.parametrize("terminal", [True, False])
def test_every_end_is_told_and_remembered(terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    watcher = observer(console, CELLS, quiet=False)
    assert isinstance(watcher, Bars if terminal else Lines)
    play(watcher)
    shown = console.file.getvalue()
    assert "toy[bold] seed 0: 0.5000 (was there already)" in shown
    assert "toy[bold] seed 1: failed: no luck" in shown
    assert [cell for cell, _, _ in watcher.done] == CELLS


def test_bars_show_the_line_of_a_running_cell():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    watcher = Bars(console, 2)
    with watcher:
        watcher.started(CELLS[0])
        watcher.progress(CELLS[0], 0.5, "epoch [1/4]")
        watcher._bars.refresh()
    assert "epoch [1/4]" in console.file.getvalue()
    assert watcher._bars.tasks[0].completed == pytest.approx(0.5)


def test_lines_come_now_and_then():
    now = [0.0]
    console = Console(file=io.StringIO(), width=100)
    watcher = Lines(console, 1, clock=lambda: now[0])
    watcher.started(CELLS[0])
    for second in range(int(2 * EVERY) + 1):
        now[0] = float(second)
        watcher.progress(CELLS[0], 0.5, "learning")
    assert console.file.getvalue().count("50% learning") == 2


def test_quiet_remembers_and_says_nothing(capsys):
    watcher = observer(Console(), CELLS, quiet=True)
    play(watcher)
    assert type(watcher) is Quiet
    assert len(watcher.done) == 2
    assert capsys.readouterr() == ("", "")

"""A long phase whose process is killed goes on from its save to the same result."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leapbench.results.result import read

pytestmark = pytest.mark.slow

# The published protocol, with fewer steps, smaller networks and a save every so many.
COMMAND = """
import sys
from pathlib import Path
from leapbench.contract import registry
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.testing import standing_in

name, steps, out, settings = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
task = registry.task(name)
paper = task.protocols["paper"]
(phase,) = paper.phases
phase = phase.model_copy(update={"budget": phase.budget.model_copy(update={"limit": steps})})
changed = {"phases": (phase,), "evaluation": paper.evaluation.model_copy(update={"episodes": 2})}
changed["settings"] = paper.settings | {"save_every": steps // 8}
if name.startswith("atari100k"):
    changed["settings"]["world"] = {"limit": 2000}
paper = paper.model_copy(update=changed)
task = task.model_copy(update={"protocols": dict(task.protocols) | {"paper": paper}})
with standing_in(task):
    cell.run(Cell(name, "paper", "vcr", 0, tuple(settings), out), lambda fraction, line: None)
"""
TASKS = {
    "atari100k/pong": (
        1200,
        ("encoder=data-efficient", "filters=4", "hidden=8", "batch=4", "warmup=100", "updates=1"),
    ),
    "dmc/cartpole-swingup": (
        1600,
        ("hidden=16", "model=16", "batch=16", "sequences=8", "warmup=100"),
    ),
}


def started(name: str, out: Path) -> subprocess.Popen[bytes]:
    steps, settings = TASKS[name]
    return subprocess.Popen([sys.executable, "-c", COMMAND, name, str(steps), str(out), *settings])


def saves(out: Path) -> list[str]:
    return sorted(each.name for each in out.rglob("*.checkpoints/*") if each.name.isdigit())


@pytest.mark.parametrize("name", list(TASKS))
def test_killed_and_gone_on(name: str, tmp_path: Path) -> None:
    pytest.importorskip("ale_py" if name.startswith("atari100k") else "dm_control")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert started(name, whole).wait() == 0
    for _ in range(2):  # twice, the second time after it has gone on
        process, before = started(name, broken), saves(broken)
        while saves(broken) in ([], before):
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert saves(broken) != before
    assert started(name, broken).wait() == 0
    assert saves(broken) == []
    (one,), (other,) = ([*folder.rglob("seed-0.json")] for folder in (whole, broken))
    first, second = read(one), read(other)
    assert first.status == "ok", first.message
    assert second.run_id == first.run_id
    assert second.budget[0].used == TASKS[name][0]

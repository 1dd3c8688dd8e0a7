"""Runs an agent in this process and in one of its own."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.cell import Cell


def both(agent: str, out: Path, task: str = "earlyexit/digits") -> tuple[Result, Result]:
    """The result of a run in this process and of an isolated one."""
    here = Cell(task, "smoke", agent, 3, (), out / "here")
    there = replace(here, out=out / "there", isolated=True)
    quiet = lambda fraction, line: None  # noqa: E731
    return cell.run(here, quiet), cell.run(there, quiet)


def written(folder: Path, code: str) -> Path:
    file = folder / "mine.py"
    file.write_text(textwrap.dedent(code))
    return file

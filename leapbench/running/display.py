"""Shows how a sweep goes on: bars on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from leapbench.results.result import Result
from leapbench.running.cell import Cell

EVERY = 20.0  # seconds between two lines of a cell where there is no terminal


class Quiet(AbstractContextManager["Quiet"]):
    """Says nothing and remembers what is finished.

    Attributes:
        done: (cell, result, reused) in the order in which they finished.
    """

    def __init__(self) -> None:
        self.done: list[tuple[Cell, Result, bool]] = []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop showing."""

    def started(self, cell: Cell) -> None:
        """See `leapbench.running.sweep.Observer`."""

    def progress(self, cell: Cell, fraction: float, line: str) -> None:
        """See `leapbench.running.sweep.Observer`."""

    def finished(self, cell: Cell, result: Result, reused: bool) -> None:
        """See `leapbench.running.sweep.Observer`."""
        self.done.append((cell, result, reused))


class Lines(Quiet):
    """Plain lines, a few a cell, for logs.

    Args:
        console: where to print.
        total: number of cells.
        clock: seconds; only differences matter.
    """

    def __init__(
        self, console: Console, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._console, self._total, self._clock = console, total, clock
        self._last: dict[Cell, float] = {}

    def started(self, cell: Cell) -> None:
        """Print that `cell` runs."""
        self._last[cell] = self._clock()
        self._print(f"{title(cell)}: started")

    def progress(self, cell: Cell, fraction: float, line: str) -> None:
        """Print where `cell` is, at most every `EVERY` seconds."""
        now = self._clock()
        if now - self._last.get(cell, now) >= EVERY:
            self._last[cell] = now
            self._print(f"{title(cell)}: {fraction:.0%} {line}")

    def finished(self, cell: Cell, result: Result, reused: bool) -> None:
        """Print what came out."""
        super().finished(cell, result, reused)
        self._print(f"[{len(self.done)}/{self._total}] {title(cell)}: {outcome(result, reused)}")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Bars(Quiet):
    """One bar for each running cell and one for all, on a terminal.

    Args:
        console: the terminal.
        total: number of cells.
    """

    def __init__(self, console: Console, total: int) -> None:
        super().__init__()
        self._console = console
        name = Column(ratio=3, no_wrap=True, overflow="ellipsis")
        line = Column(ratio=4, no_wrap=True, overflow="ellipsis")
        self._bars = Progress(
            TextColumn("{task.description}", markup=False, table_column=name),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[line]}", style="dim", markup=False, table_column=line),
            console=console,
            expand=True,
        )
        self._all = self._bars.add_task("all", total=total, line="", visible=total > 1)
        self._running: dict[Cell, TaskID] = {}
        self._shares: dict[Cell, float] = {}

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bars away: what is printed next says how it ended."""
        for bar in (*self._running.values(), self._all):
            self._bars.update(bar, visible=False)
        self._bars.stop()

    def started(self, cell: Cell) -> None:
        """Add a bar for `cell`."""
        self._running[cell] = self._bars.add_task(title(cell), total=1.0, line="starting")

    def progress(self, cell: Cell, fraction: float, line: str) -> None:
        """Move the bar of `cell` and the one for all."""
        self._bars.update(self._running[cell], completed=fraction, line=line)
        self._shares[cell] = fraction
        self._advance()

    def finished(self, cell: Cell, result: Result, reused: bool) -> None:
        """Take the bar of `cell` away and leave a line."""
        super().finished(cell, result, reused)
        if cell in self._running:
            self._bars.remove_task(self._running.pop(cell))
        self._shares.pop(cell, None)
        mark = "✓" if result.status == "ok" else "✗"
        line = f"{mark} {title(cell)}: {outcome(result, reused)}"
        self._console.print(line, markup=False, highlight=False)
        self._advance()

    def _advance(self) -> None:
        self._bars.update(self._all, completed=len(self.done) + sum(self._shares.values()))


def title(cell: Cell) -> str:
    """What a cell is called on the screen."""
    return f"{cell.agent} seed {cell.seed}"


def outcome(result: Result, reused: bool) -> str:
    """One line about a result."""
    if result.score is None:
        return f"{result.status}: {result.message}"
    return f"{result.score:.4f}" + (" (was there already)" if reused else "")


def observer(console: Console, cells: Sequence[Cell], quiet: bool) -> Quiet:
    """The way of showing that fits where the output goes.

    Args:
        console: bars are for a terminal, one text for a notebook, lines for the rest.
        cells: what will run.
        quiet: show nothing.
    """
    if quiet:
        return Quiet()
    if console.is_jupyter:
        from leapbench.running.notebook import Notebook

        return Notebook(len(cells))
    return (Bars if console.is_terminal else Lines)(console, len(cells))

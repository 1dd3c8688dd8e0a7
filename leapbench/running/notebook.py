"""Shows how a sweep goes on under a cell of a notebook: one text that is rewritten."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from leapbench.results.result import Result
from leapbench.running.cell import Cell
from leapbench.running.display import Quiet, outcome, title

EVERY = 0.25  # seconds between two texts
LINES = 20  # of finished cells
BAR = 20  # characters


class Notebook(Quiet):
    """A line for each running cell, and for the last ones that are finished.

    Args:
        total: number of cells.
        clock: seconds; only differences matter.
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._total, self._clock, self._last = total, clock, 0.0
        self._running: dict[Cell, tuple[float, str]] = {}
        self._lines: list[str] = []
        self._handle: Any = None

    def __enter__(self) -> Self:
        """Make room for the text."""
        ipython: Any = import_module("IPython.display")
        self._handle = ipython.display(self._text(), raw=True, display_id=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave what is finished."""
        self._running.clear()
        self._draw()

    def started(self, cell: Cell) -> None:
        """Add a line for `cell`."""
        self._running[cell] = 0.0, "starting"
        self._draw()

    def progress(self, cell: Cell, fraction: float, line: str) -> None:
        """Rewrite the line of `cell`, at most every `EVERY` seconds."""
        self._running[cell] = fraction, line
        if self._clock() - self._last >= EVERY:
            self._draw()

    def finished(self, cell: Cell, result: Result, reused: bool) -> None:
        """Say what came out."""
        super().finished(cell, result, reused)
        self._running.pop(cell, None)
        mark = "✓" if result.status == "ok" else "✗"
        self._lines.append(f"{mark} {title(cell)}: {outcome(result, reused)}")
        self._draw()

    def _draw(self) -> None:
        self._last = self._clock()
        self._handle.update(self._text(), raw=True)

    def _text(self) -> dict[str, str]:
        """The text as notebooks take it."""
        done = len(self._lines)
        head = [f"{done} of {self._total} finished"] if self._total > 1 else []
        more = [f"... {done - LINES} before"] if done > LINES else []
        bars = [
            f"{'█' * round(BAR * part):░<{BAR}} {part:4.0%} {title(cell)}  {line}"
            for cell, (part, line) in self._running.items()
        ]
        return {"text/plain": "\n".join([*head, *more, *self._lines[-LINES:], *bars])}

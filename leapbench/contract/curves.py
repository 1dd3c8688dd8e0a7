"""Curves of what a part logs while it learns, thinned as they grow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

FILE = "curve.json"
LARGEST = 2**53
POINTS = 64
"""Points that a curve keeps at least, once it has had as many; it never holds twice as many."""
NAMES = 12
"""Curves of a phase; further names are left out."""
Points = tuple[list[int], list[float]]
"""Steps, ascending, and a value each."""


class Curves:
    """Named curves of one phase.

    When one has twice `POINTS` points, every second is dropped, and from then on half as
    many are kept: what remains depends on what was logged alone.
    """

    def __init__(self) -> None:
        self._points: dict[str, list[list[float]]] = {}
        self._every: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._last: dict[str, list[float]] = {}

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point to each named curve; what is not finite is left out."""
        for name, value in values.items():
            if (
                isfinite(value)
                and abs(value) <= LARGEST
                and (name in self._points or len(self._points) < NAMES)
            ):
                self._add(name[:40], int(step), float(f"{float(value):.6g}"))

    def _add(self, name: str, step: int, value: float) -> None:
        points = self._points.setdefault(name, [])
        every, seen = self._every.setdefault(name, 1), self._seen.get(name, 0)
        self._seen[name], self._last[name] = seen + 1, [step, value]
        if seen % every == 0:
            points.append([step, value])
        if len(points) >= 2 * POINTS:
            self._points[name], self._every[name] = points[::2], 2 * every

    @property
    def last(self) -> dict[str, float]:
        """The last value of each curve."""
        return {name: point[1] for name, point in self._last.items()}

    def record(self) -> dict[str, Points]:
        """The curves by name, each with its last point."""
        found = {}
        for name, points in self._points.items():
            whole = points if points[-1] == self._last[name] else [*points, self._last[name]]
            found[name] = [int(step) for step, _ in whole], [value for _, value in whole]
        return found

    def save(self, folder: Path) -> None:
        """Write everything into an existing folder (JSON)."""
        state = [self._points, self._every, self._seen, self._last]
        (folder / FILE).write_text(json.dumps(state))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote; nothing where there is no file."""
        if (folder / FILE).exists():
            state: Any = json.loads((folder / FILE).read_text())
            self._points, self._every, self._seen, self._last = state


def thinned(found: Mapping[str, Mapping[str, Points]], total: int) -> dict[str, dict[str, Points]]:
    """Curves of phases with at most about `total` points in all, first and last among them."""
    count = sum(len(curves) for curves in found.values())
    most = max(2, min(2 * POINTS, total // max(count, 1)))
    return {
        phase: {
            name: (_few(steps, most), _few(values, most)) for name, (steps, values) in c.items()
        }
        for phase, c in found.items()
        if c
    }


def _few(values: list[Any], most: int) -> list[Any]:
    """At most `most` of the values, evenly spread."""
    if len(values) <= most:
        return values
    return [values[i * (len(values) - 1) // (most - 1)] for i in range(most)]

"""Numbers as cells: the value for programs, the text for people."""

from __future__ import annotations

from math import isclose, isfinite

from leapbench.leaderboards.render.table import TableCell
from leapbench.leaderboards.rows import BoardRow
from leapbench.leaderboards.statistics import Interval, RankInterval

NONE = "–"
MINUS = "\N{MINUS SIGN}"
INTERVAL = "± is a 95 % interval over seeds"
ALONE = "1 seed: no interval"


def around(found: Interval, digits: int = 4, signed: bool = False) -> str:
    """An estimate and its 95 % interval, such as "0.8412 ± 0.0021"; a lopsided one by its ends.

    Args:
        found: the estimate; without a known interval it stands alone.
        digits: decimals of numbers below a hundred.
        signed: whether a plus is written, as for differences.
    """
    digits = _digits(found.value, digits)
    text = figure(found.value, digits, signed)
    if not found.known:
        return text
    up, down = found.high - found.value, found.value - found.low
    if isclose(up, down, rel_tol=0.01, abs_tol=0.5 * 10**-digits):
        return f"{text} ± {figure((found.high - found.low) / 2, digits)}"
    return f"{text} ({figure(found.low, digits, signed)} to {figure(found.high, digits, signed)})"


def figure(value: float, digits: int = 4, signed: bool = False) -> str:
    """A number with thousands apart and a true minus sign; none for what rounds to zero."""
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")
    return minus(text)


def minus(text: str) -> str:
    """A number with a true minus sign, when it has one."""
    return MINUS + text[1:] if text.startswith("-") else text


def number(value: float | None, digits: int = 4, signed: bool = False, note: str = "") -> TableCell:
    """A number; a dash where there is none."""
    if value is None or not isfinite(value):
        return TableCell(None, NONE, note=note)
    return TableCell(value, figure(value, _digits(value, digits), signed), note=note)


def interval(found: Interval | None, digits: int = 4, signed: bool = False) -> TableCell:
    """An estimate with its ends; a dash where there is none."""
    if found is None:
        return TableCell(None, NONE)
    text = around(found, digits, signed)
    if not found.known:
        return TableCell(found.value, text)
    return TableCell(found.value, text, found.low, found.high)


def count(value: int) -> TableCell:
    """A whole number."""
    return TableCell(value, f"{value:,}")


def share(value: float | None) -> TableCell:
    """A fraction in percent."""
    return TableCell(value, NONE if value is None else f"{value:.0%}")


def text(value: str, note: str = "", link: str = "") -> TableCell:
    """Words; a dash where there are none."""
    return TableCell(value, value or NONE, note=note, link=link)


def rank(place: int, found: RankInterval | None) -> TableCell:
    """Ranks as "3–9"; the value is the place, so that the order of the board comes back."""
    if found is None:
        return TableCell(None, NONE)
    return TableCell(place, str(found).replace("-", "–"), found.low, found.high)


def attempts(row: BoardRow) -> TableCell:
    """How often it was submitted; a dash for what never was."""
    return number(row.submission.attempts, 0) if row.submission else TableCell(None, "-")


def whose(row: BoardRow) -> TableCell:
    """Where a row came from; for a submission who sent it."""
    return text(f"by {row.entrant}" if row.submission else row.origin)


def _digits(value: float, digits: int) -> int:
    """Fewer decimals for large numbers."""
    size = abs(value)
    return min(digits, 1 if size >= 1000 else 2 if size >= 100 else digits)

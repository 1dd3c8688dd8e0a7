"""Numbers and texts from outside, bounded once: every record is made of these types.

A number is finite and at most `LARGEST` from zero, so that sums and squares of them stay
finite; a text is printable, so that no terminal or page is steered by it.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from array import array
from collections.abc import Callable, Collection, Set
from math import hypot
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, StringConstraints, ValidationInfo

from leapbench.contract.task import canonical

LARGEST = 2**53
"""The largest whole number up to which a float holds all."""
LONGEST = 2000
"""Characters of a text."""

Scalar = bool | int | float | str
Column = list[Scalar]
Columns = dict[str, Column]
Digests = dict[int, str]
"""Digest of columns that were checked, by their `id` while they are in use."""
_KINDS: dict[type, Callable[[Any], Scalar]] = {bool: bool, int: int, float: float, str: str}
CURVED = 1000
"""Points of all curves of a result."""


def printable(text: str) -> str:
    """A text without control codes, marks of direction and lone surrogates."""
    if text.isprintable():
        return text
    spaced = (" " if c.isspace() else c for c in text)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in spaced)


Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Cleaned = BeforeValidator(lambda text: printable(text) if isinstance(text, str) else text)
Text = Annotated[str, Cleaned, StringConstraints(max_length=LONGEST)]
Told = Annotated[Text, BeforeValidator(lambda text: text[:LONGEST] if type(text) is str else text)]
"""What is told to people, cut where it is too long."""


def bounded(value: Scalar) -> Scalar:
    """A value that a record can hold.

    Raises:
        ValueError: when it is not finite, too large, too long or not printable.
    """
    if isinstance(value, str):
        good = len(value) <= LONGEST and value.isprintable()
    else:
        good = -LARGEST <= value <= LARGEST
    if not good:
        raise ValueError(f"{str(value)[:80]!r} cannot stand in a record")
    return value


def checked_columns(found: Any, info: ValidationInfo) -> Columns:
    """Columns of equal length by name, each of plain bounded values.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(found, dict) or not all(isinstance(c, list) for c in found.values()):
        raise ValueError("expected lists by name")
    if len(set(map(len, found.values()))) > 1:
        raise ValueError("episode columns differ in length")
    known: Digests = {} if info.context is None else info.context
    return {n: c if id(c) in known else _checked(n, c, known) for n, c in found.items()}


def _checked(name: Any, column: Column, known: Digests) -> Column:
    """A column of plain bounded values; its digest is put among the known ones."""
    if not isinstance(name, str) or not name.isprintable():
        raise ValueError("a column has no printable name")
    kinds = set(map(type, column))
    if not kinds <= _KINDS.keys():
        column = [_plain(name, value) for value in column]
        kinds = set(map(type, column))
    numbers: Collection[Any] = column
    if str in kinds:
        column = [printable(v) if isinstance(v, str) else v for v in column]
        numbers = [value for value in column if not isinstance(value, str)]
    if not _small(numbers):
        raise ValueError(f"{name!r} has a number that is not finite or too large")
    known[id(column)] = column_digest(column, kinds)
    return column


def _small(numbers: Collection[Any]) -> bool:
    """Whether all are finite and bounded; mostly the norm tells it of all at once."""
    try:
        return hypot(*numbers) <= LARGEST or all(-LARGEST <= value <= LARGEST for value in numbers)
    except OverflowError:  # an integer that no float holds
        return False


def _plain(name: str, value: Any) -> Scalar:
    """A value of a subclass, such as NumPy's float, as one of the plain type."""
    for kind, make in _KINDS.items():
        if isinstance(value, kind):
            return make(value)
    raise ValueError(f"{name!r} has a {type(value).__name__}, not a plain value")


def column_digest(column: Column, kinds: Set[type] | None = None) -> str:
    """SHA-256 of a column: of little-endian 64-bit floats or integers, else of its JSON.

    Args:
        column: checked.
        kinds: the types in it, when they are known.
    """
    kinds = kinds or set(map(type, column))
    if kinds in ({float}, {int}):
        code = "d" if float in kinds else "q"
        numbers = array(code, column)  # type: ignore[type-var]
        if sys.byteorder == "big":
            numbers.byteswap()
        data = code.encode() + numbers.tobytes()
    else:
        data = b"j" + canonical(column).encode()
    return hashlib.sha256(data).hexdigest()[:32]


def checked_values(found: Any) -> dict[str, Scalar]:
    """Plain bounded values by name.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(found, dict):
        raise ValueError("expected values by name")
    values: dict[str, Scalar] = found
    texts = [*values, *(value for value in values.values() if type(value) is str)]
    if not set(map(type, texts)) <= {str} or max(map(len, texts), default=0) > LONGEST:
        raise ValueError(f"expected names and texts of at most {LONGEST} characters")
    if not set(map(type, values.values())) <= _KINDS.keys():
        values = {name: _plain(name, value) for name, value in values.items()}
    if not "".join(texts).isprintable():
        values = {printable(n): printable(v) if type(v) is str else v for n, v in values.items()}
    numbers = {name: value for name, value in values.items() if type(value) is not str}
    if not _small(numbers.values()):
        wrong = next(name for name, value in numbers.items() if not _small([value]))
        raise ValueError(f"{wrong!r} is not finite or too large")
    return values


def checked_numbers(found: Any) -> dict[str, float]:
    """Bounded numbers by name.

    Raises:
        ValueError: for anything else.
    """
    checked = checked_values(found)
    if not set(map(type, checked.values())) <= {int, float}:
        raise ValueError("expected numbers by name")
    return {name: float(value) for name, value in checked.items()}


Values = Annotated[dict[str, Scalar], PlainValidator(checked_values)]
Numbers = Annotated[dict[str, float], PlainValidator(checked_numbers)]


def json_only(found: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON with printable texts and bounded numbers.

    Raises:
        ValueError: for numbers out of bounds and what JSON has not.
    """
    try:
        text = json.dumps(found, allow_nan=False, ensure_ascii=False)
        if text.isprintable() and not _SUSPICIOUS.search(text):
            return found
        cleaned: dict[str, Any] = _cleaned(found)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"not plain JSON: {error}") from None
    return cleaned


_SUSPICIOUS = re.compile(r"e\+|(?<![.\d])\d{16}")
"""What each number has that is too large."""


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(str(name)): _cleaned(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return value if value is None else bounded(value)


def checked_curves(value: Any) -> dict[str, dict[str, tuple[list[int], list[float]]]]:
    """Curves by phase and name, each a list of steps and one of values.

    Raises:
        ValueError: for anything else, or more than `CURVED` points.
    """
    try:
        found = {
            str(bounded(phase)): {str(bounded(name)): _curve(each) for name, each in own.items()}
            for phase, own in value.items()
        }
    except (AttributeError, TypeError, ValueError):
        raise ValueError("expected curves by phase and name, each steps and values") from None
    points = sum(len(steps) for own in found.values() for steps, _ in own.values())
    if points > CURVED:
        raise ValueError(f"{points} points of curves, {CURVED} allowed")
    return found


def _curve(each: Any) -> tuple[list[int], list[float]]:
    steps, values = each
    whole = all(type(step) is int and 0 <= step <= LARGEST for step in steps)
    finite = all(type(v) in (int, float) and -LARGEST <= v <= LARGEST for v in values)
    if not (whole and finite and len(steps) == len(values)):
        raise ValueError("no curve")
    return list(steps), [float(v) for v in values]

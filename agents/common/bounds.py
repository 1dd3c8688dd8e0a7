"""Settings that have to be numbers of some range, and parts of settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from leapbench.errors import UserError

S = TypeVar("S")


def bounded(
    settings: Any,
    least: Mapping[str, float],
    positive: Sequence[str] = (),
    shares: Sequence[str] = (),
) -> None:
    """Check attributes of `settings`.

    Args:
        settings: an object that has them.
        least: the least value of each.
        positive: those above 0.
        shares: those in [0, 1].

    Raises:
        UserError: for the first that is out of its range.
    """
    for name, bound in least.items():
        if not getattr(settings, name) >= bound:
            raise UserError(f"{name} must be {bound} or more, got {getattr(settings, name)}.")
    for name in positive:
        if not getattr(settings, name) > 0:
            raise UserError(f"{name} must be above 0, got {getattr(settings, name)}.")
    for name in shares:
        if not 0 <= getattr(settings, name) <= 1:
            raise UserError(f"{name} must be in [0, 1], got {getattr(settings, name)}.")


def part(kind: type[S], settings: Any) -> S:
    """The settings of a dataclass alone, out of those of a class that extends it."""
    return kind(**{each.name: getattr(settings, each.name) for each in fields(kind)})  # type: ignore[arg-type]

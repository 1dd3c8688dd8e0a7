"""Errors that a user can cause, each with what to type instead."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake of the caller's, told in one line; the command exits with code 2.

    Args:
        message: what was wrong and what was expected.
        hint: what to type instead, if known.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message, self.hint = message, hint
        super().__init__(f"{message} {hint}" if hint else message)


class BudgetExceeded(Exception):
    """Raised by a meter when something is asked for that is not paid for."""


def unknown(kind: str, name: str, known: Iterable[str], see: str | None = None) -> UserError:
    """Build the error for a name that does not exist.

    Args:
        kind: what was named ("task", "agent", ...).
        name: what was typed.
        known: the names that exist.
        see: the command that lists them.
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"Did you mean {close[0]!r}?" if close else None
    if hint is None and see:
        hint = f"`{see}` lists them."
    elif hint is None:
        hint = f"Known: {', '.join(names) or 'none'}."
    return UserError(f"There is no {kind} {name!r}.", hint)

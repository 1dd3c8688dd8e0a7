"""Errors that a user can cause, each with what to type instead."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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


class Unfit(UserError):
    """A file or setting that was brought along does not fit, on whatever machine."""


class Unavailable(UserError):
    """This machine lacks what a run needs, such as a package or a data set: nobody's failure."""


class AgentError(Exception):
    """What an agent did wrong; the cell ends with `status` and the message."""

    status = "failed"


class BudgetExceeded(AgentError):
    """Raised by a meter when something is asked for that is not paid for."""

    status = "budget_exceeded"


class InvalidAction(AgentError):
    """Raised when a policy returns what is no action of the environment."""

    status = "invalid"


class InvalidOutput(AgentError):
    """Raised for an output that is none: logits are finite, (B, classes), pictures in [0, 1]."""

    status = "invalid"


class DeadlineExceeded(AgentError):
    """Raised when an agent used up the seconds that it was given."""

    status = "timeout"


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


@contextmanager
def plainly() -> Iterator[None]:
    """End the process with one line instead of a traceback for a user's mistake.

    For modules that are run with `python -m`, as a decorator of `main`; the command has
    an end of its own.
    """
    try:
        yield
    except UserError as error:
        sys.exit(f"error: {error}")


class Terminated(SystemExit):
    """This process was told to end: no failure of the agent's, and nothing to report."""

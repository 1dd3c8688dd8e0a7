"""What every agent says when its state is not there, or not its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from leapbench.errors import UserError

Weight = TypeVar("Weight")


def under(name: str, weights: Mapping[str, Weight]) -> dict[str, Weight]:
    """The weights whose names begin with `name` and a point, without these."""
    head = f"{name}."
    return {key.removeprefix(head): value for key, value in weights.items() if key.startswith(head)}


def require(learned: bool, agent: object) -> None:
    """Refuse to act or to be saved before something was learned.

    Raises:
        UserError: unless `learned`.
    """
    if not learned:
        raise UserError(
            f"{type(agent).__name__} has nothing learned yet.",
            "Call learn(phase) or load(folder) first.",
        )


def broken(path: Path, agent: object, error: Exception, which: str = "") -> UserError:
    """Build the error for a file or folder that does not hold the state of `agent`.

    Args:
        path: of the file or folder.
        agent: whose `load` failed.
        error: what went wrong.
        which: what is said of the agent after its name, such as " of these settings".
    """
    name, reason = type(agent).__name__, " ".join(str(error).split())
    return UserError(
        f"{path} holds no {name}{which}: {reason}.", f"{name}.save(folder) writes one."
    )

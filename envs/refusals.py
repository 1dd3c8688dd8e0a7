"""What every world refuses, in the same words: actions, options, ways of drawing.

The errors are Gymnasium's own kinds, and at the same time mistakes of a user that the
command tells in one line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from operator import index
from typing import Any

import numpy as np
from gymnasium import error
from numpy.typing import NDArray

from leapbench.errors import UserError, unknown

LONGEST = 60
"""Characters of a strange action that are shown."""
FEW = 64
"""Numbers that are looked at one by one."""


class RefusedAction(UserError, error.InvalidAction):
    """An action that is not in the action space; the episode has not moved."""


class UnsupportedMode(UserError, error.UnsupportedMode):
    """A `render_mode` that the environment does not have."""


def whole(action: Any, count: int) -> int:
    """An action of `Discrete(count)` as an int.

    Raises:
        InvalidAction: with the value and the bounds, for anything else.
    """
    try:
        chosen = index(action)
    except TypeError:
        raise _invalid("an integer", action, (), 0, count - 1) from None
    if 0 <= chosen < count:
        return chosen
    raise _invalid("an integer", action, (), 0, count - 1)


def wholes(actions: Any, envs: int, count: int) -> NDArray[np.integer[Any]]:
    """Actions of `Discrete(count)` for many environments, integers (envs,).

    Raises:
        InvalidAction: with the first value outside, its place and the bounds.
    """
    given = _array(actions)
    if given.shape == (envs,) and given.dtype.kind in "iub":
        for value in _few(given):
            if not 0 <= value < count:
                break
        else:
            return given
    raise _invalid(f"{envs} integers", actions, (envs,), 0, count - 1)


def binaries(actions: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """An action of `MultiBinary`, or those of many environments, as an array of 0 and 1.

    Raises:
        InvalidAction: with the first value outside and its place.
    """
    given = _array(actions)
    kind = given.shape == shape and given.dtype.kind in "iub"
    if kind and all(value in (0, 1) for value in _few(given)):
        return given
    count = " x ".join(str(each) for each in shape)
    raise _invalid(f"{count} integers", actions, shape, 0, 1)


def reals(actions: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Actions of `Box(-1, 1, shape)` as an array of numbers.

    Raises:
        InvalidAction: with the first value outside, its place and the bounds, NaN too.
    """
    given = _array(actions)
    if given.shape == shape and given.dtype.kind in "fiu":
        for value in _few(given):  # no comparison holds for NaN
            if not -1.0 <= value <= 1.0:
                break
        else:
            return given
    count = " x ".join(str(each) for each in shape)
    raise _invalid(f"{count} number{'s' * (shape != (1,))}", actions, shape, -1, 1)


def count(name: str, value: Any, least: int = 1, most: int = 10_000_000) -> int:
    """An argument that is a whole number from `least` to `most`.

    Raises:
        UserError: with the name, the bounds and the value, for anything else.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if whole and least <= value <= most:
        return int(value)
    raise UserError(f"{name} must be a whole number from {least} to {most}, got {value!r}.")


def amount(name: str, value: Any, low: float, high: float, above: bool = False) -> float:
    """An argument that is a number from `low` to `high`; `above` leaves `low` out.

    Raises:
        UserError: with the name, the bounds and the value, for anything else, NaN too.
    """
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if number and low <= value <= high and not (above and value == low):
        return float(value)
    bound = f"above {low:g}" if above else f"from {low:g}"
    raise UserError(f"{name} must be a number {bound} to {high:g}, got {value!r}.")


def amounts(name: str, values: Any, low: float, high: float) -> tuple[float, ...]:
    """An argument that is a list of numbers; see `amount`.

    Raises:
        UserError: also for what is no list.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise UserError(f"{name} must be a list of numbers, got {values!r}.")
    return tuple(amount(name, each, low, high) for each in values)


def no_options(options: Mapping[str, Any] | None, known: Collection[str] = ()) -> None:
    """Refuse options of `reset` other than `known`.

    Raises:
        UserError: with the first that is not known.
    """
    for name in options or ():
        if name not in known:
            raise unknown("reset option", str(name), known)


def drawable(render_mode: str | None) -> str | None:
    """A `render_mode` as it is.

    Raises:
        UnsupportedMode: for another than None and "rgb_array".
    """
    if render_mode in (None, "rgb_array"):
        return render_mode
    hint = None
    if render_mode == "human":
        hint = (
            'gymnasium.make(id, render_mode="human") opens a window; it needs '
            'pip install "gymnasium[classic-control]".'
        )
    raise UnsupportedMode(f"render_mode must be None or 'rgb_array', got {render_mode!r}.", hint)


def begun(started: bool) -> None:
    """Refuse to draw, or to step, what has not been reset.

    Raises:
        ResetNeeded: Gymnasium's.
    """
    if not started:
        raise error.ResetNeeded("There is no episode yet: call `reset` first.")


def _array(actions: Any) -> NDArray[Any]:
    try:
        return np.asarray(actions)
    except (ValueError, TypeError):  # lists of unequal lengths
        return np.array(None)


def _few(given: NDArray[Any]) -> list[Any]:
    """All values, or least and greatest of many; a loop over a few is faster than NumPy."""
    if given.size <= FEW:
        return given.ravel().tolist()
    return [given.min().item(), given.max().item()]


def _invalid(
    wanted: str, action: Any, shape: tuple[int, ...], low: float, high: float
) -> RefusedAction:
    given = _array(action)
    got = " ".join(repr(action).split())
    got = got if len(got) <= LONGEST else f"{got[:LONGEST]}..."
    if given.dtype.kind in "fiub" and given.ndim and given.shape != shape:
        got = f"{given.dtype} of shape {given.shape}"
    elif given.dtype.kind in "fiub" and given.shape == shape:
        outside = ~((given >= low) & (given <= high))
        if outside.any():
            place = np.unravel_index(int(outside.argmax()), given.shape)
            at = f" at index {', '.join(str(int(each)) for each in place)}" if place else ""
            got = f"{given[place]}{at}"
        else:
            got = f"{got}, which is {given.dtype}"
    return RefusedAction(f"An action is {wanted} from {low} to {high}, got {got}.")

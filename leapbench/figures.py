"""Matplotlib, an optional package."""

from __future__ import annotations

from typing import Any

from leapbench.errors import UserError


def matplotlib(needed_by: str = "Plots need") -> Any:
    """The package, with its `figure` and `patches`.

    Args:
        needed_by: how the error begins.

    Raises:
        UserError: when it is not installed.
    """
    try:
        import matplotlib as mpl
        import matplotlib.figure
        import matplotlib.patches
    except ModuleNotFoundError:
        raise UserError(f"{needed_by} Matplotlib.", 'pip install "leapbench[plots]"') from None
    return mpl

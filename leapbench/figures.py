"""Matplotlib, an optional package."""

from __future__ import annotations

import warnings
from functools import partial
from io import BytesIO
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


def shown(figure: Any) -> Any:
    """The figure itself, made such that notebooks draw it; they do so only where pyplot is used.

    Args:
        figure: a `matplotlib.figure.Figure`.
    """
    figure._repr_png_ = partial(png, figure)
    return figure


def png(figure: Any) -> bytes:
    """A figure as PNG."""
    file = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # drawn as an empty box
        figure.savefig(file, format="png")
    return file.getvalue()

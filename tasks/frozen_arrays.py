"""Files of frozen networks and what they saw, in the package of a family."""

from __future__ import annotations

from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import UserError


def read(package: str, name: str, command: str) -> dict[str, NDArray[Any]]:
    """The arrays of a file.

    Args:
        package: where it lies.
        name: of the world, and of the file without its ending.
        command: what makes it, without the name.

    Raises:
        UserError: when there is no such file.
    """
    file = resources.files(package) / f"{name}.npz"
    if not file.is_file():
        raise UserError(f"There are no frozen networks of {name}.", f"Make them: {command} {name}")
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return dict(arrays)

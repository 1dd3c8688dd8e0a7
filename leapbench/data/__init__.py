"""Data sets: declared in TOML, found or fetched, checked, loaded as uint8 arrays.

`load("cifar10", "train")` looks in `$LEAPBENCH_DATA/cifar10/`, the user's cache
(`$LEAPBENCH_CACHE`, else the platform's) and the system's packages, and then
downloads what may be downloaded, unless `LEAPBENCH_OFFLINE=1`.

What reads images is imported when it is first asked for: to say what is here needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leapbench.data.locate import Location, find
from leapbench.data.spec import DataSet, get, names

if TYPE_CHECKING:
    from leapbench.data.folder import ImageFolder
    from leapbench.data.loading import fingerprint, load, open_folder, require

_OFFERED = {
    "ImageFolder": "leapbench.data.folder",
    "fingerprint": "leapbench.data.loading",
    "load": "leapbench.data.loading",
    "open_folder": "leapbench.data.loading",
    "require": "leapbench.data.loading",
}

__all__ = [
    "DataSet",
    "ImageFolder",
    "Location",
    "find",
    "fingerprint",
    "get",
    "load",
    "names",
    "open_folder",
    "require",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _OFFERED:
        return getattr(import_module(_OFFERED[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

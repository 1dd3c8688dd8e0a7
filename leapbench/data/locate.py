"""Where a data set lies on this machine."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import platformdirs

from leapbench.data.files import existing
from leapbench.data.spec import DataSet, Layout, get
from leapbench.errors import Unavailable, UserError


@dataclass(frozen=True)
class Location:
    """A data set that was found.

    Attributes:
        root: the folder that holds it.
        layout: the layout that it has there.
        source: "LEAPBENCH_DATA", "cache", "system package" or "Python package".
    """

    root: Path
    layout: Layout
    source: str


def cache_root() -> Path:
    """The user's cache folder: $LEAPBENCH_CACHE, else the platform's own place."""
    folder = os.environ.get("LEAPBENCH_CACHE") or platformdirs.user_cache_dir("leapbench")
    return _expanded(folder, "LEAPBENCH_CACHE")


def _expanded(folder: str, variable: str) -> Path:
    try:
        return Path(folder).expanduser()
    except RuntimeError:  # no such user, or none at all
        raise UserError(
            f"There is no home folder for {folder}.", f"export {variable}=/path/of/a/folder"
        ) from None


def offline() -> bool:
    """True when LEAPBENCH_OFFLINE forbids the network."""
    return os.environ.get("LEAPBENCH_OFFLINE", "") not in ("", "0")


def candidates(dataset: DataSet) -> Iterator[tuple[str, Path]]:
    """(source, folder) in the order of the search; the folders may not exist."""
    if dataset.package:
        found = importlib.util.find_spec(dataset.package)
        if found is not None and found.origin is not None:
            yield "Python package", Path(found.origin).parent
        return
    if folder := os.environ.get("LEAPBENCH_DATA"):
        yield "LEAPBENCH_DATA", _expanded(folder, "LEAPBENCH_DATA") / dataset.name
    yield "cache", cache_root() / dataset.name
    if dataset.system:
        yield "system package", Path(dataset.system)


def places(name: str) -> list[Path]:
    """Where a folder of data that is not declared here may lie: $LEAPBENCH_DATA, then the cache."""
    folder = os.environ.get("LEAPBENCH_DATA")
    roots = [_expanded(folder, "LEAPBENCH_DATA")] if folder else []
    return [root / name for root in (*roots, cache_root())]


def find(name: str | DataSet) -> Location | None:
    """Look for a data set on this machine; never touches the network.

    Args:
        name: a known name, or a declaration of one's own.

    Returns:
        The first folder of $LEAPBENCH_DATA/<name>, the user's cache and the
        system's package that holds every file of one layout, or None.

    Raises:
        UserError: for an unknown name, or a folder under a home that there is not.
    """
    dataset = get(name)
    for source, root in candidates(dataset):
        # An archive unpacked by hand leaves its own folder inside ours.
        inner = [root / item.unpack for item in dataset.downloads if item.unpack]
        for folder, layout in product([root, *inner], dataset.layouts):
            if not absent(layout, folder):
                return Location(folder, layout, source)
    return None


def absent(layout: Layout, root: Path) -> list[str]:
    """What `layout` needs and `root` lacks, as relative names."""
    files = [file.name for file in layout.files if existing(root, file.name) is None]
    return files + [f"{folder}/" for folder in layout.folders if not (root / folder).is_dir()]


def missing(dataset: DataSet) -> Unavailable:
    """Build the error that says what was looked for where, and how to get it."""
    looked = [_looked(dataset, root) for _, root in candidates(dataset)]
    if not dataset.package and not os.environ.get("LEAPBENCH_DATA"):
        looked.insert(0, "$LEAPBENCH_DATA (not set)")
    network = (
        " LEAPBENCH_OFFLINE forbids downloading it." if dataset.downloads and offline() else ""
    )
    where = "; ".join(looked) or f"Python package {dataset.package}"
    folder = "" if dataset.package else f" The folder to fill is $LEAPBENCH_DATA/{dataset.name}."
    return Unavailable(
        f"{dataset.title} was not found. Looked in: {where}.{network}", dataset.how + folder
    )


def _looked(dataset: DataSet, root: Path) -> str:
    if not root.is_dir():
        return f"{root} (no such folder)"
    # The nearest miss is what the user meant to put there.
    lacks = min((absent(layout, root) for layout in dataset.layouts), key=len)
    more = f" and {len(lacks) - 1} more" if len(lacks) > 1 else ""
    return f"{root} (lacks {lacks[0]}{more})"

"""Files that long runs bring along or leave behind: published weights, parts of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from leapbench.contract import files
from leapbench.contract.artifacts import ArtifactStore
from leapbench.data.locate import places
from leapbench.envs.residual import HINT
from leapbench.errors import Unavailable

ROWS = "rows.json"


def weights(named: Mapping[str, str]) -> dict[str, Path]:
    """Where files of weights lie: in $LEAPBENCH_DATA, or in the user's cache.

    Args:
        named: file names by names of networks.

    Raises:
        Unavailable: when one is in neither.
    """
    found = {}
    for network, name in named.items():
        tried = places(str(name))
        there = [path for path in tried if path.is_file()]
        if not there:
            looked = ", ".join(map(str, tried))
            raise Unavailable(
                f"There are no weights of the network {network!r} in {looked}.",
                f"{HINT} The V1 weights are those of the paper.",
            )
        found[network] = there[0]
    return found


def digest(path: Path) -> str:
    """What tells a file from others."""
    return files.sha256(path)[:24]


def once(store: ArtifactStore, key: dict[str, Any], make: Callable[[], list[Any]]) -> list[Any]:
    """What `make` gives, JSON data; asked for again, what it gave before.

    Args:
        store: where it is kept.
        key: everything that decides it.
        make: called where nothing is kept yet.
    """

    def fill(folder: Path) -> None:
        (folder / ROWS).write_text(json.dumps(make()))

    folder, _ = store.get(key, fill)
    rows: list[Any] = json.loads((folder / ROWS).read_text())
    return rows

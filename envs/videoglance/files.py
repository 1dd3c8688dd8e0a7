"""Banks in files: arrays and JSON, nothing is pickled."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.grid import CubeGrid
from leapbench.errors import UserError

ARRAYS = ("glance", "cubes", "weight", "bias", "maps", "order", "labels", "overlap")


def save(path: Path | str, banks: dict[str, Bank], footage: dict[str, Any] | None = None) -> None:
    """Write banks of one model as a compressed `.npz` without pickled objects.

    Args:
        path: where to.
        banks: by name.
        footage: settings with which the clips of each bank are drawn again, by name; none
            where pictures show no frames.
    """
    arrays = {f"{name}_{key}": getattr(bank, key) for name, bank in banks.items() for key in ARRAYS}
    for name, bank in banks.items():
        arrays[f"{name}_overlap"] = np.rint(bank.overlap * 255).astype(np.uint8)
    said = {
        name: {
            "scale": float(bank.scale),
            "grid": [bank.grid.volume, bank.grid.cube, bank.grid.counts],
            "costs": [bank.first, bank.look, bank.looks],
            "name": bank.name,
            "footage": (footage or {}).get(name),
        }
        for name, bank in banks.items()
    }
    np.savez_compressed(path, allow_pickle=False, said=np.array(json.dumps(said)), **arrays)


def load(path: Path) -> dict[str, Bank]:
    """Read what `save` wrote; nothing is unpickled.

    Raises:
        UserError: when the file is absent or is not of banks.
    """
    if not path.is_file():
        raise UserError(f"There is no bank at {path}.", "leapbench.envs.videoglance.files.save")
    try:
        with np.load(path, allow_pickle=False) as file:
            said = json.loads(str(file["said"]))
            return {name: _bank(name, each, file) for name, each in said.items()}
    except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not a file of banks: {error}.") from error


def _bank(name: str, said: dict[str, Any], file: Any) -> Bank:
    arrays: dict[str, NDArray[Any]] = {key: file[f"{name}_{key}"] for key in ARRAYS}
    arrays["overlap"] = arrays["overlap"].astype(np.float32) / np.float32(255)
    first, look, looks = said["costs"]
    footage = None
    if said["footage"] is not None:
        from leapbench.envs.videoglance.needle import Footage

        footage = Footage(**said["footage"])
    return Bank(
        **arrays,
        scale=said["scale"],
        grid=CubeGrid(*said["grid"]),
        first=first,
        look=look,
        looks=looks,
        name=said["name"],
        footage=footage,
    )

"""The packaged bank of a reference model, on calibration and test clips."""

from __future__ import annotations

import json
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.grid import CubeGrid
from leapbench.envs.videoglance.needle import Footage
from leapbench.errors import UserError, unknown

CACHED = Path(__file__).parent / "cached"
SPLITS = ("calibration", "test")
"""The two parts: the first is for tuning policies, the second for scoring them."""
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
        raise UserError(f"There is no bank at {path}.", "leapbench.envs.videoglance.reference.save")
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
    drawn = said["footage"]
    return Bank(
        **arrays,
        scale=said["scale"],
        grid=CubeGrid(*said["grid"]),
        first=first,
        look=look,
        looks=looks,
        name=said["name"],
        footage=None if drawn is None else Footage(**drawn),
    )


@lru_cache(maxsize=4)
def load_reference(data: str) -> tuple[Bank, Bank]:
    """Calibration and test bank of the packaged model of a data set.

    Args:
        data: name of the data set, such as "needle".

    Raises:
        UserError: when none is packaged for `data`; the message names those that are.
    """
    known = [file.stem for file in CACHED.glob("*.npz")]
    if data not in known:
        raise unknown("packaged bank for data set", data, known)
    banks = load(CACHED / f"{data}.npz")
    return banks["calibration"], banks["test"]

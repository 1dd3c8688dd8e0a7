"""The packaged bank of a reference model, on calibration and test clips."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.files import load
from leapbench.errors import unknown

CACHED = Path(__file__).parent / "cached"
SPLITS = ("calibration", "test")
"""The two parts: the first is for tuning policies, the second for scoring them."""


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
        raise unknown("packaged bank for data set", str(data), known)
    banks = load(CACHED / f"{data}.npz")
    return banks["calibration"], banks["test"]

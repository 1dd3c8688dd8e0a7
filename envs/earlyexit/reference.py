"""Packaged predictions of reference networks, on calibration and test split of each data set."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from leapbench.envs.exits.predictions import PredictionCache, read_arrays
from leapbench.errors import UserError, unknown

CACHED = Path(__file__).parent / "cached"
SPLITS = ("calibration", "test")
"""The two parts: the first is for tuning policies, the second for scoring them."""


def save_reference(path: Path | str, calibration: PredictionCache, test: PredictionCache) -> None:
    """Write the pair of prediction caches of one network, softmax as float16, for `load_reference`.

    Raises:
        UserError: when the two do not come from one network.
    """
    if not np.array_equal(calibration.costs, test.costs) or calibration.classes != test.classes:
        raise UserError(
            "Calibration and test predictions of one network have equal costs and classes."
        )
    np.savez_compressed(
        path,
        calibration_probabilities=calibration.probabilities.astype(np.float16),
        calibration_labels=calibration.labels,
        test_probabilities=test.probabilities.astype(np.float16),
        test_labels=test.labels,
        costs=test.costs,
        name=np.array(test.name),
    )


@lru_cache(maxsize=4)
def load_reference(data: str) -> tuple[PredictionCache, PredictionCache]:
    """Calibration and test predictions of the packaged reference network of a data set.

    Args:
        data: name of the data set, such as "digits".

    Raises:
        UserError: when none are packaged for `data`; the message names those that are.
    """
    path = CACHED / f"{data}.npz"
    known = [file.stem for file in CACHED.glob("*.npz")]
    if data not in known:
        raise unknown("packaged early-exit predictions for data set", data, known)
    parts = [f"{split}_{field}" for split in SPLITS for field in ("probabilities", "labels")]
    arrays = read_arrays(path, (*parts, "costs", "name"))
    costs, name = arrays["costs"], str(arrays["name"])
    return (
        PredictionCache(
            arrays["calibration_probabilities"], arrays["calibration_labels"], costs, name
        ),
        PredictionCache(arrays["test_probabilities"], arrays["test_labels"], costs, name),
    )

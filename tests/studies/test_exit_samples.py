"""The sheet of pictures on the page of early exits."""

from __future__ import annotations

import numpy as np

from leapbench.studies.earlyexit.samples import COLUMNS, ROWS, sheet


def test_pictures_stand_in_reading_order_within_frames() -> None:
    count = COLUMNS * ROWS
    images = np.zeros((count, 4, 4), np.float32)
    images[:, 1, 1] = np.arange(count)
    made = sheet(images)
    assert made.shape == (ROWS * 6, COLUMNS * 6)
    shown = made[2::6, 2::6].ravel()
    assert np.array_equal(shown, np.rint(np.arange(count) / (count - 1) * 255))
    assert (made[::6] == 255).all()
    assert (made[:, ::6] == 255).all()

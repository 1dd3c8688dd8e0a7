from __future__ import annotations

import numpy as np
import pytest

from leapbench.envs.activeview import measures


def test_psnr_by_hand() -> None:
    images = np.full((2, 3, 3, 3), 255, np.uint8)
    colours = np.ones((2, 3, 3, 3), np.float32)
    colours[0] -= 0.1
    colours[1] -= 0.01
    squared = measures.squared_errors(colours, images)
    assert squared.shape == (2, 3, 3)
    assert measures.psnr(squared) == pytest.approx((20 + 40) / 2, abs=1e-3)
    first = np.zeros((2, 3, 3), bool)
    first[0, 0, 0] = True
    assert measures.psnr_within(squared, first) == pytest.approx(20, abs=1e-3)
    assert measures.psnr(np.zeros((1, 2, 2))) == pytest.approx(100)


def test_no_pixels_have_no_psnr() -> None:
    squared = np.ones((1, 2, 2))
    assert np.isnan(measures.psnr_within(squared, None))
    assert np.isnan(measures.psnr_within(squared, np.zeros((1, 2, 2), bool)))


def test_variance_that_orders_pixels_as_their_errors_do_has_no_area() -> None:
    rng = np.random.default_rng(0)
    squared = rng.random((2, 20, 20)) ** 4
    right = measures.ause(squared, (3 * squared + 1).astype(np.float64))
    none = measures.ause(squared, rng.random((2, 20, 20)))
    wrong = measures.ause(squared, -squared)
    assert right == pytest.approx(0, abs=1e-12)
    assert 0.2 < none < wrong
    assert measures.ause(np.zeros((1, 2, 2)), np.ones((1, 2, 2))) == 0


def test_ause_of_two_kinds_of_pixels() -> None:
    # 99 pixels without error and one with error 1: the oracle is right after one removal.
    squared = np.zeros((1, 10, 10))
    squared[0, 0, 0] = 1
    # Taken out last, the error's share of what is left is 100 / (100 - i) after i removals.
    curve = [100 / (100 - i) for i in range(100)]
    expected = np.mean([0, *curve[1:]])
    assert measures.ause(squared, 1 - squared) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("psnrs", "acquired", "expected"),
    [
        ([10.0, 12.0, 14.0], [0, 1, 2], 13.0),
        ([10.0, 12.0, 15.0], [0, 2, 3], (12 + 12 + 15) / 3),
        ([10.0, 12.0], [0, 1], 12.0),
        ([10.0], [0], 10.0),
    ],
)
def test_every_acquisition_counts_once(
    psnrs: list[float], acquired: list[int], expected: float
) -> None:
    views = max(acquired[-1], 2)
    assert measures.area(psnrs, acquired, views) == pytest.approx(expected)


def test_acquisitions_that_were_not_made_count_with_the_last_psnr() -> None:
    assert measures.area([10.0, 12.0, 20.0], [0, 2, 4], 8) == pytest.approx((24 + 40 + 80) / 8)

"""The study of overlapping masks."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.studies.sparsify.overlap import draw, measured


def test_overlaps_fall_with_depth_and_are_drawn(tmp_path: Path) -> None:
    found = measured(1.0, 2, 1)
    assert found.weights == 84_792
    assert all(0 <= value <= 1 for value in found.values)
    assert found.values[0] > found.values[-1]
    pytest.importorskip("matplotlib")
    draw([found], tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes()[:4] == b"\x89PNG"

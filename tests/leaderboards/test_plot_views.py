"""Pictures of boards of active view selection, from the committed rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench import registry
from leapbench.leaderboards.board import load
from leapbench.leaderboards.plot_views import curve, draw

LITE = registry.task("activeview/niche").protocols["lite"]


def test_a_curve_ends_at_the_last_psnr_and_its_mean_is_the_score() -> None:
    row = load(LITE).defaults["view-furthest"]
    points = [each.value for _, each in curve(row)]
    final = [entry.result.metrics["final"] for entry in row.entries]
    assert points[-1] == pytest.approx(sum(final) / len(final), abs=1e-5)
    assert sum(points[1:]) / len(points[1:]) == pytest.approx(row.score.value, abs=1e-5)


def test_a_picture_has_a_panel_for_each_board(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    board = load(LITE)
    draw([board], tmp_path / "one.png")
    draw([board, board], tmp_path / "two" / "panels.png")
    assert (tmp_path / "one.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "two" / "panels.png").stat().st_size > (tmp_path / "one.png").stat().st_size

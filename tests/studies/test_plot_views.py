"""Pictures of boards of active view selection, from the committed rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.leaderboards.board import load
from leapbench.studies.activeview.plot_views import curve, draw, main

LITE = registry.task("activeview/niche").protocols["lite"]


def test_a_curve_ends_at_the_last_psnr_and_its_mean_is_the_score() -> None:
    row = load(LITE).defaults["furthest"]
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


def test_more_panels_than_a_line_holds_go_on_below(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    board, sizes = load(LITE), []
    for count in (3, 4):
        draw([board] * count, tmp_path / "many.png")
        header = (tmp_path / "many.png").read_bytes()
        sizes.append([int.from_bytes(header[i : i + 4], "big") for i in (16, 20)])
    (wide, high), below = sizes
    assert below == [wide, 2 * high]


def test_boards_with_nothing_to_draw_are_refused(tmp_path: Path) -> None:
    digits = load(registry.task("earlyexit/digits").protocols["smoke"])
    with pytest.raises(UserError, match="earlyexit/digits have no PSNR"):
        draw([load(LITE), digits], tmp_path / "none.png")
    with pytest.raises(UserError, match="activeview/blender has no rows at tier paper"):
        draw([load(registry.task("activeview/blender").protocols["paper"])], tmp_path / "none.png")
    assert not list(tmp_path.iterdir())


def test_a_mistake_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["plot_views", "activeview/nich"])
    with pytest.raises(SystemExit, match=r"^error: .* Did you mean 'activeview/niche'\?$"):
        main()

"""Pictures among clutter: what stands on a canvas, and that splits share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from leapbench import data
from leapbench.contract import registry
from leapbench.tasks.earlyexit import splits
from leapbench.tasks.earlyexit.clutter import cluttered

SETTINGS = {"data": "bright", "noise": 0.0, "train": 60, "calibration": 30, "test": "rest"}
CLUTTER = {"canvas": 16, "pieces": 5, "copies": 3}


def bright(name: str = "", split: str = "", count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of one brightness each, 101 to 220, which is their label + 101."""
    index = np.arange(count)
    shape = (count, 8, 8, 1)
    return np.broadcast_to(index[:, None, None, None] + 101, shape).astype(np.uint8), index


def drawn(seed: int = 0, **change: int) -> np.ndarray:
    images, _ = bright()
    return cluttered(images, **(CLUTTER | change), rng=np.random.default_rng(seed))  # type: ignore[arg-type]


def test_the_same_numbers_draw_the_same_pictures() -> None:
    assert np.array_equal(drawn(), drawn())
    assert not np.array_equal(drawn(), drawn(seed=1))
    assert drawn().shape == (360, 16, 16, 1)
    assert drawn().dtype == np.uint8


def test_without_clutter_and_room_pictures_are_as_they_were() -> None:
    images, _ = bright()
    assert np.array_equal(drawn(canvas=8, pieces=0, copies=1), images)
    placed = drawn(pieces=0, copies=1)
    assert np.array_equal(placed.sum((1, 2, 3)), images.sum((1, 2, 3), dtype=np.uint64))
    assert np.array_equal(np.sort(placed.max((1, 2, 3))), np.sort(images.max((1, 2, 3))))


def test_some_stand_alone_in_the_middle_and_others_aside_in_clutter() -> None:
    covered = (drawn(copies=10) > 0).mean((1, 2, 3))
    assert covered.min() == 0.25  # 8 x 8 of 16 x 16
    assert covered.max() > 0.4
    middle = (drawn(copies=10, pieces=0)[:, 4:12, 4:12] > 0).mean((1, 2, 3))
    assert 0.05 < (middle == 1).mean() < 0.5
    assert middle.min() < 0.5


def test_a_piece_never_hides_all_of_a_picture_that_is_brighter() -> None:
    """The brighter shows: the brightest picture of all keeps each of its pixels."""
    images, _ = bright()
    shown = drawn(copies=20)[119::120] == images[-1].max()
    assert (shown.sum((1, 2, 3)) >= 64).all()


@pytest.mark.parametrize("wrong", [{"canvas": 6}])
def test_pictures_that_do_not_fit_are_told(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="8 x 8 pixels do not fit"):
        drawn(**wrong)


@pytest.mark.parametrize("salt", ["", "secret"])
def test_splits_share_neither_pictures_nor_pieces(
    salt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "load", bright)
    monkeypatch.setattr(splits, "_moments", lambda images: (np.zeros(1), np.ones(1) / 255))
    parts = splits.load(SETTINGS | CLUTTER, "a", salt)
    seen = []
    for part in parts.values():
        values = {round(float(v)) - 101 for v in np.unique(part.images) if v > 0}
        assert values == set(part.labels.tolist())
        seen.append(values)
    assert [len(part.labels) for part in parts.values()] == [180, 90, 90]
    assert [len(each) for each in seen] == [60, 30, 30]
    assert len(set.union(*seen)) == 120


def test_every_label_is_that_of_the_picture_on_the_canvas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "load", bright)
    monkeypatch.setattr(splits, "_moments", lambda images: (np.zeros(1), np.ones(1) / 255))
    part = splits.load(SETTINGS | CLUTTER | {"pieces": 0}, "a")["train"]
    assert np.array_equal(part.images.max((1, 2, 3)).round() - 101, part.labels)


def test_digits_stand_among_clutter_and_the_other_tasks_are_as_they_were() -> None:
    settings = {
        name: task.protocols["smoke"].settings
        for name, task in registry.tasks().items()
        if task.family == "earlyexit" and "smoke" in task.protocols
    }
    assert {name for name, each in settings.items() if "canvas" in each} == {"earlyexit/digits"}
    digits = settings["earlyexit/digits"]
    side = digits["canvas"]
    assert all(each["image"] == [1, side, side] for each in digits["networks"].values())

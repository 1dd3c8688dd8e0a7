from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from leapbench.data import DataSet, ImageFolder, get, load, open_folder
from leapbench.data.folder import centre_box, random_box
from leapbench.errors import UserError

COUNTS = {"n01": 2, "n02": 0, "n03": 3}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Plain-coloured images: red tells the class, green the place in it."""
    root = tmp_path / "val"
    for label, (wnid, count) in enumerate(COUNTS.items()):
        (root / wnid).mkdir(parents=True)
        (root / wnid / "notes.txt").write_text("no image")
        for place in range(count):
            colour = (label * 80, place * 80, 0)
            Image.new("RGB", (30 + 9 * place, 41), colour).save(root / wnid / f"{place}.PNG")
    return root


def test_images_are_sorted_by_class_then_name(root: Path) -> None:
    folder = ImageFolder(root, size=8)
    assert len(folder) == 5
    assert folder.classes == ["n01", "n02", "n03"]
    assert folder.labels.tolist() == [0, 0, 2, 2, 2]
    paths = [str(folder.path(index).relative_to(root)) for index in range(5)]
    assert paths == ["n01/0.PNG", "n01/1.PNG", "n03/0.PNG", "n03/1.PNG", "n03/2.PNG"]


@pytest.mark.parametrize("train", [False, True])
def test_batches_keep_the_order_asked_for(root: Path, train: bool) -> None:
    rng = np.random.default_rng(0) if train else None
    batches = list(ImageFolder(root, size=8).batches([4, 0, 3, 2, 1], 2, rng))
    assert [len(labels) for _, labels in batches] == [2, 2, 1]
    images = np.concatenate([images for images, _ in batches])
    assert images.shape == (5, 8, 8, 3)
    assert images.dtype == np.uint8
    assert images[:, 0, 0, 0].tolist() == [160, 0, 160, 160, 0]
    assert images[:, 7, 7, 1].tolist() == [160, 0, 80, 0, 80]


def test_a_generator_gives_the_same_crops_again_and_the_centre_needs_none(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    pixels = np.random.default_rng(1).integers(256, size=(40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a" / "0.png")
    folder = ImageFolder(tmp_path, size=16)

    def crops(seed: int | None) -> np.ndarray:
        rng = None if seed is None else np.random.default_rng(seed)
        return next(folder.batches([0] * 4, 4, rng))[0]

    np.testing.assert_array_equal(crops(3), crops(3))
    assert not np.array_equal(crops(3), crops(4))
    assert not np.array_equal(*crops(3)[:2])
    assert (crops(None) == crops(None)[0]).all()


sides = st.integers(1, 3000)


@given(width=sides, height=sides, seed=st.integers(0, 2**32))
def test_boxes_lie_inside_the_image(width: int, height: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for box in (centre_box(width, height), random_box(width, height, rng)):
        left, upper, right, lower = box
        assert 0 <= left < right <= width + 1e-9
        assert 0 <= upper < lower <= height + 1e-9


@given(width=st.integers(100, 3000), height=st.integers(100, 3000), seed=st.integers(0, 2**32))
def test_random_crops_keep_their_aspect_and_area(width: int, height: int, seed: int) -> None:
    left, upper, right, lower = random_box(width, height, np.random.default_rng(seed))
    w, h = right - left, lower - upper
    assert 0.7 < w / h < 1.43  # 3/4 to 4/3 and the rounding to pixels
    ratio = max(width / height, height / width)
    assert w * h / (width * height) > min(0.07, 0.7 / ratio)


def test_random_crops_are_wide_and_tall() -> None:
    rng = np.random.default_rng(0)
    boxes = np.array([random_box(500, 500, rng) for _ in range(200)])
    aspects = (boxes[:, 2] - boxes[:, 0]) / (boxes[:, 3] - boxes[:, 1])
    assert 0.3 < (aspects > 1).mean() < 0.7
    assert np.ptp(aspects) > 0.4


def test_about_half_of_the_training_crops_are_mirrored(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    ramp = np.tile(np.arange(0, 200, 4, dtype=np.uint8)[None, :, None], (50, 1, 3))
    Image.fromarray(ramp).save(tmp_path / "a" / "0.png")
    folder = ImageFolder(tmp_path, size=16)
    images, _ = next(folder.batches([0] * 100, 100, np.random.default_rng(0)))
    mirrored = images[:, 8, 0, 0] > images[:, 8, -1, 0]
    assert 30 < mirrored.sum() < 70
    plain, _ = next(folder.batches([0], 1))
    assert plain[0, 8, 0, 0] < plain[0, 8, -1, 0]


def test_the_central_crop_is_7_8_of_the_shorter_side() -> None:
    assert centre_box(256, 256) == (16, 16, 240, 240)
    assert centre_box(512, 256) == (144, 16, 368, 240)


def test_what_is_no_image_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a folder"):
        ImageFolder(tmp_path / "none")
    with pytest.raises(UserError, match="no class folders"):
        ImageFolder(tmp_path)


def test_a_broken_image_is_named(root: Path) -> None:
    (root / "n01" / "1.PNG").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"1\.PNG is not a readable image"):
        list(ImageFolder(root).batches([1], 1))


@pytest.fixture
def declared(root: Path, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    """The folder as ImageNet with three classes, of which one has no images."""
    monkeypatch.setenv("LEAPBENCH_DATA", str(root.parent.parent))
    (root.parent / "train").mkdir()
    update = {"name": root.parent.name, "classes": 3, "splits": {"val": 5}}
    return get("imagenet").model_copy(update=update)


def test_open_folder_needs_the_whole_split(declared: DataSet) -> None:
    assert len(open_folder(declared, "val", size=8)) == 5
    with pytest.raises(UserError, match=r"5 images of 3 classes; 6 of 3"):
        open_folder(declared.model_copy(update={"splits": {"val": 6}}), "val")
    with pytest.raises(UserError, match=r"5 images of 3 classes; 5 of 4"):
        open_folder(declared.model_copy(update={"classes": 4}), "val")


def test_grey_of_16_bits_is_scaled_and_companions_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / ".hidden").mkdir()
    grey = np.full((32, 32), 257 * 100, np.uint16)
    Image.fromarray(grey).save(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "._1.png").write_bytes(b"\0")
    found = ImageFolder(tmp_path, 8)
    assert (found.classes, len(found)) == (["a"], 1)
    images, _ = next(found.batches([0], 1))
    assert (images == 100).all()


def test_a_small_set_is_read_whole_from_folders_or_from_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a picture of any size the middle square is taken, the same from either layout."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setenv("LEAPBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "cache"))
    rng, cells, classes = np.random.default_rng(3), [], []
    root = tmp_path / "data" / "imagenette"
    for label in range(10):
        pixels = rng.integers(256, size=(60, 40 + 4 * label, 3), dtype=np.uint8)
        for split in ("train", "val"):
            path = root / split / f"n{label}" / "0.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(pixels).save(path)
        cells.append({"bytes": path.read_bytes(), "path": None})
        classes.append(label)
    images, labels = load("imagenette", "train")
    assert images.shape == (10, 128, 128, 3)
    assert labels.tolist() == list(range(10))
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(cells, kind), "label": pa.array(classes)})
    for split in ("train", "val"):
        pq.write_table(table, root / f"{split}.parquet")
    np.testing.assert_array_equal(load("imagenette", "val")[0], images)
    (root / "train.parquet").unlink()
    (root / "train" / "n9" / "0.png").unlink()
    (root / "train" / "n9").rmdir()
    with pytest.raises(UserError, match="9 images of 9 classes; 10 classes"):
        load("imagenette", "train")

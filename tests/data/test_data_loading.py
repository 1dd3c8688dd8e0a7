from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leapbench.data import find, load, names, open_folder, require
from leapbench.data.locate import cache_root
from leapbench.data.spec import DataFile, DataSet, Layout
from leapbench.data.status import status
from leapbench.errors import UserError

Fill = Callable[[Path], None]
Samples = tuple[np.ndarray, np.ndarray]


def test_a_set_that_is_nowhere_is_none_and_one_clear_line(tiny: DataSet) -> None:
    assert find(tiny) is None
    with pytest.raises(UserError) as caught:
        load(tiny, "train")
    text = str(caught.value)
    assert "\n" not in text
    for part in ("Tiny was not found", "$LEAPBENCH_DATA (not set)", "no such folder", "Make it."):
        assert part in text


def test_the_nearest_miss_is_named(
    tiny: DataSet, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAPBENCH_DATA", str(tmp_path))
    fill(tmp_path / "tiny")
    (tmp_path / "tiny" / "labels.gz").unlink()
    with pytest.raises(UserError, match=r"lacks labels\.gz\)"):
        load(tiny, "train")


def test_the_search_goes_from_the_users_folder_to_the_system(
    tiny: DataSet, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAPBENCH_DATA", str(tmp_path / "mine"))
    tiny = tiny.model_copy(update={"system": str(tmp_path / "system")})
    places = {
        "system package": tmp_path / "system",
        "cache": cache_root() / "tiny",
        "LEAPBENCH_DATA": tmp_path / "mine" / "tiny",
    }
    for source, folder in places.items():  # each is preferred to those before it
        fill(folder)
        location = find(tiny)
        assert location is not None
        assert (location.source, location.root) == (source, folder)


def test_load_gives_what_was_stored(tiny: DataSet, fill: Fill, samples: Samples) -> None:
    fill(cache_root() / "tiny")
    images, labels = load(tiny, "train")
    np.testing.assert_array_equal(images, samples[0][..., None])
    np.testing.assert_array_equal(labels, samples[1])
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
    images[:] = 0
    assert load(tiny, "train")[0].any(), "a caller's changes stay the caller's"


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"splits": {"train": 7}}, r"\(7, 4, 5, 1\)"),
        ({"image": (5, 4, 1)}, r"\(6, 5, 4, 1\)"),
        ({"classes": 3}, "outside 0-2"),
    ],
)
def test_data_that_does_not_fit_its_declaration_is_refused(
    tiny: DataSet, fill: Fill, update: dict[str, object], message: str
) -> None:
    fill(cache_root() / "tiny")
    with pytest.raises(UserError, match=message):
        load(tiny.model_copy(update=update), "train")


def test_another_fingerprint_is_refused(tiny: DataSet, fill: Fill) -> None:
    fill(cache_root() / "tiny")
    layout = tiny.layouts[0].model_copy(update={"fingerprints": {"train": "0" * 64}})
    with pytest.raises(UserError, match="fingerprint"):
        load(tiny.model_copy(update={"layouts": (layout,)}), "train")


def test_cifar_files_are_joined_in_their_order(tmp_path: Path, tiny: DataSet) -> None:
    rng = np.random.default_rng(1)
    parts = rng.integers(256, size=(2, 3, 3073), dtype=np.uint8)
    parts[..., 0] = [[0, 1, 2], [3, 2, 1]]
    folder = cache_root() / "tiny"
    folder.mkdir(parents=True)
    for name, part in zip("ab", parts, strict=True):
        (folder / f"{name}.bin").write_bytes(part.tobytes())
    files = tuple(DataFile(name=f"{name}.bin", split="train", bytes=3 * 3073) for name in "ab")
    update = {
        "image": (32, 32, 3),
        "layouts": (Layout(reader="cifar-binary", files=files),),
    }
    images, labels = load(tiny.model_copy(update=update), "train")
    assert labels.tolist() == [0, 1, 2, 3, 2, 1]
    np.testing.assert_array_equal(images[4, :, :, 2], parts[1, 1, 2049:].reshape(32, 32))


@pytest.mark.parametrize("name", names())
def test_an_unknown_split_is_told(name: str) -> None:
    with pytest.raises(UserError, match=f"no split of {name} 'trian'"):
        load(name, "trian")


def test_the_wrong_door_is_pointed_out() -> None:
    with pytest.raises(UserError, match="open_folder"):
        load("imagenet", "val")
    with pytest.raises(UserError, match=r"data\.load\("):
        open_folder("digits", "train")


def test_status_tells_every_set_without_raising() -> None:
    rows = {row.dataset.name: row for row in status(verify=True)}
    assert list(rows) == names()
    assert rows["digits"].checksum == "verified"
    assert rows["cifar10"].checksum == "absent"
    assert "Downloaded on first use (170 MB)" in rows["cifar10"].how
    assert "Downloaded" not in rows["imagenet"].how


def test_status_sees_damage_only_when_asked_to_look() -> None:
    folder = cache_root() / "fashion-mnist"
    folder.mkdir(parents=True)
    for kind, split in (("images-idx3", "train"), ("labels-idx1", "train")):
        for prefix in (split, "t10k"):
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(b"junk"))
    quick = next(row for row in status() if row.dataset.name == "fashion-mnist")
    careful = next(row for row in status(verify=True) if row.dataset.name == "fashion-mnist")
    assert (quick.checksum, careful.checksum) == ("unchecked", "mismatch")
    assert quick.bytes == 4 * len(gzip.compress(b"junk"))
    assert "train-images-idx3-ubyte.gz" in careful.problem


@pytest.mark.parametrize(
    ("name", "split"), [("fashion-mnist", "test"), ("cifar10", "test"), ("cifar100", "test")]
)
@pytest.mark.usefixtures("real_environment")
def test_the_real_sets_are_balanced(name: str, split: str) -> None:
    if find(name) is None:
        pytest.skip(f"{name} is not on this machine")
    if require(name).layout.reader == "parquet":
        pytest.importorskip("pyarrow")
    images, labels = load(name, split)
    assert np.bincount(labels).tolist() == [len(labels) // (labels.max() + 1)] * (labels.max() + 1)
    assert 50 < images.mean() < 150

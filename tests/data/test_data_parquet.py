from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leapbench.data import load, parquet
from leapbench.data.locate import cache_root
from leapbench.data.spec import DataFile, DataSet, Layout
from leapbench.errors import UserError

COUNT, SHAPE = 7, (4, 5, 3)


@pytest.fixture
def colour() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    return rng.integers(256, size=(COUNT, *SHAPE), dtype=np.uint8), np.arange(COUNT) % 4


@pytest.fixture
def hub(tiny: DataSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DataSet:
    monkeypatch.setenv("LEAPBENCH_DATA", str(tmp_path))
    (tmp_path / "tiny").mkdir()
    layout = Layout(reader="parquet", files=(DataFile(name="train.parquet", split="train"),))
    return tiny.model_copy(
        update={"layouts": (layout,), "image": SHAPE, "splits": {"train": COUNT}}
    )


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")

    def write(images: Any, labels: Any, names: tuple[str, str] = ("img", "label")) -> Path:
        cells = [{"bytes": _png(image), "path": None} for image in images]
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        table = pa.table({names[0]: pa.array(cells, kind), names[1]: pa.array(labels)})
        path = tmp_path / "tiny" / "train.parquet"
        pq.write_table(table, path)
        return path

    return write


def _png(image: np.ndarray | bytes | None) -> bytes | None:
    if not isinstance(image, np.ndarray):
        return image
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def kept() -> list[Path]:
    return sorted((cache_root() / "decoded").glob("*.npz"))


@pytest.mark.parametrize("names", [("img", "label"), ("image", "fine_label")])
def test_the_first_and_the_kept_reading_are_equal(
    hub: DataSet, put: Any, colour: Any, names: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(*colour, names)
    first = load(hub, "train")
    assert len(kept()) == 1
    monkeypatch.setattr(parquet, "decode", None)  # calling it now would raise
    for images, labels in (first, load(hub, "train")):
        np.testing.assert_array_equal(images, colour[0])
        np.testing.assert_array_equal(labels, colour[1])
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        assert images.flags.writeable


def test_another_file_is_never_served_from_the_cache(hub: DataSet, put: Any, colour: Any) -> None:
    images, labels = colour
    put(images, labels)
    load(hub, "train")
    put(255 - images, labels)
    np.testing.assert_array_equal(load(hub, "train")[0], 255 - images)


@pytest.mark.parametrize("position", [0.1, 0.5, 0.9])
def test_a_damaged_cache_is_decoded_anew(
    hub: DataSet, put: Any, colour: Any, position: float
) -> None:
    put(*colour)
    load(hub, "train")
    data = bytearray(kept()[0].read_bytes())
    data[int(len(data) * position)] ^= 0xFF
    for damage in (bytes(data), bytes(data[: len(data) // 2]), b""):
        kept()[0].write_bytes(damage)
        np.testing.assert_array_equal(load(hub, "train")[0], colour[0])


def test_of_parallel_readers_one_decodes(
    hub: DataSet, put: Any, colour: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(*colour)
    calls, decode = [], parquet.decode
    monkeypatch.setattr(parquet, "decode", lambda *args: calls.append(1) or decode(*args))
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(load(hub, "train")[0])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len(results) == 4
    assert all(np.array_equal(result, colour[0]) for result in results)


def test_a_cache_that_cannot_be_written_is_not_needed(
    hub: DataSet, put: Any, colour: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(*colour)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "file"))
    np.testing.assert_array_equal(load(hub, "train")[0], colour[0])


@pytest.mark.parametrize("cell", [None, b"", b"not an image", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_broken_image_is_told(hub: DataSet, put: Any, colour: Any, cell: bytes | None) -> None:
    put([*colour[0][:-1], cell], colour[1])
    with pytest.raises(UserError, match=r"train\.parquet is not Tiny"):
        load(hub, "train")
    assert not kept()


def test_images_of_another_size_are_told(hub: DataSet, put: Any, colour: Any) -> None:
    put(colour[0].transpose(0, 2, 1, 3), colour[1])
    with pytest.raises(UserError, match=r"\(4, 5\) where \(5, 4\)"):
        load(hub, "train")


def test_other_columns_and_other_files_are_told(hub: DataSet, put: Any, colour: Any) -> None:
    path = put(*colour, ("picture", "label"))
    with pytest.raises(UserError, match="no column img or image"):
        load(hub, "train")
    path.write_bytes(b"not parquet")
    with pytest.raises(UserError, match="is not Tiny"):
        load(hub, "train")


def test_a_missing_pyarrow_is_told(
    hub: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny" / "train.parquet").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"leapbench\[parquet\]"):
        load(hub, "train")

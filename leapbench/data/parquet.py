"""Image sets in the parquet layout of the Hugging Face hub, decoded once.

Decoding 50,000 small JPEG or PNG files takes many seconds, so the arrays are
kept in the user's cache under the SHA-256 of the file that they came from.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from leapbench.data.files import write_atomically
from leapbench.data.folder import middle_square, scaled
from leapbench.data.locate import Location, cache_root
from leapbench.data.readers import Images, Labels
from leapbench.data.spec import DataSet
from leapbench.errors import UserError

_BATCH = 2048  # rows decoded at a time, so that the parquet file is never in memory whole
_DECODER = "v1"  # raised when the same file gives other arrays
_IMAGE_COLUMNS, _LABEL_COLUMNS = ("img", "image"), ("label", "fine_label")


def read_parquet(dataset: DataSet, location: Location, split: str) -> tuple[Images, Labels]:
    """Read one split from the cache of decoded arrays, or decode it and keep it.

    Raises:
        UserError: when pyarrow is not installed, or the file is not such a set.
    """
    (file,) = location.layout.of(split)
    path = location.root / file.name
    with path.open("rb") as stream:
        key = hashlib.file_digest(stream, "sha256").hexdigest()
    kept = cache_root() / "decoded" / f"{dataset.name}-{key[:32]}-{_DECODER}.npz"
    return _recall(kept) or _decode_once(dataset, path, kept)


def decode(dataset: DataSet, path: Path) -> tuple[Images, Labels]:
    """Decode a parquet file of columns img {bytes, path} and label.

    Args:
        dataset: gives the size of the images.
        path: the file.

    Returns:
        Images uint8 (N, H, W, C) and labels int64 (N,).

    Raises:
        UserError: when pyarrow is not installed, or the file is not such a set.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UserError(
            f"Reading {path} needs pyarrow.", "`pip install 'leapbench[parquet]'` brings it."
        ) from error
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    try:
        with pq.ParquetFile(path) as table:
            known = table.schema_arrow.names
            pixels, classes = _column(_IMAGE_COLUMNS, known), _column(_LABEL_COLUMNS, known)
            for batch in table.iter_batches(_BATCH, columns=[pixels, classes]):
                blobs = batch.column(pixels).field("bytes")
                images += [_pixels(blob.as_buffer(), dataset) for blob in blobs]
                labels += batch.column(classes).to_pylist()
        return np.stack(images), np.array(labels, np.int64)
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        expected = "It needs columns img {bytes, path} and label."
        raise UserError(f"{path} is not {dataset.title}: {error}.", expected) from error


def _column(wanted: tuple[str, ...], known: list[str]) -> str:
    for name in wanted:
        if name in known:
            return name
    raise KeyError(f"no column {' or '.join(wanted)} among {', '.join(known)}")


def _pixels(blob: bytes, dataset: DataSet) -> NDArray[np.uint8]:
    from PIL import Image

    height, width, channels = dataset.image
    mode = "RGB" if channels == 3 else "L"
    try:
        with Image.open(io.BytesIO(blob), formats=("PNG", "JPEG")) as image:
            if dataset.resized:
                return scaled(image, width, middle_square(*image.size))
            if image.size != (width, height):  # the header alone: nothing is decoded yet
                raise ValueError(f"an image of {image.size} where {(width, height)} is expected")
            return np.asarray(image.convert(mode), np.uint8).reshape(dataset.image)
    except (SyntaxError, Image.DecompressionBombError) as error:  # what Pillow raises besides
        raise ValueError(str(error)) from error


def _decode_once(dataset: DataSet, path: Path, kept: Path) -> tuple[Images, Labels]:
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(kept.with_suffix(".lock")):  # of parallel processes one decodes
            arrays = _recall(kept)
            if arrays is None:
                arrays = decode(dataset, path)
                _keep(kept, arrays)
            return arrays
    except OSError:  # a cache that cannot be written costs time, not the run
        return decode(dataset, path)


def _keep(kept: Path, arrays: tuple[Images, Labels]) -> None:
    images, labels = arrays
    with contextlib.suppress(OSError):
        write_atomically(kept, lambda stream: np.savez(stream, images=images, labels=labels))


def _recall(kept: Path) -> tuple[Images, Labels] | None:
    # The zip's own CRC-32 is checked while reading; a damaged file is decoded anew.
    try:
        with np.load(kept, allow_pickle=False) as arrays:
            return arrays["images"], arrays["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None

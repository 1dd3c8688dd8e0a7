"""From a name to arrays: find or fetch, read, check."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from leapbench.data.download import download
from leapbench.data.folder import ImageFolder
from leapbench.data.locate import Location, find, missing, offline
from leapbench.data.parquet import read_parquet
from leapbench.data.readers import Images, Labels, read_cifar, read_digits, read_folder, read_idx
from leapbench.data.spec import DataSet, Reader, get
from leapbench.errors import UserError, unknown

_READERS: Mapping[Reader, Callable[[DataSet, Location, str], tuple[Images, Labels]]] = {
    "digits": read_digits,
    "idx": read_idx,
    "cifar-binary": read_cifar,
    "parquet": read_parquet,
    "image-folder": read_folder,
}


def require(name: str | DataSet) -> Location:
    """Find a data set; download it when it is not here and that is possible.

    Args:
        name: a known name, or a declaration of one's own.

    Raises:
        UserError: when it cannot be had, with where it was looked for and how to get it.
    """
    dataset = get(name)
    location = find(dataset)
    if location is None and dataset.downloads and not offline():
        download(dataset)
        location = find(dataset)
    if location is None:
        raise missing(dataset)
    return location


def load(name: str | DataSet, split: str) -> tuple[Images, Labels]:
    """Load a split into memory.

    Args:
        name: a known name ("digits", "fashion-mnist", "cifar10", "cifar100"),
            or a declaration of one's own.
        split: one of the data set's splits, such as "train" or "test".

    Returns:
        Images uint8 (N, H, W, C), 0-255, and labels int64 (N,), in the order of
        the files; fresh arrays that the caller may change.

    Raises:
        UserError: for an unknown name or split, a data set that cannot be had,
            or files that are not what they should be.
    """
    dataset = _with_split(name, split)
    if dataset.streamed:
        raise UserError(
            f"{dataset.title} does not fit into memory.",
            f"Use leapbench.data.open_folder({dataset.name!r}, {split!r}).",
        )
    location = require(dataset)
    images, labels = _READERS[location.layout.reader](dataset, location, split)
    _check(dataset, location, split, images, labels)
    return images, labels


def open_folder(name: str | DataSet, split: str, size: int = 224) -> ImageFolder:
    """Open a split that is read image by image.

    Args:
        name: a known name ("imagenet"), or a declaration of one's own.
        split: "train" or "val".
        size: side of the crops, in pixels.

    Raises:
        UserError: as for `load`, also when classes or images are missing.
    """
    dataset = _with_split(name, split)
    if not dataset.streamed:
        raise UserError(
            f"{dataset.title} is not a folder of images.",
            f"Use leapbench.data.load({dataset.name!r}, {split!r}).",
        )
    folder = ImageFolder(require(dataset).root / split, size)
    found, expected = (len(folder.classes), len(folder)), (dataset.classes, dataset.splits[split])
    if found != expected:
        raise UserError(
            f"{folder.root} holds {found[1]} images of {found[0]} classes; "
            f"{expected[1]} of {expected[0]} are expected.",
            "Unpack the whole split, or use leapbench.data.ImageFolder on a part of it.",
        )
    return folder


def fingerprint(images: Images, labels: Labels) -> str:
    """SHA-256 (hexadecimal) of what was loaded, for the provenance of a result.

    Two copies of a data set that differ in one pixel or in their order differ here.
    """
    digest = hashlib.sha256(repr((images.shape, labels.shape)).encode())
    digest.update(images.tobytes())
    digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()


def _with_split(name: str | DataSet, split: str) -> DataSet:
    dataset = get(name)
    if split not in dataset.splits:
        raise unknown(f"split of {dataset.name}", split, dataset.splits)
    return dataset


def _check(
    dataset: DataSet, location: Location, split: str, images: Images, labels: Labels
) -> None:
    shape = (dataset.splits[split] or len(images), *dataset.image)
    where = f"{dataset.title} ({split}) in {location.root}"
    if images.shape != shape or labels.shape != shape[:1]:
        raise UserError(
            f"{where} holds images {images.shape} and labels {labels.shape}; "
            f"{shape} and {shape[:1]} are expected."
        )
    expected = location.layout.fingerprints.get(split)
    if expected and fingerprint(images, labels) != expected:
        raise UserError(f"{where} is not what it was declared to be: its fingerprint differs.")
    if labels.min() < 0 or labels.max() >= dataset.classes:
        raise UserError(f"{where} has labels outside 0-{dataset.classes - 1}.")

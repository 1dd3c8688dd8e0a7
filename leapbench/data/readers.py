"""Decoders of the file formats, into uint8 images and int64 labels."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leapbench.data.files import content
from leapbench.data.folder import ImageFolder
from leapbench.data.locate import Location
from leapbench.data.spec import DataSet
from leapbench.errors import UserError

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
_UBYTE = 0x08  # idx code of unsigned bytes


def parse_idx(data: bytes, dimensions: int, origin: str) -> NDArray[np.uint8]:
    """Decode an idx file of unsigned bytes.

    The header is two zero bytes, the type code, the number of dimensions, then
    one big-endian uint32 a dimension (yann.lecun.com/exdb/mnist).

    Args:
        data: the whole file.
        dimensions: number of dimensions expected, such as 3 for images.
        origin: name of the file for messages.

    Returns:
        A writable copy, uint8, of the shape in the header.

    Raises:
        UserError: when the header or the size is wrong.
    """
    start = 4 + 4 * dimensions
    if len(data) < start or data[:4] != bytes((0, 0, _UBYTE, dimensions)):
        raise UserError(f"{origin} is not an idx file of bytes in {dimensions} dimensions.")
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    if len(data) - start != math.prod(shape):
        raise UserError(
            f"{origin} holds {len(data) - start} values, its header says {math.prod(shape)}."
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()


def parse_cifar(
    data: bytes, image: Sequence[int], label_bytes: int, origin: str
) -> tuple[Images, Labels]:
    """Decode records of the CIFAR binary version (cs.toronto.edu/~kriz/cifar.html).

    Args:
        data: records of `label_bytes` labels, then one plane of pixels a channel.
        image: (height, width, channels).
        label_bytes: 1 for CIFAR-10; 2 for CIFAR-100, of which the last is the fine label.
        origin: name of the file for messages.

    Returns:
        Images uint8 (N, H, W, C) and labels int64 (N,).

    Raises:
        UserError: when the size is not a whole number of records.
    """
    height, width, channels = image
    record = label_bytes + math.prod(image)
    if not data or len(data) % record:
        raise UserError(f"{origin} is not made of records of {record} bytes.")
    rows = np.frombuffer(data, np.uint8).reshape(-1, record)
    planes = rows[:, label_bytes:].reshape(-1, channels, height, width)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return images, rows[:, label_bytes - 1].astype(np.int64)


def read_idx(dataset: DataSet, location: Location, split: str) -> tuple[Images, Labels]:
    """Read a split of two idx files: images (N, H, W), then labels (N,)."""
    pixels, classes = location.layout.of(split)
    images = parse_idx(content(location.root, pixels), 3, pixels.name)
    labels = parse_idx(content(location.root, classes), 1, classes.name)
    return images[..., None], labels.astype(np.int64)


def read_cifar(dataset: DataSet, location: Location, split: str) -> tuple[Images, Labels]:
    """Read a split of CIFAR binary files, one after the other."""
    label_bytes = 2 if dataset.classes == 100 else 1
    parts = [
        parse_cifar(content(location.root, file), dataset.image, label_bytes, file.name)
        for file in location.layout.of(split)
    ]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def read_folder(dataset: DataSet, location: Location, split: str) -> tuple[Images, Labels]:
    """Read a folder of classes whole: the middle squares of its images, scaled."""
    folder = ImageFolder(location.root / split, dataset.image[0])
    if not len(folder) or len(folder.classes) != dataset.classes:
        raise UserError(
            f"{folder.root} holds {len(folder)} images of {len(folder.classes)} classes; "
            f"{dataset.classes} classes are expected."
        )
    return folder.squares(np.arange(len(folder))), folder.labels


def read_digits(dataset: DataSet, location: Location, split: str) -> tuple[Images, Labels]:
    """Read scikit-learn's digits; their 17 grey levels 0-16 are spread over 0-255."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    return images[..., None], bunch.target.astype(np.int64)

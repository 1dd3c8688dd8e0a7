from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leapbench.data import fingerprint, load
from leapbench.data.readers import parse_cifar, parse_idx
from leapbench.errors import UserError

arrays = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, max_side=5))


def encode(array: np.ndarray) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@given(array=arrays)
def test_idx_gives_back_what_was_encoded(array: np.ndarray) -> None:
    decoded = parse_idx(encode(array), array.ndim, "x")
    np.testing.assert_array_equal(decoded, array)
    assert decoded.flags.writeable


@given(array=arrays, cut=st.integers(1, 20), extra=st.binary(min_size=1, max_size=3))
def test_idx_of_a_wrong_length_is_refused(array: np.ndarray, cut: int, extra: bytes) -> None:
    for data in (encode(array)[:-cut], encode(array) + extra):
        with pytest.raises(UserError):
            parse_idx(data, array.ndim, "x")


@given(array=arrays, dimensions=st.integers(1, 3))
def test_idx_of_another_rank_or_type_is_refused(array: np.ndarray, dimensions: int) -> None:
    data = encode(array)
    if dimensions != array.ndim:
        with pytest.raises(UserError, match=f"{dimensions} dimensions"):
            parse_idx(data, dimensions, "x")
    floats = data[:2] + b"\x0d" + data[3:]
    with pytest.raises(UserError):
        parse_idx(floats, array.ndim, "x")


@given(
    images=hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), *map(st.just, (2, 3, 3)))),
    label_bytes=st.sampled_from([1, 2]),
)
def test_cifar_gives_back_what_was_encoded(images: np.ndarray, label_bytes: int) -> None:
    labels = np.arange(len(images))
    records = [
        bytes([99] * (label_bytes - 1) + [label]) + image.transpose(2, 0, 1).tobytes()
        for label, image in zip(labels, images, strict=True)
    ]
    decoded, classes = parse_cifar(b"".join(records), (2, 3, 3), label_bytes, "x")
    np.testing.assert_array_equal(decoded, images)
    np.testing.assert_array_equal(classes, labels)
    assert classes.dtype == np.int64


@pytest.mark.parametrize("size", [0, 3072, 3073 * 2 + 1])
def test_cifar_of_a_broken_record_is_refused(size: int) -> None:
    with pytest.raises(UserError, match="records of 3073 bytes"):
        parse_cifar(bytes(size), (32, 32, 3), 1, "x")


def test_digits_use_the_whole_grey_scale_and_every_class() -> None:
    images, labels = load("digits", "train")
    assert images.shape == (1797, 8, 8, 1)
    assert images.dtype == np.uint8
    levels = np.unique(images)
    assert len(levels) == 17
    assert (levels[0], levels[-1]) == (0, 255)
    assert np.ptp(np.diff(levels.astype(int))) <= 1, "levels are evenly spaced"
    assert labels.dtype == np.int64
    assert set(labels) == set(range(10))


@given(
    images=hnp.arrays(np.uint8, (3, 2, 2, 1)),
    labels=hnp.arrays(np.int64, 3, elements=st.integers(0, 9)),
    position=st.integers(0, 11),
)
def test_the_fingerprint_sees_every_pixel_and_label(
    images: np.ndarray, labels: np.ndarray, position: int
) -> None:
    before = fingerprint(images, labels)
    assert fingerprint(images.copy(), labels.astype(np.int32)) == before
    images.flat[position] ^= 1
    changed = fingerprint(images, labels)
    assert changed != before
    labels[position % 3] += 1
    assert fingerprint(images, labels) not in (before, changed)

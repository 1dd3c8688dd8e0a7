"""Tiny data sets in the real formats, and an environment that finds no others."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leapbench.data.spec import DataFile, DataSet, Download, Layout

REAL = {key: os.environ.get(key) for key in ("LEAPBENCH_DATA", "LEAPBENCH_CACHE")}
SAMPLES, CLASSES = 6, 4


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LEAPBENCH_DATA", raising=False)
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LEAPBENCH_OFFLINE", "1")


@pytest.fixture
def real_environment(_isolated: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Search where the person who runs the tests keeps data; still no downloads."""
    for key, value in REAL.items():
        if value is None:
            monkeypatch.delenv(key, raising=False)
        else:
            monkeypatch.setenv(key, value)


@pytest.fixture
def samples() -> tuple[np.ndarray, np.ndarray]:
    """Six random 4x5 grey images and labels in 0-3."""
    rng = np.random.default_rng(0)
    return rng.integers(256, size=(SAMPLES, 4, 5), dtype=np.uint8), np.arange(SAMPLES) % CLASSES


def idx(array: np.ndarray) -> bytes:
    """Encode uint8 values as an idx file."""
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def files(samples: tuple[np.ndarray, np.ndarray]) -> dict[str, bytes]:
    """Content of the tiny set's two files, by name without ".gz"."""
    images, labels = samples
    return {"images": idx(images), "labels": idx(labels)}


@pytest.fixture
def tiny(files: dict[str, bytes]) -> DataSet:
    """Declaration of a tiny idx set that cannot be downloaded."""
    declared = tuple(
        DataFile(
            name=f"{name}.gz",
            split="train",
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for name, data in files.items()
    )
    return DataSet(
        name="tiny",
        title="Tiny",
        classes=CLASSES,
        image=(4, 5, 1),
        licence="none",
        homepage="",
        how="Make it.",
        splits={"train": SAMPLES},
        layouts=(Layout(reader="idx", files=declared),),
    )


@pytest.fixture
def fill(files: dict[str, bytes]) -> Callable[[Path], None]:
    """Put the tiny set's files, gzipped, into a folder."""

    def write(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))

    return write


@pytest.fixture
def downloadable(tiny: DataSet) -> Callable[..., DataSet]:
    """Build the tiny set with downloads of the given (name, urls, bytes sent, folder)."""

    def build(*items: tuple[str, tuple[str, ...], bytes, str]) -> DataSet:
        downloads = tuple(
            Download(
                name=name,
                urls=urls,
                bytes=len(sent),
                sha256=hashlib.sha256(sent).hexdigest(),
                unpack=folder,
            )
            for name, urls, sent, folder in items
        )
        return tiny.model_copy(update={"downloads": downloads})

    return build

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leapbench.data.files import content, write_atomically
from leapbench.data.spec import DataFile
from leapbench.errors import UserError


def declared(data: bytes, name: str = "a.gz") -> DataFile:
    return DataFile(
        name=name, split="train", bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
    )


@given(data=st.binary(min_size=1, max_size=200), level=st.integers(0, 9))
def test_content_is_the_same_however_it_is_compressed(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, level: int
) -> None:
    folder = tmp_path_factory.mktemp("c")
    (folder / "a.gz").write_bytes(gzip.compress(data, level))
    assert content(folder, declared(data)) == data
    (folder / "a.gz").unlink()
    (folder / "a").write_bytes(data)
    assert content(folder, declared(data)) == data


@given(data=st.binary(min_size=20, max_size=60), position=st.integers(0, 19))
def test_no_changed_byte_is_accepted(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, position: int
) -> None:
    folder = tmp_path_factory.mktemp("c")
    changed = bytearray(data)
    changed[position] ^= 1
    (folder / "a").write_bytes(changed)
    with pytest.raises(UserError, match="SHA-256"):
        content(folder, declared(data, "a"))


@pytest.mark.parametrize("stored", [b"12", b"1234567890"])
def test_a_wrong_size_is_told(tmp_path: Path, stored: bytes) -> None:
    (tmp_path / "a").write_bytes(stored)
    with pytest.raises(UserError, match="where 5 are expected"):
        content(tmp_path, declared(b"12345", "a"))


@pytest.mark.parametrize("name", ["a.gz", "a"])
def test_a_bomb_is_not_unpacked(tmp_path: Path, name: str) -> None:
    zeros = bytes(30_000_000)
    (tmp_path / name).write_bytes(gzip.compress(zeros, 1) if name == "a.gz" else zeros)
    tracemalloc.start()
    with pytest.raises(UserError, match="more of content where 3"):
        content(tmp_path, declared(b"123", name))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize("stored", [b"no gzip at all", gzip.compress(bytes(range(200)))[:-20]])
def test_a_damaged_gzip_is_the_users_to_know(tmp_path: Path, stored: bytes) -> None:
    (tmp_path / "a.gz").write_bytes(stored)
    with pytest.raises(UserError, match="cannot be read"):
        content(tmp_path, declared(bytes(range(200))))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.gz is missing"):
        content(tmp_path, declared(b"1"))


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_atomically(path, lambda stream: stream.write(b"old") and None)

    def broken(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, broken)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]

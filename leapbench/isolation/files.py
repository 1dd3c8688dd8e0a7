"""Files that cross between host and guest: few, small, regular, and of known kinds."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from leapbench.isolation.failures import GuestAnswer, plain, size

SUFFIXES = (".json", ".npz", ".safetensors")
COUNT = 100
CHUNK = 2**20
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def collect(home: Path, name: str, into: Path, limit: int) -> None:
    """Copy what the guest saved; it may still be running, so nothing is looked at twice.

    Args:
        home: the guest's folder.
        name: folder in it that was saved into.
        into: a folder of the host's.
        limit: bytes of all files together.

    Raises:
        GuestAnswer: for a link, a folder, another kind of file, or too much.
    """
    try:
        folder = os.open(home / name, _FLAGS | os.O_DIRECTORY)
    except OSError as error:
        raise GuestAnswer("The agent removed the folder that it was to save into.") from error
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
        if len(names) > COUNT:
            raise GuestAnswer(f"The agent saved {len(names)} files, at most {COUNT} are taken.")
        left = limit
        for each in names:
            left -= _copy(folder, each, into / each, left)
            if left < 0:
                raise GuestAnswer(f"The agent saved more than the {size(limit)} that are taken.")
    finally:
        os.close(folder)


def present(folder: Path, into: Path) -> None:
    """Copy the regular files of the host's `folder` to where the guest may read them."""
    into.mkdir()
    for file in folder.iterdir():
        if file.is_file() and not file.is_symlink():
            shutil.copyfile(file, into / file.name)


def _copy(folder: int, name: str, target: Path, limit: int) -> int:
    """Copy one file, or a little more than `limit` bytes of it; the bytes copied."""
    shown = plain(name, 60)
    if Path(name).suffix not in SUFFIXES:
        raise GuestAnswer(f"The agent saved {shown!r}; taken are {', '.join(SUFFIXES)}.")
    try:
        source = os.open(name, _FLAGS, dir_fd=folder)
    except OSError as error:
        raise GuestAnswer(f"What the agent saved as {shown!r} is no plain file.") from error
    try:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise GuestAnswer(f"What the agent saved as {shown!r} is no plain file.")
        done = 0
        with target.open("wb") as writing:
            while done <= limit and (chunk := os.read(source, CHUNK)):
                done += writing.write(chunk)
        return done
    finally:
        os.close(source)

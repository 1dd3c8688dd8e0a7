"""Puts a whole site in place, or leaves what was there."""

from __future__ import annotations

import glob
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from leapbench.errors import UserError

MARKER = "site.json"
MADE_BY = "leapbench site"


@contextmanager
def staged(out: Path, facts: Mapping[str, Any]) -> Iterator[Path]:
    """An empty folder beside `out` that takes its place when the block ends well.

    A build that is killed leaves `out` as it was, and a folder with a dot and its
    process id that the next build takes away.

    Args:
        out: where the site goes: a new name, an empty folder, or an older site.
        facts: what the marker says besides who made it and which files there are.

    Raises:
        UserError: when `out` holds what is no site of ours, or cannot be written.
    """
    target = out.resolve()
    check(out)
    new = _beside(target, "new", os.getpid())
    try:
        _tidy(target)
        new.mkdir()
    except OSError as error:
        raise UserError(f"--out {out} cannot be made: {error.strerror}.") from None
    try:
        yield new
        marker = {"made_by": MADE_BY} | dict(facts) | {"files": files(new)}
        text = json.dumps(marker, indent=1, sort_keys=True) + "\n"
        (new / MARKER).write_text(text, encoding="utf-8")
        check(out)  # somebody may have put files there while the pages were made
        _swap(new, target)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def check(out: Path) -> None:
    """Refuse to replace anything but a site of ours.

    Raises:
        UserError: for a file, a missing parent, a folder without our marker, or
            one with files that we did not write.
    """
    if not out.resolve().parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}.", "Make it first.")
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"--out {out} is a file; expected a folder or a new name.")
    present = files(out)
    if not present:
        return
    known = _known(out)
    if known is None:
        raise UserError(
            f"--out {out} is not empty and no site of `{MADE_BY}`.", "Give another folder."
        )
    foreign = sorted(set(present) - known - {MARKER})
    if foreign:
        raise UserError(
            f"--out {out} holds {foreign[0]}, which `{MADE_BY}` did not write.",
            "Move it away first: the folder is replaced as a whole.",
        )


def files(folder: Path) -> list[str]:
    """Every file in the folder, and every empty folder, relative and sorted."""
    found = []
    for path in folder.rglob("*"):
        empty = path.is_dir() and not path.is_symlink() and not any(path.iterdir())
        if empty or not path.is_dir() or path.is_symlink():
            found.append(path.relative_to(folder).as_posix())
    return sorted(found)


def _known(out: Path) -> set[str] | None:
    """The files that the marker of an earlier build names; None without such a marker."""
    try:
        marker = json.loads((out / MARKER).read_text(encoding="utf-8"))
        return set(marker["files"]) if marker["made_by"] == MADE_BY else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _beside(target: Path, what: str, process: int) -> Path:
    return target.with_name(f".{target.name}.{what}-{process}")


def _swap(new: Path, target: Path) -> None:
    old = _beside(target, "old", os.getpid())
    try:
        if target.exists():
            target.rename(old)
        new.rename(target)
    except OSError as error:
        if old.exists() and not target.exists():
            old.rename(target)
        raise UserError(f"{target} cannot be replaced: {error.strerror}.") from None
    shutil.rmtree(old, ignore_errors=True)


def _tidy(target: Path) -> None:
    """Undo what a killed build left: its half site goes, an older one comes back."""
    for what in ("old", "new"):
        for left in sorted(target.parent.glob(f".{glob.escape(target.name)}.{what}-*")):
            process = left.name.rpartition("-")[2]
            if process.isdecimal() and _runs(int(process)):
                continue
            if what == "old" and not target.exists():
                left.rename(target)
            else:
                shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether another process with this id, perhaps a build of the same site, is alive."""
    return process != os.getpid() and psutil.pid_exists(process)

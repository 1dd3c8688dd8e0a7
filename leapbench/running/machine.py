"""Faults of the machine: found before a run, and never taken for an agent's."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leapbench.contract.harness import Harness
from leapbench.contract.task import Protocol, canonical
from leapbench.data.locate import cache_root
from leapbench.errors import Unavailable, UserError
from leapbench.results.result import MAX_BYTES, columns

FREE = 20_000_000  # bytes that a run needs at least for results, artifacts and their locks
LEAST = 8  # bytes of a number in a result, with its separator
NUMBERS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
FAULTS = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE", "ESTALE")
    if hasattr(errno, name)
}


def check(out: Path) -> None:
    """Refuse what a run would fail on, before hours are spent.

    Args:
        out: folder of the results.

    Raises:
        UserError: for the first thing that is wrong.
    """
    for name in NUMBERS:
        text = os.environ.get(name, "1")
        if not text.isdecimal() or not 0 < int(text[:9]) < 10_000 or len(text) > 9:
            raise UserError(f"{name}={text[:40]!r} is no number of threads.", f"export {name}=1")
    data = os.environ.get("LEAPBENCH_DATA", "")
    if data and Path(data).exists() and not Path(data).is_dir():
        raise UserError(f"LEAPBENCH_DATA={data} is not a folder.", "Name the folder of data sets.")
    cache_root()  # says so where there is no home
    _check_folder(out)


def check_row(protocol: Protocol, harness: type[Harness]) -> None:
    """Refuse a protocol whose rows cannot be as small as a result has to be.

    Raises:
        UserError: when its planned columns and the metric alone are too large.
    """
    rows = harness.schedule(protocol)
    least = len(canonical(columns(rows))) + LEAST * len(rows)
    if least > MAX_BYTES:
        raise UserError(
            f"{protocol.task} {protocol.tier} plans {len(rows)} episodes, whose row would have "
            f"{least} bytes at least; a result may have {MAX_BYTES}.",
            "Plan fewer episodes.",
        )


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Turn a fault of the machine inside into one line.

    Args:
        out: folder of the results, which is the suite's own.

    Raises:
        Unavailable: in the place of an error of the disk, or of a file under `out`.
    """
    try:
        yield
    except OSError as error:
        own = isinstance(error.filename, str) and Path(error.filename).is_relative_to(out)
        if error.errno not in FAULTS and not own:
            raise
        where = error.filename or out
        raise Unavailable(f"{where}: {error.strerror}. It is no fault of the agent's.") from error


def _check_folder(out: Path) -> None:
    there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"--out {out}: {there} cannot be written to.", "Name another folder.")
    artifacts = out / "artifacts"
    for each in (artifacts, *(artifacts.iterdir() if artifacts.is_dir() else ())):
        if each.exists() and not os.access(each, os.R_OK | os.W_OK):
            raise UserError(
                f"--out {out}: {each} is another user's and cannot be used.",
                "Name another folder, or let its owner run: chmod -R g+rwX.",
            )
    free = shutil.disk_usage(there).free
    if free < FREE:
        raise UserError(
            f"--out {out}: the disk has {free:,} bytes left, a run needs {FREE:,}.",
            "Name another folder.",
        )

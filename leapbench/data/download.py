"""Downloads that arrive whole and verified, or not at all."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import shutil
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from leapbench.data.files import write_atomically
from leapbench.data.locate import cache_root, find
from leapbench.data.spec import DataSet, Download, Layout
from leapbench.errors import UserError

_CHUNK = 1 << 18  # bytes
_TIMEOUT = 30.0  # seconds without a byte
Advance = Callable[[int], None]
# Not OSError as a whole: a full disk is no reason to try the next mirror.
_NETWORK = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ValueError,
)


def download(dataset: DataSet) -> Path:
    """Fetch a data set into the user's cache, one process at a time.

    Args:
        dataset: a declaration with downloads.

    Returns:
        The folder that holds the files of the first layout.

    Raises:
        UserError: when no mirror answers, or what it sends is not the declared file.
    """
    folder = cache_root() / dataset.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if find(dataset) is None:  # another process may have been faster
                for item in dataset.downloads:
                    _fetch(dataset, item, folder)
    except OSError as error:
        raise UserError(
            f"{dataset.title} could not be stored: {error}.",
            "LEAPBENCH_CACHE can name another folder.",
        ) from error
    return folder


def _fetch(dataset: DataSet, item: Download, folder: Path) -> None:
    if not item.unpack:
        write_atomically(folder / item.name, lambda stream: _from_mirrors(item, stream))
        return
    with tempfile.TemporaryFile(dir=folder) as archive:
        _from_mirrors(item, archive)
        archive.seek(0)
        unpack(archive, item, dataset.layouts[0], folder)


def _from_mirrors(item: Download, stream: BinaryIO) -> None:
    reasons = []
    for url in item.urls:
        stream.seek(0)  # over what a failed mirror sent, which is never longer
        try:
            return _from(url, item, stream)
        except _NETWORK as error:
            reasons.append(f"{url}: {error}")
    raise UserError(
        f"{item.name} could not be downloaded ({'; '.join(reasons)}).",
        "Try again, or see `leapbench data` for other ways to get it.",
    )


def _from(url: str, item: Download, stream: BinaryIO) -> None:
    if not url.startswith(("https://", "http://")):
        raise ValueError("not an address on the web")
    digest, received = hashlib.sha256(), 0
    request = urllib.request.Request(url, headers={"User-Agent": "leapbench"})  # noqa: S310
    with (
        _progress(item) as advance,
        urllib.request.urlopen(request, timeout=_TIMEOUT) as answer,  # noqa: S310 - checked above
    ):
        while chunk := answer.read(_CHUNK):
            received += len(chunk)
            if received > item.bytes:
                raise ValueError(f"more than the {item.bytes} bytes expected")
            digest.update(chunk)
            stream.write(chunk)
            advance(len(chunk))
    if received != item.bytes:
        raise ValueError(f"{received} bytes where {item.bytes} are expected")
    if digest.hexdigest() != item.sha256:
        raise ValueError("the SHA-256 is not the published one")


def unpack(archive: BinaryIO, item: Download, layout: Layout, folder: Path) -> None:
    """Copy the files of `layout` out of a .tar.gz; nothing else of it is written.

    Members are copied by their declared name and size, never by the path that
    the archive gives, so it cannot write elsewhere or fill the disk.

    Raises:
        UserError: when the archive is damaged or lacks a file.
    """
    wanted = {f"{item.unpack}/{file.name}": file for file in layout.files}
    try:
        with tarfile.open(fileobj=archive, mode="r:gz") as members:
            for member in members:
                file = wanted.get(member.name)
                if file is None or not member.isreg() or member.size != file.bytes:
                    continue
                if (source := members.extractfile(member)) is not None:
                    copy = partial(shutil.copyfileobj, source)
                    write_atomically(folder / file.name, copy)
                    del wanted[member.name]
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{item.name} is damaged: {error}.") from error
    if wanted:
        raise UserError(f"{item.name} lacks {', '.join(sorted(wanted))}.")


@contextmanager
def _progress(item: Download) -> Iterator[Advance]:
    """Yield what counts received bytes; a bar on stderr when that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda received: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(item.name, total=item.bytes)
        yield lambda received: bar.advance(task, received)

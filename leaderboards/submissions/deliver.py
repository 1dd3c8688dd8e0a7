"""Takes a bundle where it is to go: a file, a board's folder, a board's address."""

from __future__ import annotations

import json
import shlex
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.read import open_bundle
from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.results import atomic

TIMEOUT = 60  # seconds without an answer of the board


@dataclass(frozen=True)
class Filed:
    """Where a bundle went.

    Attributes:
        id: SHA-256 of the bundle.
        signed_by: fingerprint of the key; empty without a signature.
        where: what happened and what to type next, for people.
    """

    id: str
    signed_by: str
    where: str


def deliver(packed: bytes, target: str) -> Filed:
    """File a bundle.

    Args:
        packed: the bundle.
        target: path ending in .zip, folder, or http(s) address.

    Raises:
        UserError: when the board refuses it or cannot be reached.
    """
    with TemporaryDirectory(prefix="leapbench-submit-") as folder:
        path = Path(folder) / "bundle.zip"
        path.write_bytes(packed)
        bundle = open_bundle(path)  # what we would not take we do not send
        if urlsplit(target).scheme in ("http", "https"):
            where = _post(packed, target)
        elif target.endswith(".zip"):
            where = _keep(packed, Path(target))
        else:
            where = _file(path, Path(target))
    return Filed(bundle.id, bundle.signed_by, where)


def _keep(packed: bytes, path: Path) -> str:
    if path.exists() and path.read_bytes() != packed:
        raise UserError(f"{path} exists and is another file.", "Name a new one.")
    atomic.write(path, packed)
    return f"{path} written. To check it: leapbench verify {shlex.quote(str(path))}"


def _file(path: Path, folder: Path) -> str:
    receipt = SubmissionStore(folder, create=True).add(path)
    state = "filed" if receipt.new else "was there already"
    board = shlex.quote(str(folder))
    return f"{state} in {folder}, attempt {receipt.attempt}. Next: leapbench verify {board}"


def _post(packed: bytes, url: str) -> str:
    address = url.rstrip("/") + "/submissions"
    asked = urllib.request.Request(  # noqa: S310 the scheme was checked
        address, packed, {"Content-Type": "application/zip"}, method="POST"
    )
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT) as answer:  # noqa: S310
            found = json.loads(answer.read(100_000))
    except urllib.error.HTTPError as error:
        raise UserError(f"{url} refused it ({error.code}): {_reason(error)}") from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{url} cannot be reached: {error}.", "The bundle is not lost: --to FILE.zip keeps it."
        ) from None
    return f"filed at {url}, attempt {found.get('attempt')}, received {found.get('received')}"


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(100_000))["error"])[:1000]
    except (OSError, ValueError, KeyError, TypeError):
        return error.reason

"""The files of a store: each appears whole or not at all, and never changes.

submissions/<id[:2]>/<id>.zip   a bundle as it came, named by its SHA-256
receipts/<id>.json              when it came
incoming/                       what is being written
"""

from __future__ import annotations

import os
import platform
import re
import secrets
import time
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path

import psutil
from pydantic import ValidationError

from leapbench.contract.task import canonical
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.refusal import Refused
from leapbench.leaderboards.submissions.store.records import Stamp
from leapbench.results import atomic

STALE = 3600  # seconds after which a temporary file belongs to nobody
RECEIPT_BYTES = 10_000  # more is no receipt
CHUNK = 2**20  # bytes copied at once
ID = re.compile(r"[0-9a-f]{64}")


def is_store(folder: Path) -> bool:
    """Whether a folder holds submissions."""
    return (folder / "submissions").is_dir()


class Files:
    """The immutable files of a store.

    Args:
        folder: of the store.
    """

    def __init__(self, folder: Path) -> None:
        self.submissions, self.receipts = folder / "submissions", folder / "receipts"
        self.incoming = folder / "incoming"

    def make(self) -> None:
        """Make the folders; the one that marks a store comes last."""
        for path in (self.incoming, self.receipts, self.submissions):
            if not path.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                atomic.sync_folder(path.parent)

    def bundle(self, identity: str) -> Path:
        """Where the bundle lies, or would lie."""
        return self.submissions / identity[:2] / f"{identity}.zip"

    def receipt(self, identity: str) -> Path:
        """Where the receipt lies, or would lie."""
        return self.receipts / f"{identity}.json"

    def bundles(self) -> set[str]:
        """Ids of all bundles."""
        found = set()
        for shard in os.scandir(self.submissions):
            if shard.is_dir(follow_symlinks=False):
                names = (entry.name.removesuffix(".zip") for entry in os.scandir(shard))
                found |= {n for n in names if ID.fullmatch(n) and n.startswith(shard.name)}
        return found

    def receipted(self) -> set[str]:
        """Ids of all receipts."""
        names = (entry.name.removesuffix(".json") for entry in os.scandir(self.receipts))
        return {name for name in names if ID.fullmatch(name)}

    def holds(self, identity: str) -> bool:
        """Whether the bundle is there and undamaged."""
        try:
            with self.bundle(identity).open("rb") as file:
                return file_digest(file, "sha256").hexdigest() == identity
        except OSError:
            return False

    def stage(self, source: Path, identity: str) -> Path:
        """Copy a bundle to a temporary file, on the disk and read-only.

        Raises:
            Refused: when it is no longer the file that was verified.
        """
        path, digest = self._temporary(), sha256()
        try:
            with source.open("rb") as file, path.open("xb") as copy:
                while piece := file.read(CHUNK):
                    digest.update(piece)
                    copy.write(piece)
                if digest.hexdigest() != identity:
                    raise Refused("hashes", f"{source} changed while it was read.")
                _settle(copy.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def place(self, staged: Path, identity: str) -> None:
        """Give a staged bundle its name."""
        path = self.bundle(identity)
        if not path.parent.exists():
            path.parent.mkdir(exist_ok=True)
            atomic.sync_folder(self.submissions)
        staged.replace(path)
        atomic.sync_folder(path.parent)

    def stamp(self, identity: str, moment: float | None = None) -> Stamp:
        """Write the receipt of a bundle that is in place; of two the first stands.

        Args:
            identity: of the bundle.
            moment: seconds since the epoch; None for now.
        """
        when = datetime.fromtimestamp(time.time() if moment is None else moment, UTC)
        size = self.bundle(identity).stat().st_size
        made = Stamp(id=identity, received=when.isoformat(timespec="microseconds"), bytes=size)
        path = self._temporary()
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(canonical(made.model_dump(mode="json")) + "\n")
                file.flush()
                _settle(file.fileno())
            os.link(path, self.receipt(identity))
        except FileExistsError:
            return self.stamped(identity)
        finally:
            path.unlink(missing_ok=True)
        atomic.sync_folder(self.receipts)
        return made

    def stamped(self, identity: str) -> Stamp:
        """Read a receipt.

        Raises:
            UserError: when it cannot be read or is none of this bundle.
        """
        path = self.receipt(identity)
        try:
            with path.open("rb") as file:
                found = Stamp.model_validate_json(file.read(RECEIPT_BYTES))
            if found.id != identity:
                raise ValueError
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from None
        except (ValidationError, ValueError):
            raise UserError(f"{path} is not the receipt of this bundle.") from None
        return found

    def sweep(self) -> None:
        """Delete what killed writers left: of a process that is gone, or an hour old."""
        for path in self.incoming.iterdir():
            host, process = path.name.rsplit("-", 2)[0], path.name.split("-")[-2:][0]
            gone = host == platform.node() and process.isdecimal()
            gone = gone and not psutil.pid_exists(int(process))
            if gone or _old(path):
                path.unlink(missing_ok=True)

    def _temporary(self) -> Path:
        """A new name that tells whose it is: containers may share a folder, not ids."""
        return self.incoming / f"{platform.node()}-{os.getpid()}-{secrets.token_hex(8)}"


def _settle(handle: int) -> None:
    """Make an open file read-only and put it on the disk."""
    os.fchmod(handle, 0o444)
    os.fsync(handle)


def _old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > STALE
    except OSError:  # its writer has finished
        return False

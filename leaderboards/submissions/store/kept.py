"""Keeps the index of a store in step with its files, and makes it again when it is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from filelock import FileLock, Timeout

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.read import open_bundle
from leapbench.leaderboards.submissions.store import index, queries
from leapbench.leaderboards.submissions.store.files import Files
from leapbench.leaderboards.submissions.store.records import IndexedSubmission

T = TypeVar("T")
REPAIRS = 5  # of an index in one operation: somebody may take it away again


class KeptIndex:
    """The index of a store, which follows the files.

    Args:
        folder: of the store.
        files: in it.
        held: the index, sound or not.
    """

    def __init__(self, folder: Path, files: Files, held: index.Index) -> None:
        self.folder, self.files, self.index = folder, files, held

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Read from one moment of the index.

        Raises:
            UserError: when it can be neither used nor made again.
        """

        def looked() -> T:
            with self.index.reading() as db:
                return work(db)

        return self.guarded(looked)

    def alone(self, work: Callable[[sa.Connection], T]) -> T:
        """Do something while no other process writes; what it does to the index is all or nothing.

        Raises:
            UserError: as for `read`.
        """

        def changed() -> T:
            with self.index.writing() as db:
                return work(db)

        return self.guarded(changed)

    def sync(self) -> None:
        """Bring the index up to the files; cheap when it is."""
        self.guarded(self._catch_up)

    def rebuild(self) -> int:
        """Make the index again from the files; how many submissions it has."""
        return self.guarded(self._rebuild)

    def guarded(self, work: Callable[[], T]) -> T:
        """Do something with the index; a missing or damaged one is made again first."""
        left = REPAIRS
        while True:
            try:
                return work()
            except index.Trouble as error:
                if not left or not isinstance(error, index.Broken):
                    message = f"The index of {self.folder} cannot be used: {error}."
                    raise UserError(message) from None
            left -= 1
            with suppress(index.Trouble):  # the next turn will tell
                self._repair()

    def _catch_up(self) -> None:
        with self.index.reading() as db:
            if not self.index.filled(db):
                raise index.Broken("it is of another version, or being filled")
            indexed = queries.ids(db)
        # In this order: what the index has, has had its files before.
        if self.files.receipted() == self.files.bundles() == indexed:
            return
        with self.index.writing() as db:
            indexed, held = queries.ids(db), self.files.bundles()
            for identity in sorted(indexed - held):
                queries.remove(db, identity)
            for identity in sorted(held - indexed):
                self._take(db, identity)

    def _repair(self) -> None:
        with self._lock():
            if not self.index.sound(deep=True):  # else another process was faster
                self.index.create()
                self._fill()

    def _rebuild(self) -> int:
        with self._lock():
            if not self.index.sound(deep=True):
                self.index.create()
            return self._fill()

    def _fill(self) -> int:
        """Fill the index from the files, in one transaction."""
        with self.index.writing() as db:
            queries.clear(db)
            for identity in sorted(self.files.bundles()):
                self._take(db, identity)
            self.index.finish(db)
            return len(queries.ids(db))

    def _take(self, db: sa.Connection, identity: str) -> None:
        """Index one bundle from its files; a damaged one is left to `check`."""
        path = self.files.bundle(identity)
        try:
            opened = open_bundle(path)
            if opened.id != identity:
                return
            if self.files.receipt(identity).exists():
                stamp = self.files.stamped(identity)
            else:  # its writer was killed before it could give a receipt
                stamp = self.files.stamp(identity, path.stat().st_mtime)
        except (UserError, OSError):
            return
        queries.insert(db, IndexedSubmission.of(opened, stamp.received))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Alone in making the index."""
        try:
            with FileLock(self.folder / "index.lock", timeout=index.BUSY):
                yield
        except Timeout:
            message = (
                f"Another process has been making the index of {self.folder} for {index.BUSY} s."
            )
            raise UserError(message, "Try again when it is done.") from None
        except OSError as error:
            raise UserError(f"{self.folder} cannot be written: {error.strerror}.") from None

"""A board's folder of submissions.

    submissions/, receipts/   see `files.py`
    verdicts/                 see `leapbench.leaderboards.verdict`
    index.sqlite              follows from the files; can be deleted at any time
    index.url                 address of the index instead, when it lies on a server

Many processes on one machine may use it at once. Network file systems are not
supported: their locks do not hold what SQLite needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from filelock import FileLock, Timeout
from pydantic import ValidationError

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.read import Bundle, open_bundle
from leapbench.leaderboards.submissions.bundle.refusal import Refused
from leapbench.leaderboards.submissions.store import index, queries
from leapbench.leaderboards.submissions.store.damage import problems
from leapbench.leaderboards.submissions.store.files import ID, Files, is_store
from leapbench.leaderboards.submissions.store.place import keep, placed
from leapbench.leaderboards.submissions.store.records import (
    Head,
    IndexedSubmission,
    Receipt,
    Submission,
)
from leapbench.leaderboards.verdict import Check, Ledger, Verdict

T = TypeVar("T")
REPAIRS = 5  # of an index in one operation: somebody may take it away again


class SubmissionStore:
    """Folder of submissions.

    Args:
        folder: where the files lie.
        create: make it when it is not there.
        address: database of the index from now on, see `place`; empty for where it is.

    Raises:
        UserError: when there is no store in the folder and none is to be made.
    """

    def __init__(self, folder: Path, create: bool = False, address: str = "") -> None:
        self.folder, self.files = folder, Files(folder)
        self.ledger = Ledger(folder / "verdicts")
        if not is_store(folder) and not create:
            raise UserError(
                f"There is no board in {folder}.", "Expected a folder with submissions in it."
            )
        try:
            self.files.make()
            self.files.sweep()
            self.index = placed(folder, address)
        except OSError as error:
            raise UserError(f"{folder} cannot be written: {error.strerror}.") from None
        self.sync()
        keep(folder, address)

    def add(self, bundle: Path, record: bool = False) -> Receipt:
        """File a submission; once this returns, it is on the disk.

        The same manifest by the same signer is the same submission and no further
        attempt, however the archive is compressed: else anybody could make attempts
        for somebody else out of a published bundle.

        Args:
            bundle: the file; it stays where it is.
            record: file a verdict about a bundle that is refused.

        Raises:
            Refused: when something is wrong with the bundle; nothing of it is kept.
            UserError: when the bundle cannot be read or the folder not be written.
        """
        try:
            opened = open_bundle(bundle)
        except Refused as error:
            if record:
                check = Check(name=error.check, passed=False, detail=error.message)
                self.ledger.add(Verdict.of([check], subject=error.subject))
            raise
        staged = None
        try:
            if not self.files.holds(opened.id):
                staged = self.files.stage(bundle, opened.id)
            return self._guarded(lambda: self._receive(opened, staged))
        except OSError as error:
            raise UserError(f"{self.folder} cannot be written: {error.strerror}.") from None
        finally:
            if staged:
                staged.unlink(missing_ok=True)

    def submissions(self, task: str | None = None, tier: str | None = None) -> list[Submission]:
        """Submissions, the oldest first.

        Args:
            task: only those to this task.
            tier: only those to this tier.
        """

        def read() -> list[Submission]:
            with self.index.reading() as db:
                return [row.submission(n) for row, n in queries.select(db, task, tier)]

        try:
            return self._guarded(read)
        except ValidationError:  # somebody edited the index
            self.rebuild()
            return self._guarded(read)

    def page(
        self, task: str | None, tier: str | None, skip: int, count: int
    ) -> list[tuple[Head, int, dict[str, float | None]]]:
        """Some submissions from the index alone; see `queries.page`."""

        def read() -> list[tuple[Head, int, dict[str, float | None]]]:
            with self.index.reading() as db:
                return queries.page(db, task, tier, skip, count)

        return self._guarded(read)

    def bundle(self, identity: str) -> Path:
        """Path of the bundle of a submission.

        Raises:
            UserError: when there is none.
        """
        path = self.files.bundle(identity)
        if not ID.fullmatch(identity) or not path.is_file():
            raise UserError(f"There is no submission {identity[:80]!r} in {self.folder}.")
        return path

    def rebuild(self) -> int:
        """Make the index again from the files; how many submissions it has."""
        return self._guarded(self._rebuild)

    def sync(self) -> None:
        """Bring the index up to the files; cheap when it is."""
        self._guarded(self._catch_up)

    def check(self) -> list[str]:
        """What is wrong with the files and the index, one line each; reads every file."""
        return self._guarded(lambda: problems(self.files, self.index))

    def _receive(self, opened: Bundle, staged: Path | None) -> Receipt:
        """Put bundle, receipt and row in their places, while no other writer does."""
        with self.index.writing() as db:
            known = queries.equal(db, IndexedSubmission.of(opened, ""))
            if known and known[0] != opened.id:
                return Receipt(*known, queries.attempt(db, known[0]), new=False)
            if staged and staged.exists():
                self.files.place(staged, opened.id)
            new = not self.files.receipt(opened.id).exists()
            stamp = self.files.stamp(opened.id) if new else self.files.stamped(opened.id)
            queries.insert(db, IndexedSubmission.of(opened, stamp.received))
            return Receipt(opened.id, stamp.received, queries.attempt(db, opened.id), new)

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

    def _guarded(self, work: Callable[[], T]) -> T:
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

    def _repair(self) -> None:
        with self._lock():
            if not self.index.sound(deep=True):  # else another process was faster
                self.index.create()
                self._fill()

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

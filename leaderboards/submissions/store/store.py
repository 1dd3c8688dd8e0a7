"""A board's folder of submissions.

    submissions/, receipts/   see `files.py`
    verdicts/                 see `leapbench.leaderboards.verdict`
    index.sqlite              follows from the files; can be deleted at any time
    index.url                 address of the index instead, when it lies on a server

Many processes on one machine may use it at once. Network file systems are not
supported: their locks do not hold what SQLite needs.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from pydantic import ValidationError

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.read import Bundle, open_bundle
from leapbench.leaderboards.submissions.bundle.refusal import Refused
from leapbench.leaderboards.submissions.store import queries
from leapbench.leaderboards.submissions.store.damage import problems
from leapbench.leaderboards.submissions.store.files import ID, Files, is_store
from leapbench.leaderboards.submissions.store.index import Index
from leapbench.leaderboards.submissions.store.kept import KeptIndex
from leapbench.leaderboards.submissions.store.place import keep, placed
from leapbench.leaderboards.submissions.store.records import (
    Head,
    IndexedSubmission,
    Receipt,
    Submission,
)
from leapbench.leaderboards.verdict import Check, Ledger, Verdict


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
            self.kept = KeptIndex(folder, self.files, placed(folder, address))
        except OSError as error:
            raise UserError(f"{folder} cannot be written: {error.strerror}.") from None
        self.sync()
        keep(folder, address)

    @property
    def index(self) -> Index:
        """The index, which `kept` keeps in step with the files."""
        return self.kept.index

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
            return self.kept.alone(lambda db: self._receive(db, opened, staged))
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

        def read(db: sa.Connection) -> list[Submission]:
            return [row.submission(n) for row, n in queries.select(db, task, tier)]

        try:
            return self.kept.read(read)
        except ValidationError:  # somebody edited the index
            self.rebuild()
            return self.kept.read(read)

    def page(
        self, task: str | None, tier: str | None, skip: int, count: int
    ) -> list[tuple[Head, int, dict[str, float | None]]]:
        """Some submissions from the index alone; see `queries.page`."""
        return self.kept.read(lambda db: queries.page(db, task, tier, skip, count))

    def arrivals(self) -> list[tuple[str, str]]:
        """Id and time of arrival of all submissions, the oldest first; no result is read."""
        return self.kept.read(queries.arrivals)

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
        return self.kept.rebuild()

    def sync(self) -> None:
        """Bring the index up to the files; cheap when it is."""
        self.kept.sync()

    def check(self) -> list[str]:
        """What is wrong with the files and the index, one line each; reads every file."""
        return self.kept.guarded(lambda: problems(self.files, self.index))

    def _receive(self, db: sa.Connection, opened: Bundle, staged: Path | None) -> Receipt:
        """Put bundle, receipt and row in their places, while no other writer does."""
        known = queries.equal(db, IndexedSubmission.of(opened, ""))
        if known and known[0] != opened.id:
            return Receipt(*known, queries.attempt(db, known[0]), new=False)
        if staged and staged.exists():
            self.files.place(staged, opened.id)
        new = not self.files.receipt(opened.id).exists()
        stamp = self.files.stamp(opened.id) if new else self.files.stamped(opened.id)
        queries.insert(db, IndexedSubmission.of(opened, stamp.received))
        return Receipt(opened.id, stamp.received, queries.attempt(db, opened.id), new)

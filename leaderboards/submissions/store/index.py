"""Index of a store in a database: nothing in it that does not follow from the files.

`SqliteIndex` is a file in the board's folder, `PostgresIndex` a database of its own on a server.
They differ in how a transaction begins, how tables are made and what damage looks like; tables and
queries are the same. A connection lives for one transaction. Readers see one moment and wait for
nobody; writers queue up.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from leapbench.leaderboards.submissions.store.tables import VERSION, mark, metadata

BUSY = 120  # seconds that a transaction waits for others, such as a rebuild


class Trouble(Exception):
    """The index cannot be used now: it is busy, or its server does not answer."""


class Broken(Trouble):
    """The index may be missing, damaged or of another version: it has to be made again."""


class Index(ABC):
    """The index of one store.

    Attributes:
        engine: opens connections.
        board: what marks the index as that of this board; empty where the place says so.
    """

    engine: sa.Engine
    board: str = ""

    @abstractmethod
    def create(self) -> None:
        """New, empty tables in place of those that are there; not sound before `finish`."""

    @abstractmethod
    def intact(self, db: sa.Connection) -> bool:
        """Whether every page is as the database wrote it."""

    @abstractmethod
    def _snapshot(self, db: sa.Connection) -> None:
        """Begin a transaction that sees one moment."""

    @abstractmethod
    def _exclude(self, db: sa.Connection) -> None:
        """Begin a transaction while no other writer is in one."""

    @abstractmethod
    def _broken(self, error: BaseException | None) -> bool:
        """Whether an error of the driver is one that making the index again may mend."""

    def sound(self, deep: bool = False) -> bool:
        """Whether it can be used: this version, filled, and not damaged.

        Args:
            deep: look at every page.
        """
        try:
            with self.reading() as db:
                if deep and not self.intact(db):
                    return False
                for table in metadata.tables.values():
                    db.execute(sa.select(table).limit(1)).first()
                return self.filled(db)
        except Broken:
            return False

    def filled(self, db: sa.Connection) -> bool:
        """Whether `finish` was called, by this version."""
        return db.execute(sa.select(mark)).all() == [(VERSION, self.board)]

    def finish(self, db: sa.Connection) -> None:
        """Mark the index as filled."""
        db.execute(sa.delete(mark))
        db.execute(sa.insert(mark).values(version=VERSION, board=self.board))

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one moment.

        Raises:
            Trouble: when the database cannot be used; `Broken` when it has to be made again.
        """
        with self._told(), self.engine.connect() as db:
            self._snapshot(db)
            yield db

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that excludes other writers; all of it happens or nothing.

        Raises:
            Trouble: as of `reading`.
        """
        with self._told(), self.engine.connect() as db:
            self._exclude(db)
            yield db
            db.commit()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the driver as one of the two kinds that matter here."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            kind = Broken if self._broken(error.orig) else Trouble
            raise kind(str(error.orig).partition("\n")[0]) from error

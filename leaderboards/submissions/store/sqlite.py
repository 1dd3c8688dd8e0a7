"""The index as a file beside the others: SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from leapbench.leaderboards.submissions.store import index
from leapbench.leaderboards.submissions.store.tables import metadata

BROKEN = (
    sqlite3.SQLITE_ERROR,  # no such table
    sqlite3.SQLITE_READONLY,  # moved away while it was open
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
)


class SqliteIndex(index.Index):
    """The index in a file, which readers see whole where its system allows a write-ahead log.

    Args:
        path: the database file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = sa.create_engine(
            "sqlite://", creator=self._connect, poolclass=sa.pool.NullPool
        )

    def create(self) -> None:
        """A new, empty file in place of the one that is there."""
        for suffix in ("-wal", "-shm", "-journal", ""):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self.path.touch()
        with self._told():
            with closing(self._connect()) as db:
                try:
                    db.execute("PRAGMA journal_mode = WAL")
                except sqlite3.OperationalError:  # no shared memory here: readers may have to wait
                    db.execute("PRAGMA journal_mode = DELETE")
            metadata.create_all(self.engine)

    def intact(self, db: sa.Connection) -> bool:
        """Whether every page is as SQLite wrote it."""
        return db.exec_driver_sql("PRAGMA quick_check(1)").all() == [("ok",)]

    def _snapshot(self, db: sa.Connection) -> None:
        db.exec_driver_sql("BEGIN")

    def _exclude(self, db: sa.Connection) -> None:
        db.exec_driver_sql("PRAGMA synchronous = NORMAL")  # what a power cut takes is in the files
        db.exec_driver_sql("BEGIN IMMEDIATE")

    def _broken(self, error: BaseException | None) -> bool:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return code in BROKEN

    def _connect(self) -> sqlite3.Connection:
        address = f"{self.path.absolute().as_uri()}?mode=rw"  # never makes an empty one
        return sqlite3.connect(address, timeout=index.BUSY, isolation_level=None, uri=True)

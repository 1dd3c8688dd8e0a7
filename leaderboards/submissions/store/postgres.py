"""The index as a database of its own on a server: PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.store import index
from leapbench.leaderboards.submissions.store.tables import mark, metadata

WRITERS = 0x6C656170  # "leap": the lock that a writer holds
REACHED = 10  # seconds in which the server has to answer
BROKEN = (
    "42P01",  # no such table
    "42703",  # no such column
    "40P01",  # a deadlock with somebody who drops the tables
    "XX000",  # a table that went away between looking it up and opening it
    "XX001",  # data corrupted
    "XX002",  # index corrupted
)
FORM = "Type postgresql+psycopg://USER@HOST:PORT/DATABASE."


def parsed(address: str) -> sa.URL:
    """The address of a database.

    Raises:
        UserError: when it is none, or has a password in it.
    """
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        raise UserError(f"{address!r} is no address of a database.", FORM) from None
    if url.drivername != "postgresql+psycopg" or not url.database or url.query:
        raise UserError(f"{url!r} is no address of an index.", FORM)
    if url.password is not None:
        raise UserError(
            "A password in an address is kept with the board and seen by all of this machine.",
            "Leave it to the variable PGPASSWORD or the file ~/.pgpass.",
        )
    return url


class PostgresIndex(index.Index):
    """The index in a database that holds nothing else.

    Args:
        address: see `parsed`.
        folder: the board's submissions; their inode tells boards apart, wherever they are mounted.

    Raises:
        UserError: for a bad address, or when psycopg is not installed.
    """

    def __init__(self, address: str, folder: Path) -> None:
        waiting = {"connect_timeout": REACHED}
        try:
            self.engine = sa.create_engine(
                parsed(address), poolclass=sa.pool.NullPool, connect_args=waiting
            )
        except ModuleNotFoundError:
            raise UserError(
                "An index in PostgreSQL needs psycopg.", 'pip install "leapbench[host]"'
            ) from None
        self.board = str(folder.stat().st_ino)

    def create(self) -> None:
        """New, empty tables in place of those of this board.

        Raises:
            UserError: when the database holds something else.
        """
        with self.writing() as db:
            self._owned(db)
            metadata.drop_all(db)
            metadata.create_all(db)

    def intact(self, db: sa.Connection) -> bool:
        """The server looks after its pages."""
        return True

    def _owned(self, db: sa.Connection) -> None:
        """Refuse a database that is not empty and not the index of this board."""
        tables = sa.inspect(db).get_table_names()
        if not tables:
            return
        others = mark.name not in tables
        boards = set() if others else set(db.scalars(sa.select(mark.c.board)))
        if others or boards - {self.board}:
            holds = "other tables" if others else "the index of another board"
            raise UserError(
                f"The database {self.engine.url.database} holds {holds}.",
                "Give the board one of its own, such as: createdb leapbench",
            )

    def _snapshot(self, db: sa.Connection) -> None:
        db.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def _exclude(self, db: sa.Connection) -> None:
        db.exec_driver_sql(f"SET LOCAL lock_timeout = '{index.BUSY}s'")
        db.exec_driver_sql("SET LOCAL synchronous_commit = off")  # as for SQLite
        db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")

    def _broken(self, error: BaseException | None) -> bool:
        return getattr(error, "sqlstate", None) in BROKEN

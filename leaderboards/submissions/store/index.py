"""SQLite index of a store: nothing in it that does not follow from the files.

A connection lives for one transaction. Readers see a snapshot and wait for
nobody where the file system allows a write-ahead log; writers queue up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from leapbench.leaderboards.submissions.store.records import Head, IndexedSubmission

VERSION = 3
BUSY = 120  # seconds that a transaction waits for others, such as a rebuild
HEAD = ", ".join(Head._fields)
SCHEMA = f"""
CREATE TABLE submissions ({HEAD.replace(",", " TEXT NOT NULL,")} TEXT NOT NULL, PRIMARY KEY (id));
CREATE INDEX attempts ON submissions (task, identity, received, id);
CREATE INDEX contents ON submissions (manifest, signed_by);
CREATE TABLE results (
    submission TEXT NOT NULL REFERENCES submissions (id),
    seed INTEGER NOT NULL,
    result TEXT NOT NULL,
    score REAL,
    PRIMARY KEY (submission, seed)
);
"""


class Index:
    """The index of one store.

    Args:
        path: the database file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """A new, empty index; it is not sound before `finish`."""
        for suffix in ("-wal", "-shm", "-journal", ""):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            try:
                db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:  # no shared memory here: readers may have to wait
                db.execute("PRAGMA journal_mode = DELETE")
            db.executescript(SCHEMA)

    def sound(self, deep: bool = False) -> bool:
        """Whether it can be used: this version, filled, and not damaged.

        Args:
            deep: look at every page.
        """
        try:
            with self.reading() as db:
                if deep and db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                    return False
                db.execute(f"SELECT {HEAD} FROM submissions LIMIT 1").fetchone()  # noqa: S608
                db.execute("SELECT submission, seed, result, score FROM results LIMIT 1").fetchone()
                version: int = db.execute("PRAGMA user_version").fetchone()[0]
            return version == VERSION
        except sqlite3.DatabaseError as error:
            if broken(error):
                return False
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one moment."""
        with closing(self._connect()) as db:
            db.execute("BEGIN")
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that excludes other writers; all of it happens or nothing."""
        with closing(self._connect()) as db:
            db.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is in the files
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        address = f"{self.path.absolute().as_uri()}?mode=rw"  # never makes an empty one
        return sqlite3.connect(address, timeout=BUSY, isolation_level=None, uri=True)


def broken(error: sqlite3.Error) -> bool:
    """Whether the index may be missing or damaged, rather than busy or misused."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return code in (
        sqlite3.SQLITE_ERROR,  # no such table
        sqlite3.SQLITE_READONLY,  # moved away while it was open
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def insert(db: sqlite3.Connection, row: IndexedSubmission) -> None:
    """Add a submission, unless it is there."""
    marks = ", ".join("?" * len(row.head))
    added = db.execute(
        f"INSERT OR IGNORE INTO submissions ({HEAD}) VALUES ({marks})",  # noqa: S608
        row.head,
    )
    if added.rowcount:
        rows = [(row.head.id, *each) for each in row.results]
        db.executemany(
            "INSERT OR REPLACE INTO results VALUES (?, ?, ?, json_extract(?3, '$.score'))", rows
        )


def remove(db: sqlite3.Connection, identity: str) -> None:
    """Take a submission out."""
    db.execute("DELETE FROM results WHERE submission = ?", (identity,))
    db.execute("DELETE FROM submissions WHERE id = ?", (identity,))


def clear(db: sqlite3.Connection) -> None:
    """Take everything out."""
    db.execute("DELETE FROM results")
    db.execute("DELETE FROM submissions")


def finish(db: sqlite3.Connection) -> None:
    """Mark the index as filled."""
    db.execute(f"PRAGMA user_version = {VERSION}")


def ids(db: sqlite3.Connection) -> set[str]:
    """Ids of all submissions."""
    return {identity for (identity,) in db.execute("SELECT id FROM submissions")}


def equal(db: sqlite3.Connection, row: IndexedSubmission) -> tuple[str, str] | None:
    """Id and arrival of the oldest submission with this manifest and signer."""
    found: tuple[str, str] | None = db.execute(
        """SELECT id, received FROM submissions WHERE manifest = ? AND signed_by = ?
           ORDER BY received, id LIMIT 1""",
        (row.head.manifest, row.head.signed_by),
    ).fetchone()
    return found


def attempt(db: sqlite3.Connection, identity: str) -> int:
    """Which of its entrant's attempts a submission is, from 1 on."""
    found: tuple[int] = db.execute(
        """SELECT count(*) FROM submissions AS one JOIN submissions AS other
           USING (task, identity)
           WHERE one.id = ? AND (other.received, other.id) <= (one.received, one.id)""",
        (identity,),
    ).fetchone()
    return found[0]


def select(
    db: sqlite3.Connection, task: str | None = None, tier: str | None = None
) -> Iterator[tuple[IndexedSubmission, int]]:
    """Submissions to a task and tier, the oldest first, and how many attempts each has."""
    heads = db.execute(
        f"""SELECT * FROM (
            SELECT {HEAD}, count(*) OVER (PARTITION BY task, identity)
            FROM submissions)
        WHERE (? IS NULL OR task = ?) AND (? IS NULL OR tier = ?) ORDER BY received, id""",  # noqa: S608
        (task, task, tier, tier),
    )
    for *head, attempts in heads.fetchall():
        yield IndexedSubmission(Head(*head), _results(db, head[0])), attempts


def page(
    db: sqlite3.Connection, task: str | None, tier: str | None, skip: int, count: int
) -> list[tuple[Head, int, dict[str, float | None]]]:
    """Some submissions, the oldest first: attempts and scores by seed; no result is read."""
    heads = db.execute(
        f"""SELECT * FROM (
            SELECT {HEAD}, count(*) OVER (PARTITION BY task, identity) FROM submissions)
        WHERE (? IS NULL OR task = ?) AND (? IS NULL OR tier = ?)
        ORDER BY received, id LIMIT ? OFFSET ?""",  # noqa: S608
        (task, task, tier, tier, count, skip),
    ).fetchall()
    scores = "SELECT seed, score FROM results WHERE submission = ? ORDER BY seed"
    found = []
    for *columns, attempts in heads:
        head = Head(*columns)
        own = {str(seed): score for seed, score in db.execute(scores, (head.id,))}
        found.append((head, attempts, own))
    return found


def row(db: sqlite3.Connection, identity: str) -> IndexedSubmission | None:
    """One submission; None when it is not there."""
    found = db.execute(f"SELECT {HEAD} FROM submissions WHERE id = ?", (identity,))  # noqa: S608
    head = found.fetchone()
    return IndexedSubmission(Head(*head), _results(db, identity)) if head else None


def _results(db: sqlite3.Connection, identity: str) -> tuple[tuple[int, str], ...]:
    found = db.execute(
        "SELECT seed, result FROM results WHERE submission = ? ORDER BY seed", (identity,)
    )
    return tuple(found.fetchall())

"""An index on a server: found by all who use the board, made again when lost, never another's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import forked
import pytest
import sqlalchemy as sa
from bundles import noted

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.leaderboards.submissions.store.postgres import PostgresIndex, parsed
from leapbench.leaderboards.submissions.store.sqlite import SqliteIndex
from leapbench.leaderboards.submissions.store.tables import metadata, results, submissions


@pytest.fixture
def address(postgres_address: str) -> str:
    return postgres_address


def ran(address: str, *statements: str) -> None:
    engine = sa.create_engine(address, poolclass=sa.pool.NullPool)
    with engine.begin() as db:
        for text in statements:
            db.exec_driver_sql(text)


def test_everybody_finds_the_index_and_can_leave_it(
    store: SubmissionStore, put: Callable, address: str
) -> None:
    put(noted("1"))
    assert (store.folder / "index.url").read_text() == f"{address}\n"
    assert not (store.folder / "index.sqlite").exists()
    again = SubmissionStore(store.folder)
    assert isinstance(again.index, PostgresIndex)
    assert again.submissions() == store.submissions()
    (store.folder / "index.url").unlink()
    alone = SubmissionStore(store.folder)
    assert isinstance(alone.index, SqliteIndex)
    assert alone.submissions() == store.submissions()


DAMAGE = [
    "DROP TABLE results",
    "DROP TABLE results, submissions, claims, leapbench",
    "ALTER TABLE results RENAME COLUMN seed TO sprout",
    "UPDATE leapbench SET version = 1",
    "DELETE FROM leapbench",
    "DELETE FROM results; DELETE FROM submissions",
    "UPDATE results SET result = '{}'",
    "INSERT INTO submissions SELECT 'f', task, tier, agent, identity, entrant, '', '', ''"
    " FROM submissions LIMIT 1",
]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("reopened", [True, False])
def test_a_lost_or_damaged_index_is_made_again(
    store: SubmissionStore, put: Callable, address: str, damage: str, reopened: bool
) -> None:
    for n in range(3):
        put(noted(str(n)))
    before = store.submissions()
    ran(address, *damage.split(";"))
    if reopened:
        store = SubmissionStore(store.folder)
    else:
        store.sync()
    assert store.submissions() == before
    assert put(noted("more")).attempt == 4
    assert store.check() == []


def test_either_database_holds_the_same(
    store: SubmissionStore, put: Callable, tmp_path: Path
) -> None:
    for n in range(4):
        put(noted(str(n)))
    beside = SqliteIndex(tmp_path / "beside.sqlite")
    held, store.kept.index = store.index, beside
    assert store.rebuild() == 4
    for table in (submissions, results):
        with held.reading() as one, beside.reading() as other:
            rows = [sorted(db.execute(sa.select(table)).all()) for db in (one, other)]
        assert rows[0] == rows[1]
        assert rows[0]


def test_the_tables_of_others_are_left_alone(
    store: SubmissionStore, put: Callable, address: str, tmp_path: Path, postgres_server: str
) -> None:
    put(noted("1"))
    with pytest.raises(UserError, match=r"holds the index of another board.*createdb"):
        SubmissionStore(tmp_path / "other", create=True, address=address)
    assert not (tmp_path / "other" / "index.url").exists()
    assert len(store.submissions()) == 1
    from leapbench.testing import postgres

    full = postgres.database(postgres_server)
    ran(full, "CREATE TABLE submissions (grade INT)", "INSERT INTO submissions VALUES (1)")
    with pytest.raises(UserError, match="holds other tables"):
        SubmissionStore(tmp_path / "third", create=True, address=full)
    ran(full, "UPDATE submissions SET grade = 2")


def dropped(address: str) -> None:
    """Drop the tables as an administrator would, who knows of no locks."""
    engine, left = sa.create_engine(address, poolclass=sa.pool.NullPool), 20
    while left:
        try:
            return metadata.drop_all(engine)
        except sa.exc.DBAPIError:  # a deadlock, or another has dropped one
            left -= 1
    raise AssertionError("the tables could not be dropped")


def test_tables_that_are_dropped_while_many_write(tmp_path: Path, address: str) -> None:
    board = tmp_path / "board"
    SubmissionStore(board, create=True, address=address)

    def adding(n: int) -> Callable[[Callable], None]:
        def work(tell: Callable) -> None:
            store, path = SubmissionStore(board), tmp_path / f"bundle-{n}.zip"
            for k in range(20):
                path.write_bytes(noted(f"{n} {k}"))
                tell(store.add(path).id)

        return work

    children = [forked.start(adding(n), tmp_path / f"log-{n}") for n in range(4)]
    for _ in range(2):
        time.sleep(0.2)
        dropped(address)
    assert [forked.ended(child) for child in children] == [0] * 4
    store = SubmissionStore(board)
    assert len(store.submissions()) == 80
    assert store.check() == []


def test_a_writer_that_never_ends_is_told_and_readers_do_not_wait(
    store: SubmissionStore, put: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leapbench.leaderboards.submissions.store.index.BUSY", 1)
    with store.index.writing():
        assert store.submissions() == []
        with pytest.raises(UserError, match="lock timeout"):
            put(noted("1"))
    assert put(noted("1")).new


def test_a_server_that_does_not_answer_is_told(store: SubmissionStore, tmp_path: Path) -> None:
    nowhere = "postgresql+psycopg://ada@127.0.0.1:9/board"
    with pytest.raises(UserError, match="cannot be used: connection"):
        SubmissionStore(tmp_path / "other", create=True, address=nowhere)
    assert not (tmp_path / "other" / "index.url").exists()


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("board.sqlite", "is no address of a database"),
        ("sqlite:///home/ada/board.sqlite", "is no address of an index"),
        ("postgresql://ada@host/board", "is no address of an index"),
        ("postgresql+psycopg://ada@host", "is no address of an index"),
        ("postgresql+psycopg://ada@host/board?passfile=/etc/passwd", "is no address of an index"),
        ("postgresql+psycopg://ada:secret@host/board", "PGPASSWORD"),
        ("postgresql+psycopg://ada@host:port/board", "is no address of a database"),
    ],
)
def test_bad_addresses_are_told_without_their_passwords(address: str, found: str) -> None:
    with pytest.raises(UserError, match=found) as caught:
        parsed(address)
    assert "secret" not in str(caught.value)


def test_threads_share_a_store(store: SubmissionStore, tmp_path: Path) -> None:
    """As the clients of a host do."""
    paths = [tmp_path / f"{n}.zip" for n in range(24)]
    for path in paths:
        path.write_bytes(noted(path.stem))
    given: list[int] = []
    work = [threading.Thread(target=lambda p=p: given.append(store.add(p).attempt)) for p in paths]
    for each in work:
        each.start()
    for each in work:
        each.join()
    assert sorted(given) == list(range(1, 25))

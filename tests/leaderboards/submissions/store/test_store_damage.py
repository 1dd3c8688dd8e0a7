"""An index that is lost or damaged is made again; damaged files are named."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from bundles import files_of, noted

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.keys import SigningKey
from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.leaderboards.submissions.store.files import STALE

ADA = SigningKey.from_private_bytes(b"a" * 32)


@pytest.fixture
def address() -> str:
    """Only the index in a file; for the other see `test_store_postgres`."""
    return ""


def delete(path: Path) -> None:
    path.unlink()


def scribble(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(byte ^ 0x5A for byte in data[4096:])
    path.write_bytes(data)


def statement(text: str) -> Callable[[Path], None]:
    def execute(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            db.executescript(text)

    execute.__name__ = text.partition(" ")[0]
    return execute


DAMAGE = [
    delete,
    scribble,
    empty,
    cut,
    middle,
    statement("UPDATE leapbench SET version = 7"),
    statement("DELETE FROM leapbench"),
    statement("DROP TABLE results"),
    statement("ALTER TABLE results RENAME COLUMN seed TO sprout"),
    statement("UPDATE results SET result = '{}'"),
    statement("DELETE FROM results; DELETE FROM submissions"),
    statement("DELETE FROM results WHERE rowid = 1; DELETE FROM submissions WHERE rowid = 1"),
    statement("INSERT INTO submissions SELECT 'f', task, tier, agent, identity, entrant, '', '', ''"
              " FROM submissions LIMIT 1"),
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("reopened", [True, False])
def test_a_lost_or_damaged_index_is_made_again(
    store: SubmissionStore, put: Callable, damage: Callable[[Path], None], reopened: bool
) -> None:
    for n in range(3):
        put(noted(str(n), key=ADA if n else None))
    before = store.submissions()
    damage(store.index.path)
    if reopened:
        store = SubmissionStore(store.folder)
    else:
        store.sync()
    assert store.submissions() == before
    receipt = put(noted("more", key=ADA))
    assert receipt.attempt == 3
    assert len(store.submissions()) == 4
    assert store.check() == []


def test_a_rebuilt_index_is_equal(store: SubmissionStore, put: Callable) -> None:
    for n in range(5):
        put(noted(str(n), key=ADA if n % 2 else None))
    before, rows = store.submissions(), dump(store)
    assert store.rebuild() == 5
    assert store.submissions() == before
    delete(store.index.path)
    assert store.rebuild() == 5
    assert dump(store) == rows


def dump(store: SubmissionStore) -> list[object]:
    with closing(sqlite3.connect(store.index.path)) as db:
        return [
            sorted(db.execute(f"SELECT * FROM {table}"))  # noqa: S608
            for table in ("submissions", "results")
        ]


def test_check_names_what_is_wrong(store: SubmissionStore, put: Callable) -> None:
    ids = [put(noted(str(n))).id for n in range(5)]
    assert store.check() == []
    store.bundle(ids[0]).unlink()
    changed = store.bundle(ids[1])
    changed.chmod(0o644)
    changed.write_bytes(noted("other"))
    store.files.receipt(ids[2]).unlink()
    torn = store.files.receipt(ids[3])
    torn.chmod(0o644)
    torn.write_text("{")
    with closing(sqlite3.connect(store.index.path)) as db, db:
        db.execute("UPDATE submissions SET agent = 'better' WHERE id = ?", (ids[4],))
    (store.folder / "submissions" / "notes.txt").write_text("hello")
    found = "\n".join(store.check())
    assert f"{ids[0]}: a receipt without its bundle" in found
    assert f"{ids[0]}: in the index and not in the files" in found
    assert f"{ids[1]}: the content is not what the name says" in found
    assert f"{ids[2]}: a bundle without its receipt" in found
    assert f"{ids[3]}: {torn} is not the receipt" in found
    assert f"{ids[4]}: the index disagrees" in found
    assert "notes.txt: not a file of a board" in found
    assert len(found.splitlines()) == 7


def test_adding_again_repairs_a_damaged_bundle(store: SubmissionStore, put: Callable) -> None:
    receipt = put(noted("1"))
    path = store.bundle(receipt.id)
    path.chmod(0o644)
    path.write_bytes(b"rot")
    assert store.check() != []
    again = put(noted("1"))
    assert (again.received, again.new) == (receipt.received, False)
    assert store.check() == []


def test_leftovers_of_killed_writers_are_swept(store: SubmissionStore) -> None:
    mine = store.files._temporary()
    elsewhere = mine.with_name("another-host-1-abc")
    old = mine.with_name("another-host-2-abc")
    gone = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-"))
    for path in (mine, elsewhere, old, gone):
        path.write_text("half a bundle")
    past = time.time() - STALE - 60
    os.utime(old, (past, past))
    SubmissionStore(store.folder)
    assert set(store.files.incoming.iterdir()) == {mine, elsewhere}


def test_an_index_that_stays_busy_is_told(
    store: SubmissionStore, put: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leapbench.leaderboards.submissions.store.index.BUSY", 0.05)
    with store.index.writing():
        assert store.submissions() == []  # readers do not wait
        with pytest.raises(UserError, match="locked"):
            put(noted("1"))
    assert list(store.files.incoming.iterdir()) == []
    assert put(noted("1")).new


def test_a_disk_that_is_full_is_told(
    store: SubmissionStore, put: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(UserError, match="cannot be written: No space left"):
            put(noted("1"))
    assert files_of(store.folder) == set()
    assert put(noted("1")).new
    assert store.check() == []


def test_an_index_that_cannot_be_made_is_told(
    store: SubmissionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    store.index.path.unlink()
    monkeypatch.setattr(store.index, "create", forbidden)
    for work in (store.submissions, store.sync, store.rebuild, store.check):
        with pytest.raises(UserError, match="cannot be written: Permission denied"):
            work()


def test_without_a_write_ahead_log_it_works_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(sqlite3.Connection):
        def execute(self, text: str, *rest: object) -> sqlite3.Cursor:
            if text == "PRAGMA journal_mode = WAL":
                raise sqlite3.OperationalError("locking protocol")
            return super().execute(text, *rest)

    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *words, **options: connect(*words, factory=Refusing, **options)
    )
    store = SubmissionStore(tmp_path / "board", create=True)
    path = tmp_path / "bundle.zip"
    path.write_bytes(noted("1"))
    assert store.add(path).new
    assert len(store.submissions()) == 1
    with store.index.reading() as db:
        assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    assert store.check() == []

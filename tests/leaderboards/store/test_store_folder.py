"""A store keeps what came, says it back, and finds its way from the files alone."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from bundles import made_bundle, made_files, made_manifest, made_result
from forge import archive, changed, members
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.errors import UserError
from leapbench.leaderboards.bundle.keys import SigningKey, fingerprint
from leapbench.leaderboards.bundle.manifest import Entrant
from leapbench.leaderboards.bundle.pack import pack
from leapbench.leaderboards.bundle.refusal import Refused
from leapbench.leaderboards.store import Store, is_store
from leapbench.leaderboards.store.files import STALE
from leapbench.leaderboards.verdict import Check, Finding, Verdict

ADA, BOB = (SigningKey.from_private_bytes(letter * 32) for letter in (b"a", b"b"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "board", create=True)


@pytest.fixture
def put(tmp_path: Path, store: Store) -> Callable[..., object]:
    def add(data: bytes, **options: bool) -> object:
        path = tmp_path / "bundle.zip"
        path.write_bytes(data)
        return store.add(path, **options)

    return add


def noted(notes: str, name: str = "Ada", key: SigningKey | None = None, **fields: object) -> bytes:
    return made_bundle(entrant=Entrant(name=name, notes=notes), key=key, **fields)


def files_of(store: Store) -> set[str]:
    found = (path for path in store.folder.rglob("*") if path.is_file())
    return {p.relative_to(store.folder).as_posix() for p in found if "index" not in p.name}


def test_what_came_is_kept_and_said_back(store: Store, put: Callable) -> None:
    data = made_bundle(made_result(4), made_result(2, score=0.25), key=ADA)
    receipt = put(data)
    assert receipt.new
    assert receipt.attempt == 1
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", receipt.received)
    path = store.bundle(receipt.id)
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o444
    [found] = store.submissions()
    assert (found.id, found.received, found.attempts) == (receipt.id, receipt.received, 1)
    assert (found.task, found.tier, found.agent) == ("toy/one", "smoke", "toy-policy")
    assert found.entrant == Entrant(name="Ada")
    assert found.signed_by == fingerprint(ADA.public_key())
    assert [(one.seed, one.score) for one in found.results] == [(2, 0.25), (4, 0.5)]
    assert all(one.run_id == one.digest() for one in found.results)
    identity = receipt.id
    assert files_of(store) == {
        f"submissions/{identity[:2]}/{identity}.zip",
        f"receipts/{identity}.json",
    }
    assert store.check() == []


def test_the_same_bytes_are_the_same_submission(store: Store, put: Callable) -> None:
    first, again, other = put(noted("1")), put(noted("1")), put(noted("2"))
    assert (again.id, again.received, again.attempt) == (first.id, first.received, 1)
    assert (first.new, again.new, other.new) == (True, False, True)
    assert other.attempt == 2
    assert [one.attempts for one in store.submissions()] == [2, 2]
    assert put(noted("1")).attempt == 1


def test_another_archive_of_one_manifest_is_no_further_attempt(store: Store, put: Callable) -> None:
    data = noted("1", key=ADA)
    first = put(data)
    assert put(noted("2", key=ADA)).attempt == 2
    for other in (archive(members(data)), changed(data, "code/policy.py", mode=0o100600 << 16)):
        again = put(other)
        assert (again.id, again.received) == (first.id, first.received)
        assert (again.attempt, again.new) == (1, False)
    assert [one.attempts for one in store.submissions()] == [2, 2]
    resigned = put(noted("1", key=BOB))
    assert (resigned.attempt, resigned.new) == (1, True)
    assert len(store.submissions()) == 3
    assert list(store.files.incoming.iterdir()) == []
    assert store.check() == []


def test_attempts_are_counted_by_who_what_and_where(store: Store, put: Callable) -> None:
    elsewhere = made_result(0, task="toy/two")
    for expected in ([1, 1, 1, 2, 1, 1, 1], [2, 2, 3, 4, 2, 2, 2]):
        attempts = [
            put(noted(str(len(store.submissions())), **fields)).attempt
            for fields in (
                {"name": "Ada"},
                {"name": "Bob"},
                {"name": "Ada", "key": ADA},
                {"name": "Bob", "key": ADA},
                {"name": "Ada", "key": BOB},
                {"name": fingerprint(ADA.public_key())},
            )
        ]
        files = made_files(elsewhere)
        entrant = Entrant(name="Ada", notes=str(len(store.submissions())))
        manifest = made_manifest(files, task="toy/two", entrant=entrant)
        attempts.append(put(pack(manifest, files)).attempt)
        assert attempts == expected
    counts = [one.attempts for one in store.submissions(task="toy/one")]
    assert counts == [2, 2, 4, 4, 2, 2] * 2
    assert [one.attempts for one in store.submissions(task="toy/two")] == [2, 2]
    assert store.submissions("toy/one", "lite") == []
    assert len(store.submissions(tier="smoke")) == 14


def test_a_refused_bundle_leaves_nothing(store: Store, put: Callable) -> None:
    with pytest.raises(Refused) as caught:
        put(made_bundle()[:-5])
    assert caught.value.check == "archive"
    assert files_of(store) == set()
    assert store.submissions() == []


def test_a_refusal_can_be_put_on_record(store: Store, put: Callable) -> None:
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            put(made_bundle() + b"x", record=True)
    verdicts = store.ledger.verdicts()
    assert {verdict.subject for verdict in verdicts} == {caught.value.subject}
    assert {(c.name, c.passed) for v in verdicts for c in v.checks} == {("archive", False)}
    assert {verdict.level for verdict in verdicts} == {"refused"}
    assert all(name.startswith("verdicts/") for name in files_of(store))
    assert store.submissions() == []


def test_a_bundle_that_changes_while_it_is_filed_is_refused(
    store: Store, put: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds = store.files.holds

    def swap(identity: str) -> bool:
        (tmp_path / "bundle.zip").write_bytes(noted("other"))
        return holds(identity)

    monkeypatch.setattr(store.files, "holds", swap)
    with pytest.raises(Refused, match="changed while it was read"):
        put(noted("1"))
    assert files_of(store) == set()


def test_verdicts_are_beside_the_submissions(store: Store, put: Callable) -> None:
    receipt = put(made_bundle())
    run_id = store.submissions()[0].results[0].run_id
    rows = (Finding(run_id=run_id, cell="c", level="checked"),)
    checks = [Check(name="hashes", passed=True)]
    store.ledger.add(Verdict.of(checks, subject=receipt.id, rows=rows))
    assert Store(store.folder).ledger.badges == {run_id: "checked"}
    assert store.rebuild() == 1
    assert store.check() == []


@pytest.mark.parametrize("identity", ["", "a", "../../etc/passwd", "0" * 64, "0" * 63 + "\n"])
def test_an_unknown_submission_is_told(store: Store, identity: str) -> None:
    with pytest.raises(UserError, match="There is no submission"):
        store.bundle(identity)


def test_a_folder_is_made_a_store_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no board"):
        Store(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        Store(tmp_path / "file", create=True)
    assert not is_store(tmp_path / "made")
    Store(tmp_path / "made", create=True)
    assert is_store(tmp_path / "made")
    assert Store(tmp_path / "made").submissions() == []


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
    statement("PRAGMA user_version = 7"),
    statement("PRAGMA user_version = 0"),
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
    store: Store, put: Callable, damage: Callable[[Path], None], reopened: bool
) -> None:
    for n in range(3):
        put(noted(str(n), key=ADA if n else None))
    before = store.submissions()
    damage(store.index.path)
    if reopened:
        store = Store(store.folder)
    else:
        store.sync()
    assert store.submissions() == before
    receipt = put(noted("more", key=ADA))
    assert receipt.attempt == 3
    assert len(store.submissions()) == 4
    assert store.check() == []


def test_a_rebuilt_index_is_equal(store: Store, put: Callable) -> None:
    for n in range(5):
        put(noted(str(n), key=ADA if n % 2 else None))
    before, rows = store.submissions(), dump(store)
    assert store.rebuild() == 5
    assert store.submissions() == before
    delete(store.index.path)
    assert store.rebuild() == 5
    assert dump(store) == rows


def dump(store: Store) -> list[object]:
    with closing(sqlite3.connect(store.index.path)) as db:
        return [
            sorted(db.execute(f"SELECT * FROM {table}"))  # noqa: S608
            for table in ("submissions", "results")
        ]


def test_a_folder_that_was_copied_without_index_is_the_same_store(
    store: Store, put: Callable, tmp_path: Path
) -> None:
    put(noted("1"))
    (tmp_path / "copy").mkdir()
    for name in ("submissions", "receipts"):
        (store.folder / name).rename(tmp_path / "copy" / name)
    assert len(Store(tmp_path / "copy").submissions()) == 1


def test_files_that_came_another_way_are_found(store: Store, put: Callable, tmp_path: Path) -> None:
    other = Store(tmp_path / "other", create=True)
    path = tmp_path / "bundle.zip"
    path.write_bytes(noted("elsewhere"))
    receipt = other.add(path)
    for file in (other.files.bundle(receipt.id), other.files.receipt(receipt.id)):
        target = store.folder / file.relative_to(other.folder)
        target.parent.mkdir(exist_ok=True)
        file.rename(target)
    assert store.submissions() == []
    store.sync()
    assert [one.received for one in store.submissions()] == [receipt.received]
    other.sync()
    assert other.submissions() == []


def test_check_names_what_is_wrong(store: Store, put: Callable) -> None:
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


def test_adding_again_repairs_a_damaged_bundle(store: Store, put: Callable) -> None:
    receipt = put(noted("1"))
    path = store.bundle(receipt.id)
    path.chmod(0o644)
    path.write_bytes(b"rot")
    assert store.check() != []
    again = put(noted("1"))
    assert (again.received, again.new) == (receipt.received, False)
    assert store.check() == []


def test_leftovers_of_killed_writers_are_swept(store: Store) -> None:
    mine = store.files._temporary()
    elsewhere = mine.with_name("another-host-1-abc")
    old = mine.with_name("another-host-2-abc")
    gone = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{2**22 + 1}-"))
    for path in (mine, elsewhere, old, gone):
        path.write_text("half a bundle")
    past = time.time() - STALE - 60
    os.utime(old, (past, past))
    Store(store.folder)
    assert set(store.files.incoming.iterdir()) == {mine, elsewhere}


def test_an_index_that_stays_busy_is_told(
    store: Store, put: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leapbench.leaderboards.store.index.BUSY", 0.05)
    with store.index.writing():
        assert store.submissions() == []  # readers do not wait
        with pytest.raises(UserError, match="locked"):
            put(noted("1"))
    assert list(store.files.incoming.iterdir()) == []
    assert put(noted("1")).new


def test_a_disk_that_is_full_is_told(
    store: Store, put: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(UserError, match="cannot be written: No space left"):
            put(noted("1"))
    assert files_of(store) == set()
    assert put(noted("1")).new
    assert store.check() == []


def test_an_index_that_cannot_be_made_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
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
    store = Store(tmp_path / "board", create=True)
    path = tmp_path / "bundle.zip"
    path.write_bytes(noted("1"))
    assert store.add(path).new
    assert len(store.submissions()) == 1
    with store.index.reading() as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert store.check() == []


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=8))
def test_any_order_of_submissions_gives_the_counts(order: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, path = Store(Path(folder) / "board", create=True), Path(folder) / "bundle.zip"
        seen: list[tuple[str, int]] = []
        for one in order:
            path.write_bytes(noted(str(one[1]), name=one[0]))
            receipt = store.add(path)
            assert receipt.new == (one not in seen)
            seen += [one] if receipt.new else []
            earlier = seen[: seen.index(one) + 1]
            assert receipt.attempt == sum(name == one[0] for name, _ in earlier)
        found = store.submissions()
        assert [(s.entrant.name, int(s.entrant.notes)) for s in found] == seen
        for submission in found:
            assert submission.attempts == sum(n == submission.entrant.name for n, _ in seen)
        assert store.check() == []

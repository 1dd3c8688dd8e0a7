"""A store keeps what came, says it back, and finds its way from the files alone."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from bundles import files_of, made_bundle, made_files, made_manifest, made_result, noted
from forge import archive, changed, members
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.keys import SigningKey, fingerprint
from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.leaderboards.submissions.bundle.pack import pack
from leapbench.leaderboards.submissions.bundle.refusal import Refused
from leapbench.leaderboards.submissions.store import SubmissionStore, is_store
from leapbench.leaderboards.verdict import Check, Finding, Verdict

ADA, BOB = (SigningKey.from_private_bytes(letter * 32) for letter in (b"a", b"b"))


def test_what_came_is_kept_and_said_back(store: SubmissionStore, put: Callable) -> None:
    data = made_bundle(made_result(1), made_result(0, score=0.25), key=ADA)
    receipt = put(data)
    assert receipt.new
    assert receipt.attempt == 1
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", receipt.received)
    path = store.bundle(receipt.id)
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o444
    [found] = store.submissions()
    assert (found.id, found.received, found.attempts) == (receipt.id, receipt.received, 1)
    assert (found.task, found.tier, found.agent) == ("toy/one", "smoke", "toy.py:Policy")
    assert found.entrant == Entrant(name="Ada")
    assert found.signed_by == fingerprint(ADA.public_key())
    assert [(one.seed, one.score) for one in found.results] == [(0, 0.25), (1, 0.5)]
    assert all(one.run_id == one.digest() for one in found.results)
    identity = receipt.id
    assert files_of(store.folder) == {
        f"submissions/{identity[:2]}/{identity}.zip",
        f"receipts/{identity}.json",
    }
    assert store.check() == []


def test_the_same_bytes_are_the_same_submission(store: SubmissionStore, put: Callable) -> None:
    first, again, other = put(noted("1")), put(noted("1")), put(noted("2"))
    assert (again.id, again.received, again.attempt) == (first.id, first.received, 1)
    assert (first.new, again.new, other.new) == (True, False, True)
    assert other.attempt == 2
    assert [one.attempts for one in store.submissions()] == [2, 2]
    assert put(noted("1")).attempt == 1


def test_everything_is_on_the_disk_before_the_receipt_is_given(
    store: SubmissionStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(noted("1"))
    shard = store.files.bundle(sha256(path.read_bytes()).hexdigest()).parent
    steps: list[str] = []

    def step(what: str, original: Callable) -> Callable:
        def call(*words: object) -> object:
            steps.append(f"{what} {folder_of(words[0])}" if what == "sync" else what)
            return original(*words)

        return call

    def folder_of(handle: object) -> str:
        number = os.fstat(handle).st_ino  # type: ignore[arg-type]
        known = {"submissions": store.files.submissions, "receipts": store.files.receipts}
        known["shard"] = shard
        found = [n for n, f in known.items() if f.exists() and f.stat().st_ino == number]
        return found[0] if found else "file"

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", step("sync", os.fsync))
        patch.setattr(Path, "replace", step("rename", Path.replace))
        patch.setattr(os, "link", step("link", os.link))
        store.add(path)
    bundle = ["sync file", "sync submissions", "rename", "sync shard"]
    assert steps == [*bundle, "sync file", "link", "sync receipts"]


def test_another_archive_of_one_manifest_is_no_further_attempt(
    store: SubmissionStore, put: Callable
) -> None:
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


def test_attempts_are_counted_by_who_what_and_where(store: SubmissionStore, put: Callable) -> None:
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


def test_a_refused_bundle_leaves_nothing(store: SubmissionStore, put: Callable) -> None:
    with pytest.raises(Refused) as caught:
        put(made_bundle()[:-5])
    assert caught.value.check == "archive"
    assert files_of(store.folder) == set()
    assert store.submissions() == []


def test_a_refusal_can_be_put_on_record(store: SubmissionStore, put: Callable) -> None:
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            put(made_bundle() + b"x", record=True)
    verdicts = store.ledger.verdicts()
    assert {verdict.subject for verdict in verdicts} == {caught.value.subject}
    assert {(c.name, c.passed) for v in verdicts for c in v.checks} == {("archive", False)}
    assert {verdict.level for verdict in verdicts} == {"refused"}
    assert all(name.startswith("verdicts/") for name in files_of(store.folder))
    assert store.submissions() == []


def test_a_bundle_that_changes_while_it_is_filed_is_refused(
    store: SubmissionStore, put: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds = store.files.holds

    def swap(identity: str) -> bool:
        (tmp_path / "bundle.zip").write_bytes(noted("other"))
        return holds(identity)

    monkeypatch.setattr(store.files, "holds", swap)
    with pytest.raises(Refused, match="changed while it was read"):
        put(noted("1"))
    assert files_of(store.folder) == set()


def test_verdicts_are_beside_the_submissions(store: SubmissionStore, put: Callable) -> None:
    receipt = put(made_bundle())
    run_id = store.submissions()[0].results[0].run_id
    rows = (Finding(run_id=run_id, cell="c", level="checked"),)
    checks = [Check(name="hashes", passed=True)]
    store.ledger.add(Verdict.of(checks, subject=receipt.id, rows=rows))
    assert SubmissionStore(store.folder).ledger.badges == {run_id: "checked"}
    assert store.rebuild() == 1
    assert store.check() == []


@pytest.mark.parametrize("identity", ["", "a", "../../etc/passwd", "0" * 64, "0" * 63 + "\n"])
def test_an_unknown_submission_is_told(store: SubmissionStore, identity: str) -> None:
    with pytest.raises(UserError, match="There is no submission"):
        store.bundle(identity)


def test_a_folder_is_made_a_store_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no board"):
        SubmissionStore(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        SubmissionStore(tmp_path / "file", create=True)
    assert not is_store(tmp_path / "made")
    SubmissionStore(tmp_path / "made", create=True)
    assert is_store(tmp_path / "made")
    assert SubmissionStore(tmp_path / "made").submissions() == []


def test_a_folder_that_was_copied_without_index_is_the_same_store(
    store: SubmissionStore, put: Callable, tmp_path: Path
) -> None:
    put(noted("1"))
    (tmp_path / "copy").mkdir()
    for name in ("submissions", "receipts"):
        (store.folder / name).rename(tmp_path / "copy" / name)
    assert len(SubmissionStore(tmp_path / "copy").submissions()) == 1


def test_files_that_came_another_way_are_found(
    store: SubmissionStore, put: Callable, tmp_path: Path
) -> None:
    other = SubmissionStore(tmp_path / "other", create=True)
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


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=8))
def test_any_order_of_submissions_gives_the_counts(order: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, path = (
            SubmissionStore(Path(folder) / "board", create=True),
            Path(folder) / "bundle.zip",
        )
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

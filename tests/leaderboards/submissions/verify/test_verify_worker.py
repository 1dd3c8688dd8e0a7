"""Workers share a board: each submission is verified once, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import forked
import pytest
from forging import bundle, run

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.leaderboards.submissions.store.claims import Claims
from leapbench.leaderboards.submissions.store.tables import claims
from leapbench.leaderboards.submissions.verify import queue, session
from leapbench.leaderboards.submissions.verify.session import Asked, verify
from leapbench.leaderboards.verdict import Verdict

SOON = 30.0
Tell = Callable[[object], None]


def quiet(fraction: float, line: str) -> None:
    pass


def filled(board: Path, runs: Path, count: int, address: str = "") -> list[str]:
    """A board with so many submissions; their ids."""
    store = SubmissionStore(board, create=True, address=address)
    return [store.add(bundle(runs, name=f"someone {n}")).id for n in range(count)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "POLL", 0.05)
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def board(tmp_path: Path) -> Path:
    return tmp_path / "board"


@pytest.fixture
def children() -> Iterator[list[int]]:
    """Processes that are killed after the test."""
    started: list[int] = []
    yield started
    for child in started:
        os.kill(child, signal.SIGKILL)
        forked.ended(child)


def working(board: Path, lease: float, seconds: float, began: Path) -> Callable[[Tell], None]:
    """A worker that takes so long for each, and leaves a file named by what it began."""
    real = queue.verify_bundle

    def slow(path: Path, *rest: object) -> Verdict:
        with (began / path.stem).open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(seconds)
        return real(path, *rest)

    def work(tell: Tell) -> None:
        queue.verify_bundle = slow
        for verdict in verify(Asked(board, worker=True, lease=lease), quiet):
            tell([verdict.subject, verdict.level])

    return work


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def filed(board: Path) -> list[str]:
    return sorted(verdict.subject for verdict in SubmissionStore(board).ledger.verdicts())


def claimed(board: Path) -> list[object]:
    return SubmissionStore(board).kept.read(lambda db: db.execute(claims.select()).all())


def test_each_submission_has_one_worker(
    board: Path, runs: Path, address: str, tmp_path: Path, children: list[int]
) -> None:
    run(runs, seeds="0")
    ids = filled(board, runs, 4, address)
    for n in range(3):
        work = working(board, 60, 0.1, tmp_path)
        children.append(forked.start(work, tmp_path / f"log-{n}"))
    until(lambda: len(filed(board)) >= 4)
    ids += filled(board, runs, 6)[4:]  # more comes while they wait
    until(lambda: len(filed(board)) >= 6 and not claimed(board))
    time.sleep(0.2)
    assert filed(board) == sorted(ids)
    told = [line for n in range(3) for line in forked.told(tmp_path / f"log-{n}")]
    assert sorted(told) == sorted([one, "reproduced"] for one in ids)
    assert Counter(len((tmp_path / one).read_text().split()) for one in ids) == {1: 6}


def test_what_a_killed_worker_had_is_taken_over_when_its_lease_ends(
    board: Path, runs: Path, address: str, tmp_path: Path, children: list[int]
) -> None:
    run(runs, seeds="0")
    (identity,) = filled(board, runs, 1, address)
    lease = 2.5
    victim = forked.start(working(board, lease, 60, tmp_path), tmp_path / "victim")
    until((tmp_path / identity).exists)
    time.sleep(1.5 * lease)  # it lives, and renews
    children.append(forked.start(working(board, lease, 0, tmp_path), tmp_path / "heir"))
    time.sleep(lease)
    assert len((tmp_path / identity).read_text().split()) == 1
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    assert forked.ended(victim) == -signal.SIGKILL
    assert filed(board) == []
    until(lambda: filed(board) == [identity])
    assert time.monotonic() - killed > 0.3 * lease
    until(lambda: forked.told(tmp_path / "heir") == [[identity, "reproduced"]])
    assert len((tmp_path / identity).read_text().split()) == 2
    assert claimed(board) == []


@pytest.mark.parametrize("moment", ["before the verdict", "after the verdict"])
def test_killed_while_a_verdict_is_filed(
    board: Path, runs: Path, address: str, tmp_path: Path, moment: str
) -> None:
    run(runs, seeds="0")
    (identity,) = filled(board, runs, 1, address)

    def work(_: Tell) -> None:
        write = queue.Queue._write

        def dying(self: queue.Queue, verdict: Verdict) -> None:
            if moment == "after the verdict":
                write(self, verdict)
            forked.die()

        queue.Queue._write = dying
        list(verify(Asked(board, lease=0.5), quiet))

    assert forked.ended(forked.start(work, tmp_path / "log")) == -signal.SIGKILL
    time.sleep(0.6)
    again = list(verify(Asked(board), quiet))
    assert len(again) == (moment == "before the verdict")
    assert filed(board) == [identity]


def test_a_worker_that_slept_too_long_files_nothing(board: Path, runs: Path) -> None:
    run(runs, seeds="0")
    (identity,) = filled(board, runs, 1)
    kept, written = SubmissionStore(board).kept, []
    asleep, other = Claims(kept, lease=0.1), Claims(kept, lease=60)
    assert asleep.take([identity]) == identity
    assert other.take([identity]) is None
    time.sleep(0.15)
    assert other.take([identity]) == identity
    assert not asleep.file(identity, lambda: written.append("asleep"), lambda: False)
    assert other.file(identity, lambda: written.append("other"), lambda: False)
    assert written == ["other"]
    assert not asleep.file(identity, lambda: written.append("asleep"), lambda: True)


def test_a_claim_that_was_lost_with_the_index_costs_nothing(
    board: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(runs, seeds="0")
    (identity,) = filled(board, runs, 1)
    real = queue.verify_bundle

    def deleting(path: Path, *rest: object) -> Verdict:
        (board / "index.sqlite").unlink()
        return real(path, *rest)

    monkeypatch.setattr(queue, "verify_bundle", deleting)
    (verdict,) = verify(Asked(board), quiet)
    assert filed(board) == [identity] == [verdict.subject]


def test_what_fails_again_and_again_is_left_to_people(
    board: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(runs, seeds="0")
    bad, good = filled(board, runs, 2)
    real, begun = queue.verify_bundle, []

    def failing(path: Path, *rest: object) -> Verdict:
        if path.stem == bad:
            begun.append(path.stem)
            raise UserError("no data set")
        return real(path, *rest)

    monkeypatch.setattr(queue, "verify_bundle", failing)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        jobs = session._submissions
        looked = queue.Looked()
        for _ in range(6):
            list(jobs(Asked(board, worker=True, lease=0.05), looked, quiet))
            time.sleep(0.06)
    assert begun == [bad] * queue.TRIES
    assert filed(board) == [good]
    assert any("left alone now: leapbench verify" in str(line.message) for line in said)
    monkeypatch.setattr(queue, "verify_bundle", real)
    assert [verdict.subject for verdict in verify(Asked(board), quiet)] == [bad]


def test_another_process_is_told_of_what_is_claimed(board: Path, runs: Path) -> None:
    run(runs, seeds="0")
    (identity,) = filled(board, runs, 1)
    Claims(SubmissionStore(board).kept, lease=60).take([identity])
    with pytest.warns(UserWarning, match="1 more: another process verifies them"):
        assert list(verify(Asked(board), quiet)) == []


def test_mistakes_are_told(board: Path, tmp_path: Path, runs: Path) -> None:
    with pytest.raises(UserError, match="is no board"):
        next(verify(Asked(tmp_path / "x.zip", worker=True), quiet))
    SubmissionStore(board, create=True)
    with pytest.raises(UserError, match="would never rest"):
        next(verify(Asked(board, worker=True, again=True), quiet))


def test_the_command_works_until_it_is_ended(board: Path, runs: Path) -> None:
    run(runs, seeds="0")
    (identity,) = filled(board, runs, 1)
    words = [sys.executable, "-m", "leapbench", "verify", board, "--worker", "--json"]
    worker = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)
    try:
        assert Verdict.model_validate_json(worker.stdout.readline()).subject == identity
        worker.terminate()
        assert worker.wait(SOON) == 130
    finally:
        worker.kill()
        worker.communicate()
    assert claimed(board) == []

"""Many processes at once lose nothing, tear nothing and count right."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forked
import pytest
from bundles import made_bundle, made_result

from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.leaderboards.submissions.store import SubmissionStore

PROCESSES, SHARED, ENTRANTS = 8, 15, 10
Tell = Callable[[Any], None]


def bundle(number: int) -> bytes:
    entrant = Entrant(name=f"entrant {number % ENTRANTS}", notes=str(number))
    return made_bundle(made_result(0), entrant=entrant)


def adding(board: Path, numbers: range | list[int], path: Path) -> Callable[[Tell], None]:
    def work(tell: Tell) -> None:
        store = SubmissionStore(board, create=True)
        for number in numbers:
            path.write_bytes(bundle(number))
            receipt = store.add(path)
            tell([number, receipt.id, receipt.attempt, receipt.new])

    return work


def reading(board: Path, until: Path) -> Callable[[Tell], None]:
    def work(tell: Tell) -> None:
        store, seen, looks = SubmissionStore(board, create=True), 0, 0
        while not until.exists():
            found = store.submissions()
            counts = Counter(one.entrant.name for one in found)
            assert all(one.attempts == counts[one.entrant.name] for one in found)
            assert all(len(one.results) == 1 for one in found)
            assert len(found) >= seen
            seen, looks = len(found), looks + 1
        tell([looks, seen])

    return work


@pytest.mark.parametrize("each", [20, pytest.param(125, marks=pytest.mark.slow)])
def test_many_submissions_at_once(tmp_path: Path, address: str, each: int) -> None:
    board, stop = tmp_path / "board", tmp_path / "stop"
    SubmissionStore(board, create=True, address=address)
    shared = list(range(10_000, 10_000 + SHARED))
    children, logs = [], []
    for n in range(PROCESSES):
        own = list(range(n * each, (n + 1) * each))
        own[10:10] = shared
        logs.append(tmp_path / f"log-{n}")
        work = adding(board, own, tmp_path / f"bundle-{n}.zip")
        children.append(forked.start(work, logs[-1]))
    reader = forked.start(reading(board, stop), tmp_path / "reader")
    assert [forked.ended(child) for child in children] == [0] * PROCESSES
    stop.touch()
    assert forked.ended(reader) == 0
    [[looks, _]] = forked.told(tmp_path / "reader")
    assert looks > 1

    receipts = [receipt for log in logs for receipt in forked.told(log)]
    assert len(receipts) == PROCESSES * (each + SHARED)
    store = SubmissionStore(board)
    found = {one.id: one for one in store.submissions()}
    assert len(found) == PROCESSES * each + SHARED
    assert {identity for _, identity, _, _ in receipts} == found.keys()
    assert sum(new for *_, new in receipts) == len(found)
    numbers: dict[int, set[int]] = {n: set() for n in range(ENTRANTS)}
    for number, identity, attempt, new in receipts:
        assert found[identity].entrant.notes == str(number)
        if new:
            assert attempt not in numbers[number % ENTRANTS]
            numbers[number % ENTRANTS].add(attempt)
    for n, attempts in numbers.items():
        mine = [one for one in found.values() if one.entrant.name == f"entrant {n}"]
        assert attempts == set(range(1, len(mine) + 1))
        assert {one.attempts for one in mine} == {len(mine)}
    assert list(store.files.incoming.iterdir()) == []
    assert store.check() == []
    before = store.submissions()
    assert store.rebuild() == len(found)
    assert store.submissions() == before


def test_an_index_that_is_taken_away_while_many_write(tmp_path: Path) -> None:
    board = tmp_path / "board"
    store = SubmissionStore(board, create=True)
    children = [
        forked.start(
            adding(board, range(n * 40, n * 40 + 40), tmp_path / f"bundle-{n}.zip"),
            tmp_path / f"log-{n}",
        )
        for n in range(4)
    ]
    for _ in range(3):
        time.sleep(0.15)
        store.index.path.unlink(missing_ok=True)
    assert [forked.ended(child) for child in children] == [0] * 4
    again = SubmissionStore(board)
    assert len(again.submissions()) == 160
    assert again.check() == []


def test_many_processes_make_one_store_and_one_index(tmp_path: Path) -> None:
    board = tmp_path / "board"
    for turn in range(2):
        children = [
            forked.start(
                adding(board, [turn * 8 + n], tmp_path / f"bundle-{turn}-{n}.zip"),
                tmp_path / f"log-{turn}-{n}",
            )
            for n in range(8)
        ]
        assert [forked.ended(child) for child in children] == [0] * 8
        store = SubmissionStore(board)
        assert len(store.submissions()) == 8 * (turn + 1)
        assert store.check() == []
        store.index.path.unlink()

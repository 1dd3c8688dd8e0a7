"""A process that is killed at any moment leaves a store that the next one can use."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forked
import pytest
from bundles import made_bundle

from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.leaderboards.submissions.store import SubmissionStore, queries
from leapbench.leaderboards.submissions.store.files import Files
from leapbench.leaderboards.submissions.store.index import Index
from leapbench.leaderboards.submissions.store.kept import KeptIndex


def noted(notes: str) -> bytes:
    return made_bundle(entrant=Entrant(name="Ada", notes=notes))


def killing(owner: Any, name: str, *, first: bool, patch: pytest.MonkeyPatch) -> None:
    """Make a call of `owner.name` the last thing that the process does, or its eve."""
    original = getattr(owner, name)

    def call(*words: Any, **options: Any) -> Any:
        if not first:
            original(*words, **options)
        forked.die()

    patch.setattr(owner, name, call)


STAGES: dict[str, tuple[Any, str, bool, int]] = {
    # what is patched, whether to die before or after it, and how many submissions there are then
    "before the copy is on the disk": (os, "fsync", True, 0),
    "copy written": (Files, "stage", False, 0),
    "before the bundle has its name": (Path, "replace", True, 0),
    "bundle renamed": (Path, "replace", False, 1),
    "folder on the disk": (Files, "place", False, 1),
    "before the receipt has its name": (os, "link", True, 1),
    "receipt renamed": (os, "link", False, 1),
    "receipt on the disk": (Files, "stamp", False, 1),
    "inside the transaction": (queries, "insert", False, 1),
    "before the end of the transaction": (queries, "attempt", False, 1),
    "before its commit": (SubmissionStore, "_receive", False, 1),
    "after the transaction": (KeptIndex, "alone", False, 1),
}


FIRST = ("bundle renamed", "inside the transaction")
"""Stages that are also tried on an empty board; the others differ in nothing there."""


@pytest.mark.parametrize(
    ("stage", "earlier"), [*((s, 1) for s in STAGES), *((s, 0) for s in FIRST)]
)
def test_killed_while_adding(stage: str, earlier: int, tmp_path: Path, address: str) -> None:
    owner, name, first, kept = STAGES[stage]
    board, path = tmp_path / "board", tmp_path / "bundle.zip"
    store = SubmissionStore(board, create=True, address=address)
    for n in range(earlier):
        path.write_bytes(noted(str(n)))
        store.add(path)
    path.write_bytes(noted("killed"))

    def add(_: Callable[[Any], None]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            killing(owner, name, first=first, patch=patch)
            store.add(path)

    assert forked.ended(forked.start(add, tmp_path / "log")) == -signal.SIGKILL
    again = SubmissionStore(board)
    assert again.check() == []
    assert len(again.submissions()) == earlier + kept
    assert list(again.files.incoming.iterdir()) == []
    assert SubmissionStore(board).submissions() == again.submissions()
    receipt = again.add(path)
    assert receipt.new == (not kept)
    assert receipt.attempt == earlier + 1
    path.write_bytes(noted("next"))
    assert again.add(path).attempt == earlier + 2
    assert again.check() == []


@pytest.mark.parametrize(
    ("name", "damaged"),
    [("clear", True), ("insert", True), ("finish", True), ("insert", False)],
)
def test_killed_while_the_index_is_made(name: str, damaged: bool, tmp_path: Path) -> None:
    board, path = tmp_path / "board", tmp_path / "bundle.zip"
    store = SubmissionStore(board, create=True)
    for n in range(3):
        path.write_bytes(noted(str(n)))
        store.add(path)
    before = store.submissions()
    if damaged:
        store.index.path.write_bytes(b"x" * 10_000)

    def rebuild(_: Callable[[Any], None]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            owner = Index if name == "finish" else queries
            killing(owner, name, first=False, patch=patch)
            store.rebuild()

    assert forked.ended(forked.start(rebuild, tmp_path / "log")) == -signal.SIGKILL
    again = SubmissionStore(board)
    assert again.submissions() == before
    assert again.check() == []


@pytest.mark.slow
def test_killed_at_random_moments_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    board, draw = tmp_path / "board", random.Random(5)
    SubmissionStore(board, create=True)
    logs = []
    for turn in range(12):
        logs.append(tmp_path / f"log-{turn}")
        path = tmp_path / f"bundle-{turn}.zip"

        def add(tell: Callable[[Any], None], path: Path = path, turn: int = turn) -> None:
            store = SubmissionStore(board)
            for n in range(10_000):
                path.write_bytes(noted(f"{turn} {n}"))
                tell(store.add(path).id)

        child = forked.start(add, logs[-1])
        deadline = time.monotonic() + 60
        while not forked.told(logs[-1]) and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(draw.random() * 0.03)
        os.kill(child, signal.SIGKILL)
        assert forked.ended(child) == -signal.SIGKILL
    store = SubmissionStore(board)
    assert store.check() == []
    held = {one.id for one in store.submissions()}
    acknowledged = {identity for log in logs for identity in forked.told(log)}
    assert acknowledged <= held
    # A kill can leave one more each: on the disk, and not yet said so.
    assert len(held) <= len(acknowledged) + len(logs)
    assert len(acknowledged) >= len(logs)

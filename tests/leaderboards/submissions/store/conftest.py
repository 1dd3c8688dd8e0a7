"""A store, and bundles to put into it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from leapbench.leaderboards.submissions.store import Receipt, SubmissionStore

# The bundles of the neighbouring folder are importable here.
sys.path.insert(0, str(Path(__file__).parents[1] / "bundle"))


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test cuts the power, so none need wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def store(tmp_path: Path, address: str) -> SubmissionStore:
    return SubmissionStore(tmp_path / "board", create=True, address=address)


@pytest.fixture
def put(tmp_path: Path, store: SubmissionStore) -> Callable[..., Receipt]:
    def add(data: bytes, **options: bool) -> Receipt:
        path = tmp_path / "bundle.zip"
        path.write_bytes(data)
        return store.add(path, **options)

    return add

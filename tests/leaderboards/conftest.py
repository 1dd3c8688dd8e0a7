"""Fixtures of the tests of boards."""

from __future__ import annotations

import pytest

from leapbench.leaderboards import sources


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No committed rows and verdicts."""
    monkeypatch.setattr(sources, "package", lambda: None)
    monkeypatch.setattr(sources, "committed_root", lambda: None)

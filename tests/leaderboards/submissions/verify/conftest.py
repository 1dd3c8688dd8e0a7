"""Fixtures of the verification tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from forging import HEAD, POLICY

from leapbench.isolation import sandbox


@pytest.fixture
def runs(tmp_path: Path, plugin: Path) -> Path:
    """Where results go; the toy task is installed."""
    return tmp_path / "runs"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A stranger's policy, which runs in the sandbox alone."""
    if sandbox.trouble():
        pytest.skip(f"no bubblewrap: {sandbox.trouble()}")
    path = tmp_path / "same.py"
    path.write_text(HEAD + POLICY)
    return path

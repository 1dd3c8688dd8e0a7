"""A command that runs in this process, on the toy plug-in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leapbench.cli import cli

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """The command, in an empty folder and 100 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def toys(plugin: Path, invoke: Invoke) -> Invoke:
    """The command with the toy task `coins/small` installed."""
    return invoke

"""Runs small hostile agents through whole cells, and looks after what they leave behind."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hostile import SALT, SHORT, agent

from leapbench.contract import registry
from leapbench.isolation.limits import Limits
from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.composition import Composition
from leapbench.running.isolated import declaration_of, isolated


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where guests have their folders, empty before and after."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def tidy(temporary: Path) -> Iterator[None]:
    """Nothing is left behind: no process, folder, thread or open file."""
    import torch  # noqa: F401

    me = psutil.Process()
    others = set(me.children(recursive=True))  # such as what other tests' pools leave running
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0  # noqa: PTH208, PTH110
    threads = threading.active_count()
    yield
    assert set(me.children(recursive=True)) <= others
    assert list(temporary.glob("leapbench-*")) == []
    assert threading.active_count() == threads
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


@pytest.fixture
def attack(plugin: Path, tmp_path: Path, tidy: None) -> Callable[..., Result]:
    """Run an agent of the given lines on the coins, as a hosted board would."""

    def run(limits: Limits = SHORT, **code: str) -> Result:
        file = agent(tmp_path, **code)
        part = declaration_of(file, "Agent", "hostile-agent", "policy", {})
        model = registry.agent("toy-mean", "coins")
        parts = {"model": model, "policy": part}
        whole = Composition("toy-mean+hostile-agent", parts, {"model": {"passes": 1}, "policy": {}})
        one = Cell("coins/small", "smoke", "toy-mean+hostile-agent", 0, (), tmp_path / "runs")
        with isolated(whole, limits) as guests:
            made = cell.run(one, lambda fraction, line: None, agent=guests, salt=SALT)
        assert one.path_of(whole).exists()
        return made

    return run

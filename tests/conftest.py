"""Fixtures of the whole suite."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import pytest
from hypothesis import settings

from leapbench.contract import registry
from leapbench.isolation import sandbox
from leapbench.running import source

# Before NumPy and torch are imported: the suite shares its cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A suite started in the background inherits "ignore Ctrl-C", and would hand it on.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Deadlines would fail on a busy machine what is right.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

PLUGIN = Path(__file__).parent / "plugin"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sandbox: needs bubblewrap (apt install bubblewrap)")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("sandbox") and sandbox.trouble():
        pytest.skip(f"no bubblewrap: {sandbox.trouble()}")


def forget() -> None:
    """Let the registry look again at what is installed."""
    registry.tasks.cache_clear()
    registry.agents.cache_clear()
    source.forget()


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The plug-in `toys`, installed for one test, in child processes too."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    path = os.pathsep.join(filter(None, (str(PLUGIN), os.environ.get("PYTHONPATH"))))
    monkeypatch.setenv("PYTHONPATH", path)
    forget()
    gym.register("toys/Coins-v0", "toys.worlds:Coins")
    yield PLUGIN
    del gym.registry["toys/Coins-v0"]
    for name in [name for name in sys.modules if name.partition(".")[0] == "toys"]:
        del sys.modules[name]
    forget()

"""An artifact is made once, whole, and by whoever comes first."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leapbench.contract.artifacts import KEY, ArtifactStore

keys = st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=3)

RACE = """
import sys, time
from pathlib import Path
from leapbench.contract.artifacts import ArtifactStore

root = Path(sys.argv[1])

def make(folder):
    with (root.parent / "made").open("a") as log:
        log.write("x")
    time.sleep(0.5)
    (folder / "weights").write_text("w")

(root.parent / f"ready-{sys.argv[2]}").touch()
while not (root.parent / "go").exists():
    time.sleep(0.01)
path, reused = ArtifactStore(root).get({"a": 1}, make)
print((path / "weights").read_text(), reused)
"""


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def fill(folder: Path) -> None:
    (folder / "weights").write_text("w")


def entries(store: ArtifactStore) -> list[str]:
    return sorted(p.name for p in store.root.iterdir() if p.suffix != ".lock")


def test_the_second_time_it_is_there(store: ArtifactStore) -> None:
    path, reused = store.get({"a": 1}, fill)
    again, reused_again = store.get({"a": 1}, lambda folder: pytest.fail("made twice"))
    assert (path, reused, reused_again) == (again, False, True)
    assert sorted(file.name for file in path.iterdir()) == [KEY, "weights"]
    assert entries(store) == [path.name]


@given(keys, keys)
def test_a_place_belongs_to_one_key(a: dict[str, Any], b: dict[str, Any]) -> None:
    store = ArtifactStore(Path("unused"))
    assert (store.path(a) == store.path(b)) == (a == b)
    assert store.path(dict(reversed(a.items()))) == store.path(a)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_nothing(store: ArtifactStore, error: type[BaseException]) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise error

    with pytest.raises(error):
        store.get({"a": 1}, fail)
    assert entries(store) == []
    assert store.get({"a": 1}, fill)[1] is False


def test_two_processes_make_it_once(store: ArtifactStore, tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(store.root), str(i)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    while not all((tmp_path / f"ready-{i}").exists() for i in range(2)):
        assert all(racer.poll() is None for racer in racers)
        time.sleep(0.01)
    (tmp_path / "go").touch()
    told = sorted(racer.communicate(timeout=30)[0].strip() for racer in racers)
    assert told == ["w False", "w True"]
    assert (tmp_path / "made").read_text() == "x"


def test_what_a_killed_process_left_is_swept_away(store: ArtifactStore) -> None:
    path = store.path({"a": 1})
    left = store.root / f".{path.name}-killed"
    left.mkdir(parents=True)
    fill(left)
    other = store.root / f".{store.path({'b': 2}).name}-running"
    other.mkdir()
    store.get({"a": 1}, fill)
    assert entries(store) == sorted([path.name, other.name])

"""A save is there whole or not at all, and a phase that was killed goes on from it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leapbench.contract.checkpoints import RECORD, Checkpoints
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.errors import UserError

KILLED = """
import os, signal, sys
from pathlib import Path
from leapbench.contract.meter import Meter
from leapbench.contract.checkpoints import Checkpoints
from leapbench.contract.task import Budget

def fill(folder):
    (folder / "half").write_text("1")
    if meter.used == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / "other-half").write_text("2")

meter, checkpoints = Meter(Budget(unit="steps", limit=100)), Checkpoints(Path(sys.argv[1]))
for _ in range(2):
    meter.spend(10)
    checkpoints.write(meter, fill)
"""


def meter(used: int = 0) -> Meter:
    made = Meter(Budget(unit="steps", limit=100))
    made.spend(used)
    return made


def fill(folder: Path) -> None:
    (folder / "weights").write_text(folder.parent.name)


@given(at=st.lists(st.integers(0, 100), min_size=1, max_size=5, unique=True).map(sorted))
def test_the_newest_save_alone_is_kept_and_counts(
    at: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    checkpoints = Checkpoints(tmp_path_factory.mktemp("store") / ".phase.checkpoints")
    for used in at:
        checkpoints.write(meter(used), fill)
    assert [each.name for each in checkpoints.folder.iterdir()] == [str(at[-1])]
    again, fresh = Checkpoints(checkpoints.folder), meter()
    again.resume(fresh)
    assert fresh.used == at[-1]
    assert again.earlier > 0
    assert again.latest is not None
    assert (again.latest / "weights").exists()
    again.clear()
    assert again.latest is None
    assert not checkpoints.folder.exists()


def test_without_a_save_a_phase_begins_at_its_beginning(tmp_path: Path) -> None:
    checkpoints, fresh = Checkpoints(tmp_path / "none"), meter()
    checkpoints.resume(fresh)
    assert (checkpoints.latest, checkpoints.earlier, fresh.used) == (None, 0.0, 0)


def test_a_save_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(meter(10), fill)

    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        checkpoints.write(meter(20), fail)
    assert [each.name for each in tmp_path.iterdir()] == ["10"]


def test_a_process_killed_amid_a_save_leaves_the_one_before(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.latest == tmp_path / "10"
    assert sorted(each.name for each in (tmp_path / "10").iterdir()) == [
        "half",
        "other-half",
        RECORD,
    ]
    checkpoints.write(meter(30), fill)
    assert checkpoints.latest == tmp_path / "30"


@pytest.mark.parametrize("record", ["", "{}", '{"used": 101, "cpu": 1}', '{"used": "x", "cpu": 1}'])
def test_a_damaged_record_is_told_and_kept(record: str, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(meter(10), fill)
    (tmp_path / "10" / RECORD).write_text(record)
    with pytest.raises(
        UserError, match=r"cannot be read.*Remove that folder .* from the beginning"
    ):
        checkpoints.resume(meter())
    assert checkpoints.latest == tmp_path / "10"

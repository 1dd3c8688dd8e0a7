"""Whatever an agent raises is a row that can be read; faults of the machine are no rows."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from leapbench.contract import registry
from leapbench.contract.task import Metric
from leapbench.data.locate import cache_root, find
from leapbench.errors import UserError
from leapbench.results import result
from leapbench.results.provenance import threads
from leapbench.running import cell, machine
from leapbench.running.cell import Cell
from leapbench.running.plan import plan

pytestmark = pytest.mark.usefixtures("plugin")

AGENT = """
class Bad:
    def learn(self, phase): pass
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        raise ValueError({said!r})
    def save(self, folder): pass
    def load(self, folder): pass
"""


@pytest.mark.parametrize("said", ["\\udcff", "\x1b[31m", "\u202e", "a\nb", "x" * 10**5, "", "\0"])
def test_a_failed_row_can_be_read_whatever_was_said(tmp_path: Path, said: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(AGENT.format(said=said).replace("\\\\u", "\\u"))
    asked = Cell("coins/small", "smoke", f"{file}:Bad", 0, (), tmp_path / "runs")
    done = cell.run(asked, lambda fraction, line: None)
    found = result.read(asked.path)
    assert found.status == done.status == "failed"
    assert found.message.startswith("ValueError")
    assert found.message.isprintable()


class Usage(NamedTuple):
    free: int


def asked(out: Path) -> list[Cell]:
    return plan("coins/small", "smoke", ["toy-guess"], "0", (), out)


@pytest.mark.parametrize("value", ["abc", "", " 1", "-1", "0", "1,2", "1e3", "9" * 5000, "1.0"])
def test_threads_of_odd_form_are_one_line_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert threads() == 0
    with pytest.raises(UserError, match="OMP_NUM_THREADS"):
        asked(tmp_path)


def test_data_that_is_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").write_text("")
    monkeypatch.setenv("LEAPBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path / "data"))
    assert find("fashion-mnist") is None
    with pytest.raises(UserError, match="LEAPBENCH_DATA"):
        asked(tmp_path)


def test_no_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPBENCH_CACHE", "~nobody-of-this-name/cache")
    with pytest.raises(UserError, match="no home"):
        cache_root()


def test_a_full_disk_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: Usage(1000))
    with pytest.raises(UserError, match="the disk has 1,000 bytes left"):
        asked(tmp_path)


def test_artifacts_of_another_user_are_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "artifacts" / "a").mkdir(parents=True)
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: Path(p).name != "a" and real(p, mode))
    with pytest.raises(UserError, match="another user's"):
        asked(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_a_fault_of_the_disk_is_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def broken(*_: Any) -> None:
        raise OSError(number, os.strerror(number), "/disk/somewhere")

    monkeypatch.setattr(cell, "_scored", broken)
    (one,) = asked(tmp_path)
    with pytest.raises(UserError, match=r"/disk/somewhere: .*no fault of the agent"):
        cell.run(one, lambda fraction, line: None)
    assert not one.path.exists()


def test_a_file_that_an_agent_lacks_is_its_own_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        Path("/nowhere/at/all").read_text()

    monkeypatch.setattr(cell, "_scored", broken)
    (one,) = asked(tmp_path)
    assert cell.run(one, lambda fraction, line: None).status == "failed"


def test_a_row_that_cannot_be_small_enough_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = cell.harness_of(registry.task("coins/small"))
    many = [{"seed": seed} for seed in range(20_000)]
    monkeypatch.setattr(harness, "schedule", staticmethod(lambda *_, **__: many))
    with pytest.raises(UserError, match="plans 20000 episodes"):
        asked(tmp_path)


def test_floor_and_ceiling_differ() -> None:
    same = {"value": 0.1 + 0.2, "source": ""}
    with pytest.raises(ValueError, match="expected two finite numbers that differ"):
        Metric(name="m", floor=same, ceiling={"value": 0.3, "source": ""})


DEFAULTS = [
    "float('inf')",
    "-float('inf')",
    "float('nan')",
    "1e999",
    "1e300",
    "10**40",
    "-(10**40)",
]
DEFAULTS += ["'\\x1b'", "'\\u202e'", "'\\udcff'", "'x' * 10**5"]


@pytest.mark.parametrize("default", DEFAULTS)
def test_a_default_that_no_record_holds_is_one_line(tmp_path: Path, default: str) -> None:
    file = tmp_path / "agent.py"
    file.write_text(f"class A:\n    def __init__(self, x={default}): pass\n")
    with pytest.raises(UserError, match="The default of 'x'"):
        plan("coins/small", "smoke", [f"{file}:A"], "0", (), tmp_path)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_our_letters_is_no_error(encoding: str) -> None:
    code = "import sys; sys.argv = ['leapbench', 'show', 'earlyexit/digits']; "
    code += "from leapbench.cli import main; main()"
    environment = dict(os.environ) | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr

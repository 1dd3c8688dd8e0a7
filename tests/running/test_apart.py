"""Whatever a file does to its process: every end is a row, and no other cell feels it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from leapbench.running import cell
from leapbench.running.cell import Cell

pytestmark = pytest.mark.usefixtures("plugin")
CODE = """
import atexit, os, random, signal, sys, threading, time
import numpy as np
import torch
{top}

class Odd:
    def learn(self, phase):
        {learn}

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.zeros(len(observation), np.int64), state

    def save(self, folder):
        pass

    def load(self, folder):
        pass
"""


def run(folder: Path, *agents: str, jobs: int = 1) -> tuple[int, str, str]:
    """`leapbench run` as a command of its own."""
    words = ["run", "coins/small", *agents, "--json", "--quiet", "--jobs", str(jobs)]
    done = subprocess.run(
        [sys.executable, "-c", f"from leapbench.cli import cli; cli({words!r})"],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def written(folder: Path, name: str, top: str = "", learn: str = "pass") -> str:
    (folder / f"{name}.py").write_text(CODE.format(top=top, learn=learn))
    return f"{name}.py:Odd"


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


ENDS = {
    "from leapbench.errors import UserError; raise UserError('no luck')": "UserError: no luck",
    "sys.exit(0)": "SystemExit: 0",
    "sys.exit()": "SystemExit",
    "os._exit(0)": "The agent ended its process: exit code 0.",
    "os._exit(7)": "The agent ended its process: exit code 7.",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise GeneratorExit('gone')": "GeneratorExit: gone",
    "raise type('Own', (BaseException,), {})('no')": "Own: no",
    "os.kill(os.getpid(), signal.SIGKILL)": "The agent ended its process: killed by SIGKILL.",
    "import ctypes; ctypes.string_at(0)": "killed by SIGSEGV",
    "os.abort()": "killed by SIGABRT",
    "1 / 0": "ZeroDivisionError: division by zero (end-11.py:9)",
}


def test_every_end_is_a_row(tmp_path: Path) -> None:
    agents = [written(tmp_path, f"end-{n}", learn=learn) for n, learn in enumerate(ENDS)]
    code, out, err = run(tmp_path, *agents, jobs=2)
    assert code == 1, err
    told = [str(row["message"]) for row in rows(out)]
    assert len(told) == len(ENDS)
    for line, expected in zip(told, ENDS.values(), strict=True):
        assert expected in line
    assert {row["status"] for row in rows(out)} == {"failed"}
    assert len(list(tmp_path.glob("runs/coins/small/smoke/*/seed-0.json"))) == len(ENDS)


TRACES = {
    "print": "print('noise', flush=True)",
    "write": "os.write(1, b'noise')",
    "folder": "os.chdir('/')",
    "threads": "torch.set_num_threads(2)",
    "dtype": "torch.set_default_dtype(torch.float64)",
    "deterministic": "torch.use_deterministic_algorithms(True)",
    "seeds": "torch.manual_seed(7); np.random.seed(7); random.seed(7)",
    "variables": "os.environ.update(OMP_NUM_THREADS='3', HOME='/nowhere')",
    "handlers": "signal.signal(signal.SIGTERM, signal.SIG_IGN); atexit.register(time.sleep, 600)",
    "thread": "threading.Thread(target=time.sleep, args=(600,)).start()",
    "library": "np.zeros = None; time.process_time = lambda: 0.0",
    "umask": "os.umask(0o777)",
}


LOOKED_AT = ("print", "folder", "threads", "dtype", "deterministic", "seeds", "variables")
"""What is undone when the command itself imports a file, to see its classes and settings."""


@pytest.mark.parametrize("where", ["top", "learn"])
def test_what_a_file_changes_is_over_with_its_cell(tmp_path: Path, where: str) -> None:
    """Beside it in one sweep runs an agent of the suite, whose row must not differ."""
    one = Cell("coins/small", "smoke", "toy-guess", 0, (), tmp_path / "alone")
    expected = cell.run(one, lambda fraction, line: None)
    code = "; ".join(TRACES[name] for name in TRACES if where == "learn" or name in LOOKED_AT)
    status, out, err = run(tmp_path, written(tmp_path, "odd", **{where: code}), "toy-guess")
    assert "noise" not in out
    (ours,) = [row for row in rows(out) if "guess" in str(row["agent"])]
    assert (ours["status"], ours["metrics"]) == ("ok", dict(expected.metrics)), err
    assert ours["episodes"] == {name: list(each) for name, each in expected.episodes.items()}
    assert len(list(tmp_path.glob("runs/coins/small/smoke/*/seed-0.json"))) == 2
    assert status == (where == "learn"), err  # its clock runs backwards

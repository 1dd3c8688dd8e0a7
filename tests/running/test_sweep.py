"""A sweep gives the same files however it is run, interrupted or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leapbench.errors import UserError
from leapbench.results.result import Result, read
from leapbench.running.cell import ARTIFACTS, Cell
from leapbench.running.sweep import parse_seeds, sweep

pytestmark = pytest.mark.usefixtures("plugin")
SEEDS = range(4)
AGENTS = ("toy-guess", "toy-guess-prior")  # share the model of each seed

COMMAND = """
import sys
from pathlib import Path
import gymnasium
import test_sweep

if __name__ == "__main__":
    out, jobs = sys.argv[1:]
    try:
        test_sweep.sweep(test_sweep.cells(Path(out)), int(jobs), test_sweep.Told())
    except KeyboardInterrupt:
        sys.exit(130)
"""


class Told:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.begun: list[Cell] = []
        self.ended: list[tuple[Cell, bool]] = []

    def started(self, cell: Cell) -> None:
        self.begun.append(cell)

    def progress(self, cell: Cell, fraction: float, line: str) -> None:
        assert 0 <= fraction <= 1

    def finished(self, cell: Cell, result: Result, reused: bool) -> None:
        self.ended.append((cell, reused))


def cells(out: Path) -> list[Cell]:
    return [
        Cell("coins/small", "smoke", agent, seed, (), out) for seed in SEEDS for agent in AGENTS
    ]


def digests(out: Path) -> dict[str, str]:
    return {str(p.relative_to(out)): read(p).digest() for p in out.glob("coins/**/seed-*.json")}


def leftovers(out: Path) -> list[Path]:
    """What is neither a finished result nor a finished artifact."""
    hidden = [path for path in out.rglob(".*") if path.suffix != ".lock"]
    folders = [path for path in (out / ARTIFACTS).iterdir() if path.is_dir()]
    return hidden + [path for path in folders if not (path / "key.json").exists()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serial")


@pytest.fixture
def serial(folder: Path) -> dict[str, str]:
    """Digests of the sweep, run in this process without a disturbance."""
    sweep(cells(folder), 1, Told())
    return digests(folder)


def test_results_come_in_the_order_of_the_cells(tmp_path: Path) -> None:
    told = Told()
    found = sweep(cells(tmp_path), 1, told)
    wanted = [(cell.seed, f"toy-mean+{cell.agent}") for cell in cells(tmp_path)]
    assert [(result.seed, result.agent.name) for result in found] == wanted
    assert told.begun == cells(tmp_path)
    assert told.ended == [(cell, False) for cell in cells(tmp_path)]
    assert leftovers(tmp_path) == []


def test_what_is_done_is_not_run_again(tmp_path: Path) -> None:
    first = sweep(cells(tmp_path), 1, Told())
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("coins/**/*.json")}
    cells(tmp_path)[2].path.unlink()
    told = Told()
    again = sweep(cells(tmp_path), 1, told)
    assert told.begun == [cells(tmp_path)[2]]
    assert [result.digest() for result in again] == [result.digest() for result in first]
    kept = {p: t for p, t in times.items() if p != cells(tmp_path)[2].path}
    assert {p: p.stat().st_mtime_ns for p in kept} == kept


def test_parts_that_are_shared_are_learned_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOYS_LOG", str(tmp_path / "log"))
    sweep(cells(tmp_path / "out"), 1, Told())
    lines = (tmp_path / "log").read_text().splitlines()
    assert sorted(line for line in lines if "look" in line) == [f"look {seed}" for seed in SEEDS]
    assert len([line for line in lines if "play" in line]) == len(SEEDS) * len(AGENTS)


def test_two_processes_give_the_same_files(tmp_path: Path, serial: dict[str, str]) -> None:
    told = Told()
    found = sweep(cells(tmp_path), 2, told)
    assert digests(tmp_path) == serial
    assert [result.digest() for result in found] == [
        read(cell.path).digest() for cell in cells(tmp_path)
    ]
    assert sorted(told.ended, key=str) == sorted(((c, False) for c in cells(tmp_path)), key=str)
    assert leftovers(tmp_path) == []


def test_an_interrupt_leaves_what_is_finished(tmp_path: Path, serial: dict[str, str]) -> None:
    class Interrupts(Told):
        def progress(self, cell: Cell, fraction: float, line: str) -> None:
            raise KeyboardInterrupt

        def started(self, cell: Cell) -> None:
            if len(self.ended) == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(cells(tmp_path), 1, Interrupts())
    assert len(digests(tmp_path)) == 3
    assert leftovers(tmp_path) == []
    sweep(cells(tmp_path), 1, Told())
    assert digests(tmp_path) == serial


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A sweep of two processes, hanging while the model of seed 2 is learned."""
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    monkeypatch.setenv("TOYS_HANG", "2")
    monkeypatch.setenv(
        "PYTHONPATH", f"{os.environ['PYTHONPATH']}{os.pathsep}{Path(__file__).parent}"
    )
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, str(script), str(out), "2"], start_new_session=True)
    # Both workers hang in seed 2: one learns its model, the other waits for it.
    wait_for(lambda: len(digests(out)) == 4 and leftovers(out) != [], process)
    monkeypatch.delenv("TOYS_HANG")
    yield process
    if alive(process.pid):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(
    holds: Callable[[], bool], process: subprocess.Popen[bytes] | None = None, seconds: float = 240
) -> None:
    """Wait until `holds`; long, for machines that have other things to do."""
    begun = time.monotonic()
    while not holds():
        assert process is None or process.poll() is None, "the sweep ended early"
        assert time.monotonic() < begun + seconds, f"waited for {seconds} s in vain"
        time.sleep(0.05)


def alive(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_sweep_goes_on_where_it_stopped(
    tmp_path: Path, serial: dict[str, str], hanging: subprocess.Popen[bytes]
) -> None:
    out = tmp_path / "out"
    os.kill(hanging.pid, signal.SIGKILL)
    hanging.wait()
    wait_for(lambda: not alive(hanging.pid))  # no worker outlives its parent
    told = Told()
    sweep(cells(out), 1, told)
    assert len(told.begun) == 4
    assert digests(out) == serial
    assert leftovers(out) == []


def test_an_interrupted_pool_leaves_what_is_finished(
    tmp_path: Path, serial: dict[str, str], hanging: subprocess.Popen[bytes]
) -> None:
    out = tmp_path / "out"
    os.killpg(hanging.pid, signal.SIGINT)  # as Ctrl-C does: the parent and its workers
    assert hanging.wait(timeout=240) == 130
    wait_for(lambda: not alive(hanging.pid))
    assert digests(out).items() < serial.items()
    assert leftovers(out) == []


AGENT = """
class Dies:
    def learn(self, phase):
        import os
        os._exit(9)
    def predict(self, observation, state=None, episode_start=None, deterministic=False): ...
    def save(self, folder): ...
    def load(self, folder): ...
"""


def test_a_process_that_dies_is_a_row(tmp_path: Path) -> None:
    file = tmp_path / "dies.py"
    file.write_text(AGENT)
    doomed = [Cell("coins/small", "smoke", f"{file}:Dies", seed, (), tmp_path) for seed in (0, 1)]
    made = sweep(doomed, 2, Told())
    assert [row.status for row in made] == ["failed"] * 2
    assert {row.message for row in made} == {"The agent ended its process: exit code 9."}


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0", [0]),
        ("0-4", [0, 1, 2, 3, 4]),
        ("0,2,5-7", [0, 2, 5, 6, 7]),
        ("3,1", [3, 1]),
        ("1,0-2,1", [1, 0, 2]),
        (" 1 , 2", [1, 2]),
        ("5-5", [5]),
    ],
)
def test_seeds_are_ranges_and_lists(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1,,2", "1.5", "1-2-3", "1234567", "٣ x"])
def test_other_seeds_are_told(text: str) -> None:
    with pytest.raises(UserError, match="not a seed range"):
        parse_seeds(text)


def test_a_backward_range_is_told() -> None:
    with pytest.raises(UserError, match="Try 2-4"):
        parse_seeds("4-2")

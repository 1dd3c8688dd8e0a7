"""Running cells from the command line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leapbench.results.result import Result
from leapbench.running.sweep import sweep

RUN = ("run", "coins/small")


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("seed-*.json"))


def running(group: int) -> list[str]:
    """States of the processes of a group that have not ended."""
    words = ["ps", "-eo", "pgid=,stat="]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    states = [line.split() for line in shown.splitlines()]
    return [state for pgid, state in states if int(pgid) == group and not state.startswith("Z")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "coins/smal", "toy-mean"), "'coins/small'"),
        ((*RUN, "toy-men"), "'toy-mean'"),
        ((*RUN, "toy-mean", "toy-gues"), "'toy-guess'"),
        ((*RUN, "toy-mean", "--tier", "smok"), "'smoke'"),
        ((*RUN, "toy-mean", "--tier", "paper"), "smoke"),
        ((*RUN, "toy-mean", "--seeds", "4-0"), "0-4"),
        ((*RUN, "toy-mean", "--seeds", "x"), "0-4"),
        ((*RUN, "toy-mean", "--set", "passs=2"), "'passes'"),
        ((*RUN, "toy-mean", "--set", "passes=two"), "int"),
        ((*RUN, "toy-mean", "--set", "passes"), "key=value"),
        ((*RUN, "toy-mean+toy-mean"), "two parts"),
        (("run", "coins/small", "msdnet"), "toy-mean"),
    ],
)
def test_a_mistake_is_one_line_with_a_way_out_and_leaves_nothing(toys, tmp_path, words, told):
    done = toys(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_out_folder_that_cannot_be_made_is_refused(toys, tmp_path):
    (tmp_path / "taken").write_text("")
    done = toys(*RUN, "toy-mean", "--out", tmp_path / "taken" / "runs")
    assert done.exit_code == 2
    assert "Name another folder" in done.stderr


def test_summary_tells_score_budget_time_file_and_where_the_board_is(toys, tmp_path):
    done = toys(*RUN, "toy-guess", "toy-guess-prior", "--seeds", "0-1")
    assert done.exit_code == 0, done.output
    found = files(tmp_path / "runs")
    assert len(found) == 4
    for path in found:
        assert f"  {path.relative_to(tmp_path)}\n" in done.stdout
    for text in (
        "toy-mean+toy-guess\n",
        "hits",
        "normalised",
        "per seed",
        "CPU",
        "leapbench board coins/small --tier smoke\n",
    ):
        assert text in done.stdout
    assert "look: 40 of 80 samples" in done.stdout
    scores = [Result.model_validate_json(path.read_text()).score for path in found]
    assert all(f"{score:.4f}" in done.stdout or score in (0, 1) for score in scores)


def test_summary_of_many_seeds_names_their_folder_and_the_time_of_all(toys):
    done = toys(*RUN, "toy-guess", "--seeds", "0-3")
    assert "small/smoke/toy-mean+toy-guess: 4 files\n" in done.stdout
    assert re.search(r"In all \S+ s of CPU time for 4 seeds\.", done.stdout)
    assert re.search(r"CPU +\S+ s a seed, \S+ s by the clock", done.stdout)
    alone = toys(*RUN, "toy-guess", "--seeds", "9").stdout
    assert "(1 seed: no interval)" in alone
    assert "In all" not in alone


def test_finished_seeds_are_not_run_again(toys, tmp_path):
    toys(*RUN, "toy-mean")
    (path,) = files(tmp_path / "runs")
    before = path.stat().st_mtime_ns
    done = toys(*RUN, "toy-mean", "--seeds", "0-1")
    assert path.stat().st_mtime_ns == before
    assert "was there already" in done.stderr
    assert len(files(tmp_path / "runs")) == 2


def test_json_is_one_object_a_result(toys, tmp_path):
    import json

    done = toys(*RUN, "toy-mean", "--seeds", "0,3", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["seed"] for record in found] == [0, 3]
    for record in found:
        path = Path(record.pop("file"))
        assert Result.model_validate(record) == Result.model_validate_json(path.read_text())


def test_quiet_prints_nothing(toys):
    assert toys(*RUN, "toy-mean", "--quiet").output == ""


def test_a_setting_goes_to_the_agents_that_have_it(toys, tmp_path):
    out = ("--out", tmp_path / "runs")
    assert toys(*RUN, "toy-guess", "toy-mean", "--set", "toy-mean.passes=2", *out).exit_code == 0
    # Both spell the same agent, so it ran once.
    (path,) = files(tmp_path / "runs")
    parts = Result.model_validate_json(path.read_text()).agent.parts
    assert [part.config.get("passes") for part in parts] == [2, None]


@pytest.fixture
def failing(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "class Broken:\n"
        "    def learn(self, phase):\n        raise ValueError('no luck')\n"
        "    def predict(self, *a, **k): ...\n"
        "    def save(self, folder): ...\n"
        "    def load(self, folder): ...\n"
    )
    return f"{file}:Broken"


def test_a_failed_seed_is_told_with_its_message(toys, failing):
    done = toys(*RUN, failing, "toy-mean")
    assert done.exit_code == 1
    assert "ValueError: no luck" in done.stdout
    assert "toy-mean+toy-guess" in done.stdout
    assert "Nothing to show" not in done.stdout
    alone = toys(*RUN, failing)
    assert "Nothing to show yet" in alone.stdout
    assert "leapbench board" not in alone.stdout


def test_the_board_that_is_named_reads_the_folder_of_the_run(toys):
    done = toys(*RUN, "toy-mean", "--out", "my trials")
    assert "--tier smoke --runs 'my trials'\n" in done.stdout


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_a_failed_seed_is_told_on_stderr_when_stdout_is_not_for_it(toys, failing, option):
    done = toys(*RUN, failing, option)
    assert done.exit_code == 1
    assert "ValueError: no luck" in done.stderr


def test_an_interrupt_says_what_is_kept_and_how_to_go_on(toys, monkeypatch, tmp_path):
    def stopped(cells, jobs, observer, on=""):
        sweep(cells[:1], jobs, observer, on)
        raise KeyboardInterrupt

    monkeypatch.setattr("leapbench.running.sweep.sweep", stopped)
    done = toys(*RUN, "toy-mean", "--seeds", "0-2")
    assert done.exit_code == 130
    assert "1 of 3 finished" in done.stderr
    (path,) = files(tmp_path / "runs")
    assert str(path.relative_to(tmp_path)) in done.stderr
    monkeypatch.undo()


def test_ctrl_c_leaves_with_130_and_the_same_command_goes_on(plugin, tmp_path):
    words = [sys.executable, "-m", "leapbench", *RUN, "toy-mean", "--seeds", "0-1"]
    first = tmp_path / "runs/coins/small/smoke/toy-mean+toy-guess/seed-0.json"
    environment = os.environ | {"TOYS_HANG": "1"}
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not first.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert "1 of 2 finished" in told
    assert "Traceback" not in told
    again = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "was there already" in again.stderr


def test_the_first_command_of_a_newcomer_trains_and_scores_on_digits(tmp_path):
    words = [sys.executable, "-m", "leapbench", "run", "earlyexit/digits", "msdnet"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = files(tmp_path / "runs")
    found = Result.model_validate_json(path.read_text())
    assert found.normalised is not None
    assert found.normalised > 0.5
    assert "msdnet+confidence" in done.stdout


def test_ctrl_c_stops_the_workers_too(plugin, tmp_path):
    words = [sys.executable, "-m", "leapbench", *RUN, "toy-mean", "--seeds", "0-2", "--jobs", "2"]
    first = tmp_path / "runs/coins/small/smoke/toy-mean+toy-guess/seed-2.json"
    process = subprocess.Popen(
        words,
        cwd=tmp_path,
        env=os.environ | {"TOYS_HANG": "1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not first.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert "2 of 3 finished" in told
    assert "Traceback" not in told
    while running(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running(process.pid) == []

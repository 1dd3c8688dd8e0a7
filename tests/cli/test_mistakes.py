"""What is typed wrong costs one line, before anything is run or made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Invoke = Callable[..., Result]
EXAMPLES = Path(__file__).parents[2] / "examples"
CLASSES = """
class Whole:
    def learn(self, phase): pass
    def save(self, folder): pass
    def load(self, folder): pass
    def predict(self, observation, state=None, episode_start=None, deterministic=False): pass

class Elsewhere(Whole):
    family = "earlyexit"

class Half:
    def predict(self, observation, state=None, episode_start=None, deterministic=False): pass
    def learn(self, phase): pass

class Network(Half):
    role = "model"
"""


def told(done: Result, tmp_path: Path, line: str) -> None:
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert line in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--nope",), "No such option '--nope'. Try: leapbench --help"),
        (("run", "--xyzzy"), "No such option '--xyzzy'. Try: leapbench run --help"),
        (("run", "--ter", "smoke"), "'--tier'"),
        (("run",), "Missing argument 'TASK'. Try: leapbench run --help"),
        (("run", "earlyexit/digits"), "Missing argument 'AGENT...'."),
        (("run", "a", "b", "--jobs", "x"), "Invalid value for '--jobs'"),
        (("run", "a", "b", "--jobs", "0"), "0 is not in the range x>=1"),
        (("run", "a", "b", "--jobs"), "Option '--jobs' requires an argument."),
        (("run", "a", "b", "--log", "x"), "'tensorboard'"),
        (("show", "a", "b"), "unexpected extra argument"),
        (("watch", "--steps", "2"), "Missing argument 'ENV-ID'."),
        (("verify", "nofile"), "'nofile' does not exist"),
        (("board", "--format", "x"), "'csv'"),
        (("host",), "Missing argument 'BOARD'. Try: leapbench host --help"),
        (("board", "--runs", "nodir"), "--runs nodir is no folder. `leapbench run --out`"),
        (("claims", "earlyexit", "--runs", "nodir"), "--runs nodir is no folder."),
        (("compare", "a", "b", "--runs", "nodir"), "--runs nodir is no folder."),
        (("site", "--runs", "nodir"), "--runs nodir is no folder."),
        (("host", "nodir"), "There is no board in nodir. --create makes one."),
        (
            ("host", "new", "--create", "--index", "db"),
            "'db' is no address of a database. Type postgresql+psycopg://USER@HOST:PORT/DATABASE.",
        ),
        (("verify", "brd", "--sample", "1"), "--sample is for results"),
        (("watch", "leapbench/DMC-v0", "--agent", "sac"), "its agents learn for too long"),
    ],
)
def test_a_line_says_what_and_what_to_type(
    invoke: Invoke, tmp_path: Path, words: tuple[str, ...], line: str
) -> None:
    (tmp_path / "brd" / "submissions").mkdir(parents=True)
    told(invoke(*words), tmp_path, line)
    assert not (tmp_path / "nodir").exists()


def test_help_is_still_help(invoke: Invoke) -> None:
    for words in ((), ("--help",), ("run", "--help")):
        assert invoke(*words).output.startswith("Usage: leapbench ")


@pytest.mark.parametrize(
    ("agent", "line"),
    [
        ("Elsewhere", "Elsewhere is for tasks of earlyexit, and coins/small is of coins."),
        ("Half", "Half cannot be a policy: it has no save, load."),
        ("Network", "Network cannot be a model: it has no save, load."),
    ],
)
def test_a_class_that_is_no_part_is_refused_before_the_run(
    toys: Invoke, tmp_path: Path, agent: str, line: str
) -> None:
    (tmp_path / "own.py").write_text(CLASSES)
    told(toys("run", "coins/small", f"own.py:{agent}"), tmp_path, line)


@pytest.mark.parametrize(
    ("task", "agent"),
    [
        ("activeview/niche", "custom_agent.py:TwoStage"),
        ("urlb/entropy-grid", "custom_agent.py:TwoStage"),
        ("earlyexit/digits", "custom_system.py:NearestPhotograph"),
    ],
)
def test_an_example_on_another_family_is_refused(
    invoke: Invoke, tmp_path: Path, task: str, agent: str
) -> None:
    told(invoke("run", task, EXAMPLES / agent), tmp_path, "is for tasks of")


@pytest.mark.parametrize(
    ("task", "words", "line"),
    [
        ("earlyexit/digits", "fixed-exit --set exit=0", "exit must be 1 or more"),
        ("earlyexit/digits", "dqn --set hidden=-3", "hidden must be 1 or more, got -3."),
        ("earlyexit/digits", "dqn --set exploration=2", "exploration must be in [0, 1]"),
        ("earlyexit/digits", "ppo --set batch=1", "batch must be 2 or more"),
        ("earlyexit/digits", "msdnet --set lr_factor=-1", "lr_factor must be above 0"),
        ("earlyexit/digits", "msdnet --set network=msdnt", "Did you mean 'msdnet'?"),
        ("earlyexit/digits", "l2w-den --set epsilon=-4", "epsilon must be in [0, 1]"),
        ("earlyexit/digits", "l2w-den --set centring=x", "There is no centring 'x'."),
        ("earlyexit/digits", "learned-gate --set lr=0", "lr must be above 0"),
        ("earlyexit/digits", "self-distillation --set alpha=7", "alpha must be in [0, 1]"),
        ("urlb/entropy-point", "ddpg --set rate=7", "rate must be above 0 and at most 1"),
        ("urlb/entropy-grid", "moss-tabular --set forget=0", "forget must be in (0, 1]"),
        ("activeview/niche", "variance-distance --set share=3", "share must be in [0, 1]"),
        ("dmc/cartpole-swingup", "sac --set rate=-1", "rate must be above 0"),
        ("atari100k/pong", "rainbow --set filters=0", "filters must be 1 or more"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_before_the_run(
    invoke: Invoke, tmp_path: Path, task: str, words: str, line: str
) -> None:
    told(invoke("run", task, *words.split()), tmp_path, line)

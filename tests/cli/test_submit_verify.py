"""Submitting and verifying as a user does it, on the toy task."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result as Ran

from leapbench.isolation import sandbox
from leapbench.leaderboards.submissions.bundle.keys import fingerprint, load_private
from leapbench.leaderboards.submissions.bundle.read import open_bundle
from leapbench.leaderboards.submissions.store import SubmissionStore

Invoke = Callable[..., Ran]
AGENT = '''
import numpy as np


class Same:
    """Bets on the last flip."""

    def __init__(self, least: float = 0.5):
        self.least = least

    def learn(self, phase):
        pass

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return (observation[:, 0] > self.least).astype(np.int64), state

    def save(self, folder):
        pass

    def load(self, folder):
        pass
'''


@pytest.fixture
def home(toys: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """The command with a home of its own and a run of the toy agent."""
    if sandbox.trouble():
        pytest.skip(f"no bubblewrap: {sandbox.trouble()}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    Path("same.py").write_text(AGENT)
    assert toys("run", "coins/small", "toy-guess", "same.py:Same", "--seeds", "0-1").exit_code == 0
    return toys


def said(result: Ran, code: int = 0) -> str:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def test_from_run_to_badge(home: Invoke) -> None:
    text = said(home("submit", "coins/small", "same.py:Same", "--name", "Ada"))
    assert "2 seeds" in text
    assert "not signed" in text
    assert "attempt 1. Next: leapbench verify board" in text
    text = said(home("verify", "board"))
    assert "reproduced" in text
    assert "every episode equal" in text
    assert "isolation: policy: inside bubblewrap" in text
    assert "--again" in said(home("verify", "board"))


def test_without_a_sandbox_a_strangers_row_is_checked_at_most(
    home: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(home("submit", "coins/small", "same.py:Same", "--name", "Ada"))
    monkeypatch.setattr(sandbox, "trouble", lambda: "bwrap is not installed")
    text = " ".join(said(home("verify", "board")).split())
    assert "not run again: Strangers' code runs inside bubblewrap only" in text
    assert "apt install bubblewrap" in text
    assert ": checked" in text
    text = " ".join(said(home("verify", "board", "--unsafe-no-sandbox", "--again")).split())
    assert ": checked" in text
    assert "run again without a sandbox" in text
    assert "NO SANDBOX" in text


def test_submitting_again_says_so_and_other_notes_are_another_attempt(home: Invoke) -> None:
    words = ("submit", "coins/small", "toy-guess", "--name", "Ada")
    said(home(*words))
    assert "was there already in board, attempt 1" in said(home(*words))
    assert "attempt 2" in said(home(*words, "--notes", "again"))
    assert [each.attempts for each in SubmissionStore(Path("board")).submissions()] == [2, 2]


def test_a_key_signs(home: Invoke) -> None:
    said(home("keygen"))
    text = said(home("submit", "coins/small", "toy-guess", "--to", "a.zip"))
    (key,) = Path("config").rglob("*.pem")
    assert f"signed by {fingerprint(load_private(key).public_key())}" in text
    text = said(home("submit", "coins/small", "toy-guess", "--to", "b.zip", "--unsigned"))
    assert "not signed" in text
    assert open_bundle(Path("a.zip")).manifest == open_bundle(Path("b.zip")).manifest


def test_equal_rows_give_equal_bundles(home: Invoke) -> None:
    for name in ("a.zip", "b.zip"):
        said(home("submit", "coins/small", "same.py:Same", "--to", name, "--unsigned"))
    assert Path("a.zip").read_bytes() == Path("b.zip").read_bytes()


def test_settings_travel(home: Invoke) -> None:
    setting = ("--set", "least=0.25")
    said(home("run", "coins/small", "same.py:Same", *setting))
    said(home("submit", "coins/small", "same.py:Same", *setting, "--to", "set.zip"))
    parts = open_bundle(Path("set.zip")).manifest.parts
    assert {"least": 0.25} in [part.config for part in parts]
    assert "reproduced" in said(home("verify", "set.zip"))


def test_numbers_alone_stay_self_reported(home: Invoke) -> None:
    said(home("submit", "coins/small", "same.py:Same", "--numbers", "--to", "n.zip"))
    assert [name for name in open_bundle(Path("n.zip")).manifest.files if ".py" in name] == []
    assert "self-reported" in said(home("verify", "n.zip"))


def test_changed_code_is_not_submitted_under_old_rows(home: Invoke) -> None:
    Path("same.py").write_text(AGENT.replace("> self", ">= self"))
    text = said(home("submit", "coins/small", "same.py:Same"), 2)
    assert "nothing to submit" in text
    assert "leapbench run coins/small same.py:Same" in text
    assert not Path("board").exists()


def test_a_file_name_that_cannot_travel_is_told(home: Invoke) -> None:
    Path("my agent.py").write_text(AGENT)
    said(home("run", "coins/small", "my agent.py:Same"))
    assert "Rename the file" in said(home("submit", "coins/small", "my agent.py:Same"), 2)


def test_a_failed_seed_goes_along(home: Invoke) -> None:
    Path("broken.py").write_text(AGENT.replace("return (obs", "1 / 0\n        return (obs"))
    assert home("run", "coins/small", "broken.py:Same").exit_code == 1
    said(home("submit", "coins/small", "broken.py:Same", "--to", "f.zip"))
    assert [row.status for row in open_bundle(Path("f.zip")).results()] == ["failed"]


def test_a_round_from_opening_to_closing(home: Invoke) -> None:
    said(home("submit", "coins/small", "toy-guess"))
    assert "No rounds yet" in said(home("round", "list", "board"))
    assert "Hash of its salt" in said(home("round", "open", "board"))
    said(home("submit", "coins/small", "same.py:Same"))
    text = said(home("verify", "board", "--audit"))
    assert "not audited: it arrived" in text
    assert "on secret seeds" in text
    assert "Its salt: " in said(home("round", "close", "board"))
    assert "secret" not in said(home("round", "list", "board"))


def test_json_is_one_verdict_a_line(home: Invoke) -> None:
    said(home("submit", "coins/small", "toy-guess"))
    (line,) = said(home("verify", "board", "--json")).splitlines()
    assert json.loads(line)["rows"][0]["exact"] is True


def test_looking_only(home: Invoke) -> None:
    text = said(home("verify", "runs", "--no-rerun"))
    assert "checked" in text
    assert "not run again" in text


def test_edited_results_are_refused(home: Invoke) -> None:
    path = next(Path("runs").glob("coins/*/*/*/seed-0.json"))
    path.write_text(path.read_text().replace('"status": "ok"', '"status":  "ok"'))
    said(home("verify", str(path), "--no-rerun"))
    record = json.loads(path.read_text())
    record["metrics"]["hits"] = record["score"] = record["normalised"] = 0.999
    path.write_text(json.dumps(record))
    assert "does not match the content" in said(home("verify", str(path)), 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("submit", "coins/smal", "toy-guess"), "Did you mean 'coins/small'"),
        (("submit", "coins/small", "toy-gess"), "Did you mean 'toy-guess'"),
        (("submit", "coins/small", "toy-guess-prior"), "First: leapbench run"),
        (("submit", "coins/small", "toy-guess", "--name", ""), "--name"),
        (("submit", "coins/small", "toy-guess", "--url", "ftp://x"), "--url"),
        (("submit", "coins/small", "toy-guess", "--key", "none.pem"), "leapbench keygen"),
        (("submit", "coins/small", "toy-guess", "--to", "http://127.0.0.1:9"), "cannot be reached"),
        (("verify", "nothing"), "does not exist"),
        (("verify", "same.py"), "not a valid result"),
        (("verify", "runs", "--audit"), "needs a board"),
        (("verify", "runs", "--seeds", "x"), "not a seed range"),
        (("verify",), "SUBJECT or --sample N"),
        (("verify", "--sample", "0"), "--sample"),
        (("round", "opne", "."), "opne"),
    ],
)
def test_mistakes_cost_one_line(home: Invoke, words: tuple[str, ...], told: str) -> None:
    result = home(*words)
    assert result.exit_code in (1, 2)
    assert told in result.output
    assert "Traceback" not in result.output
    assert not Path("board").exists()


def test_a_sample_of_runs_is_run_again(home: Invoke) -> None:
    text = said(home("verify", "runs", "--sample", "1", "--seed", "3"))
    assert "equal" in text
    assert "with --seed 3: 1 equal" in text


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-0.1", "1.1", "x", "1e400"])
def test_a_tolerance_is_a_number_from_0_to_1(toys: Invoke, tmp_path: Path, value: str) -> None:
    assert "--tolerance" in said(toys("verify", str(tmp_path), f"--tolerance={value}"), 2)

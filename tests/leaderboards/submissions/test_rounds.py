"""Rounds: the hash comes first, the salt later, and neither can be changed."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.rounds import Rounds, commit


@pytest.fixture
def rounds(tmp_path: Path) -> Rounds:
    return Rounds(tmp_path / "board", tmp_path / "secrets")


def test_an_open_round_shows_the_hash_and_hides_the_salt(rounds: Rounds, tmp_path: Path) -> None:
    opened = rounds.open()
    salt = rounds.salt(opened)
    assert commit(salt) == opened.commitment
    assert len(salt) == 64
    published = "".join(path.read_text() for path in (tmp_path / "board").rglob("*.json"))
    assert salt not in published
    assert opened.commitment in published
    (secret,) = (tmp_path / "secrets").iterdir()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert rounds.current() == opened


def test_a_closed_round_shows_its_salt(rounds: Rounds, tmp_path: Path) -> None:
    opened = rounds.open()
    salt = rounds.salt(opened)
    closed = rounds.close()
    assert (closed.salt, closed.commitment) == (salt, opened.commitment)
    assert closed.closed > closed.opened
    assert rounds.current() is None
    assert list((tmp_path / "secrets").iterdir()) == []
    elsewhere = Rounds(tmp_path / "board", tmp_path / "nothing")
    assert elsewhere.salt(elsewhere.all()[0]) == salt


def test_salts_do_not_repeat(rounds: Rounds) -> None:
    for _ in range(5):
        rounds.open()
        rounds.close()
    found = rounds.all()
    assert len({each.salt for each in found}) == 5
    assert [each.opened for each in found] == sorted(each.opened for each in found)


def test_two_rounds_are_not_open_at_once(rounds: Rounds) -> None:
    with pytest.raises(UserError, match="No round is open"):
        rounds.close()
    rounds.open()
    with pytest.raises(UserError, match="open already"):
        rounds.open()


def test_the_salt_of_an_open_round_is_only_where_it_was_opened(
    rounds: Rounds, tmp_path: Path
) -> None:
    opened = rounds.open()
    with pytest.raises(UserError, match="not on this machine"):
        Rounds(tmp_path / "board", tmp_path / "nothing").salt(opened)
    (secret,) = (tmp_path / "secrets").iterdir()
    secret.write_text("another")
    with pytest.raises(UserError, match="not the salt"):
        rounds.salt(opened)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"commitment": 1, "opened": 2, "more": 3}', '{"commitment": 1, "opened": 2}'],
)
def test_a_broken_round_is_one_line(rounds: Rounds, tmp_path: Path, text: str) -> None:
    rounds.open()
    (path,) = (tmp_path / "board" / "rounds").iterdir()
    path.write_text(text)
    with pytest.raises(UserError, match="is not a round"):
        rounds.all()


def test_a_salt_that_does_not_give_the_hash_is_found(rounds: Rounds, tmp_path: Path) -> None:
    rounds.open()
    rounds.close()
    (path,) = (tmp_path / "board" / "rounds").glob("*.salt.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"salt": "better"}))
    with pytest.raises(UserError, match="does not give its hash"):
        rounds.all()

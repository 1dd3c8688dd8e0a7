"""What the user types becomes parts and settings, or one clear line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.running.composition import Composition, compose

pytestmark = pytest.mark.usefixtures("plugin")


def coins(text: str, *changes: str) -> Composition:
    return compose(registry.task("coins/small"), text, changes)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("toy-guess", "toy-mean+toy-guess"),
        ("toy-mean", "toy-mean+toy-guess"),
        ("toy-mean+toy-guess-prior", "toy-mean+toy-guess-prior"),
        ("toy-guess-prior+toy-mean", "toy-mean+toy-guess-prior"),
    ],
)
def test_open_roles_take_the_default_in_the_tasks_order(text: str, name: str) -> None:
    made = coins(text)
    assert made.name == name
    assert list(made.parts) == ["model", "policy"]
    assert coins(made.name) == made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("toy-gues", "no agent 'toy-gues'. Did you mean 'toy-guess'"),
        ("toy-mean+toy-ges", "Did you mean 'toy-guess"),
        ("", "no agent ''"),
        ("toy-mean+", "no agent ''"),
        ("toy-guess+toy-guess-prior", "two parts of role 'policy': 'toy-guess' and"),
        ("msdnet", "'msdnet' is of earlyexit, not of coins. Of coins/small are: toy-"),
    ],
)
def test_wrong_names_are_told(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        coins(text)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("rate=0.25", 0.25),
        ("rate=1", 1.0),
        ("rounds=7", 7),
        ("greedy=false", False),
        ("greedy=False", False),
        ("mode=a=b", "a=b"),
        ("mode=", ""),
        ("toy-guess.rounds=7", 7),
    ],
)
def test_settings_take_the_type_of_their_default(change: str, value: Any) -> None:
    made = coins("toy-guess", change)
    key = change.partition("=")[0].rpartition(".")[2]
    assert made.config["policy"][key] == value
    assert type(made.config["policy"][key]) is type(value)
    assert made.changed == {f"toy-guess.{key}": value}
    assert made.config["model"] == {"passes": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("rate", "not of the form key=value"),
        ("rat=0.1", "no setting 'rat'. Did you mean 'rate'"),
        ("toy-mean.rate=0.1", "no setting 'toy-mean.rate'"),
        ("rate=fast", "expected float, such as 0.5"),
        ("rate=nan", "expected float, such as 0.5"),
        ("rate=-inf", "expected float, such as 0.5"),
        ("rounds=1.5", "expected int, such as 3"),
        ("greedy=1", "expected true or false"),
    ],
)
def test_wrong_settings_are_told(change: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        coins("toy-guess", change)


@pytest.mark.parametrize("change", ["rate=0.5", "rate=.50", "greedy=true", "rounds=3"])
def test_a_default_typed_out_changes_nothing(change: str) -> None:
    assert coins("toy-guess", change) == coins("toy-guess")


def test_a_key_of_several_parts_reaches_them_all_unless_named() -> None:
    task = registry.task("earlyexit/digits")
    parts = compose(task, "msdnet").parts
    for text in ("lr_factor=0.5", "msdnet.lr_factor=0.5"):
        made = compose(task, "msdnet", [text])
        assert made.config["model"]["lr_factor"] == 0.5
    assert "lr_factor" not in parts["policy"].config


@settings(max_examples=30)
@given(st.floats(-(2**53), 2**53), st.integers(0, 10**6), st.booleans())
def test_what_is_printed_can_be_typed(rate: float, rounds: int, greedy: bool) -> None:
    typed = (f"rate={rate!r}", f"rounds={rounds}", f"greedy={greedy}")
    expected = {"rate": rate, "rounds": rounds, "greedy": greedy, "mode": "last"}
    assert coins("toy-guess", *typed).config["policy"] == expected
    assert coins("toy-guess", *reversed(typed)) == coins("toy-guess", *typed)


def test_parts_are_built_with_their_settings() -> None:
    made: Any = coins("toy-guess", "rounds=9").build("policy")
    assert (made.rounds, made.rate) == (9, 0.5)


def test_the_record_says_what_ran() -> None:
    record = coins("toy-guess", "rounds=9").record()
    assert record.name == "toy-mean+toy-guess"
    assert [part.role for part in record.parts] == ["model", "policy"]
    assert record.parts[1].config["rounds"] == 9
    assert record.parts[1].settings == {"rounds": 9}
    assert record.parts[0].settings == {}
    assert [part.family for part in record.parts] == ["coins", "coins"]
    assert record.ranked


def test_one_unranked_part_makes_the_agent_unranked(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = registry.agent("toy-mean", "coins").model_copy(update={"ranked": False})
    monkeypatch.setitem(registry.agents(), "coins/toy-mean", hidden)
    assert not coins("toy-guess").record().ranked


PRESETS: dict[str, Any] = {"rate": 0.25, "rounds": 7, "hidden": 64}


def preset(text: str, *changes: str, presets: Any = PRESETS) -> Composition:
    task = registry.task("coins/small")
    protocol = task.protocols["smoke"].model_copy(update={"presets": presets})
    return compose(task, text, changes, protocol)


def test_presets_are_the_defaults_of_parts_that_have_such_settings() -> None:
    made = preset("toy-guess")
    assert made.config["policy"] == {"rate": 0.25, "rounds": 7, "greedy": True, "mode": "last"}
    assert made.config["model"] == {"passes": 1}
    assert made.changed == {}
    assert made.record().parts[1].config["rounds"] == 7
    assert registry.agent("toy-guess", "coins").config["rounds"] == 3


def test_what_the_user_types_goes_over_presets() -> None:
    assert preset("toy-guess", "rounds=7").changed == {}
    made = preset("toy-guess", "rounds=3")
    assert made.changed == {"toy-guess.rounds": 3}
    assert made.config["policy"]["rounds"] == 3
    assert made.config["policy"]["rate"] == 0.25


@pytest.mark.parametrize(
    ("presets", "kept"),
    [
        ({"rate": 1}, (1.0, 3)),
        ({"rounds": 4, "toy-guess.rounds": 5, "toy-mean.rounds": 6}, (0.5, 5)),
        ({"toy-mean.rounds": 6}, (0.5, 3)),
        ({"rounds": 1.5}, (0.5, 3)),
        ({"rounds": True}, (0.5, 3)),
    ],
)
def test_presets_are_for_a_part_of_that_name_and_a_setting_of_that_type(
    presets: Any, kept: Any
) -> None:
    config = preset("toy-guess", presets=presets).config["policy"]
    assert (config["rate"], config["rounds"]) == kept
    assert isinstance(config["rate"], float)

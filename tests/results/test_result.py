"""Result files are there whole or not at all, and no changed one is read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from leapbench.errors import UserError
from leapbench.results import result
from leapbench.results.result import AgentRecord, Part, Result, Spent, Timing, columns
from leapbench.results.values import LARGEST

printable = st.text(st.characters(exclude_categories=("C", "Z")), max_size=8)
scalars = st.booleans() | st.integers(-LARGEST, LARGEST) | st.floats(-LARGEST, LARGEST) | printable
rows = st.integers(0, 5).flatmap(
    lambda count: st.dictionaries(
        printable,
        st.lists(scalars, min_size=count, max_size=count),
        max_size=4,
    )
)


def make(**changes: Any) -> Result:
    part = Part(name="a", role="policy", version=1, config={"rate": 0.5})
    fields: dict[str, Any] = {
        "task": "toy/one",
        "tier": "smoke",
        "protocol_hash": "abc",
        "agent": AgentRecord(name="a", parts=(part,)),
        "seed": 0,
        "budget": (Spent(phase="p", unit="steps", used=3, limit=4),),
        "episodes": {"score": [0.5, 1.0], "seed": [1, 2]},
        "metrics": {"score": 0.75},
        "score": 0.75,
        "normalised": 0.75,
    }
    return Result.model_validate(fields | changes)


@settings(max_examples=30)
@given(rows)
def test_what_is_written_is_read(episodes: dict[str, list[Any]]) -> None:
    path = Path(os.environ["RESULTS"]) / "seed-0.json"
    one = make(episodes=episodes)
    result.write(one, path)
    found = result.read(path)
    assert found.episodes == episodes
    assert [list(map(type, c)) for c in found.episodes.values()] == [
        list(map(type, c)) for c in episodes.values()
    ]
    assert found.run_id == one.digest() == found.digest()
    assert columns(found.rows()) == (episodes if found.rows() else {})


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESULTS", str(tmp_path_factory.mktemp("results")))
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "below" / "seed-0.json"
    result.write(make(), file)
    return file


def change(path: Path, **fields: Any) -> None:
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"score": 0.9},
        {"seed": 1},
        {"metrics": {"score": 0.76}},
        {"episodes": {"score": [0.5, 0.9], "seed": [1, 2]}},
        {"protocol_hash": "abd"},
        {"run_id": "0" * 16},
    ],
)
def test_a_changed_file_is_refused(path: Path, fields: dict[str, Any]) -> None:
    change(path, **fields)
    with pytest.raises(UserError, match=r"not a valid result.*run_id"):
        result.read(path)


def test_a_file_without_its_identity_is_refused(path: Path) -> None:
    change(path, run_id="", score=0.9)
    with pytest.raises(UserError, match="no run_id"):
        result.read(path)


@pytest.mark.parametrize(
    "fields",
    [
        {"timing": {"started": "today", "wall": 9.0, "cpu": 8.0}},
        {"provenance": {"commit": "abc", "dirty": True}},
    ],
)
def test_what_varies_between_equal_runs_is_not_part_of_the_identity(
    path: Path, fields: dict[str, Any]
) -> None:
    before = result.read(path).run_id
    change(path, **fields)
    assert result.read(path).run_id == before


def test_a_reused_phase_is_not_part_of_the_identity() -> None:
    spent = Spent(phase="p", unit="steps", used=3, limit=4, reused=True)
    assert make(budget=(spent,), timing=Timing(cpu=3.0)).digest() == make().digest()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"episodes": {"a": [1.0], "b": [1.0, 2.0]}}, "differ in length"),
        ({"metrics": {"score": float("nan")}}, "finite"),
        ({"metrics": {"score": 1e200}}, "too large"),
        ({"timing": {"cpu": 1.7e308}}, "less than or equal"),
        ({"timing": {"wall": -1.0}}, "greater than or equal"),
        ({"episodes": {"a": [1.0, float("nan"), 2.0]}}, "not finite"),
        ({"episodes": {"a": [1e200]}}, "too large"),
        ({"episodes": {"a": [None]}}, "NoneType"),
        ({"details": {"a": 1e200}}, "cannot stand in a record"),
        ({"episodes": {"a": [float("nan")]}}, "not finite"),
        ({"details": {"curve": [float("inf")]}}, "JSON"),
        ({"score": None}, "score goes with status"),
        ({"status": "failed"}, "score goes with status"),
        ({"status": "fine"}, "status"),
        ({"seed": -1}, "seed"),
        ({"colour": "red"}, "colour"),
        ({"schema_version": 1}, "schema_version"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make(**fields)


def test_more_than_the_budget_is_refused() -> None:
    with pytest.raises(ValidationError, match="used 5 of 4"):
        Spent(phase="p", unit="steps", used=5, limit=4)


def test_too_much_is_neither_written_nor_read(tmp_path: Path) -> None:
    path = tmp_path / "seed-0.json"
    large = make(episodes={"text": ["x" * 1000] * 200})
    with pytest.raises(UserError, match="allowed"):
        result.write(large, path)
    assert list(tmp_path.iterdir()) == []
    path.write_text(" " * (result.MAX_BYTES + 1))
    with pytest.raises(UserError, match="larger than"):
        result.read(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_torn_file_is_refused(path: Path, share: float) -> None:
    text = path.read_text()
    path.write_text(text[: int(len(text) * share)])
    with pytest.raises(UserError, match="not a valid result"):
        result.read(path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]", b"null", b"{}", b'{"a": NaN}'])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a valid result"):
        result.read(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        result.read(tmp_path / "none.json")


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_a_failed_write_leaves_what_was_there(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(step, fail)
    with pytest.raises(OSError, match="disk full"):
        result.write(make(seed=1), path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_files_have_the_users_usual_permissions(path: Path) -> None:
    plain = path.parent / "plain"
    plain.write_text("")
    assert path.stat().st_mode == plain.stat().st_mode

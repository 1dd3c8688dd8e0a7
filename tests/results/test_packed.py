"""Rows in one file are the rows that went in, and each is checked as though it came alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_result import make, rows

from leapbench.errors import UserError
from leapbench.results import packed, result
from leapbench.results.result import AgentRecord, Part, Result, Spent

FAILED = {"status": "failed", "score": None, "normalised": None, "metrics": {}, "episodes": {}}


def seeds() -> list[Result]:
    """Three seeds, of which one failed."""
    again = Spent(phase="p", unit="steps", used=3, limit=4, reused=True)
    return [
        make(provenance={"cores": 2, "code": "a"}),
        make(seed=1, provenance={"cores": 2, "code": "b"}, budget=(again,)),
        make(seed=7, **FAILED, message="tried"),
    ]


@settings(max_examples=30)
@given(st.lists(rows, min_size=1, max_size=4))
def test_what_is_packed_is_read(found: list[dict[str, list[Any]]]) -> None:
    given = [make(seed=seed, episodes=episodes) for seed, episodes in enumerate(found)]
    assert [
        row.model_copy(update={"run_id": ""}) for row in packed.unpack(packed.pack(given), "x")
    ] == given


def test_seeds_stand_in_order_a_line_each_and_what_they_share_stands_once() -> None:
    data = packed.pack(seeds()[::-1])
    assert [row.seed for row in packed.unpack(data, "x")] == [0, 1, 7]
    lines = data.decode().splitlines()
    assert sum(line.startswith("  {") for line in lines) == 3
    assert data.count(b'"toy/one"') == data.count(b'"protocol_hash"') == 1
    assert packed.pack(packed.unpack(data, "x")) == data


def test_a_packed_file_and_one_a_seed_hold_the_same_rows(tmp_path: Path) -> None:
    packed.write(seeds(), tmp_path / "smoke/a.json")
    for row in seeds():
        result.write(row, tmp_path / f"runs/smoke/a/seed-{row.seed}.json")
    whole = packed.read_all(tmp_path / "smoke/a.json")
    each = [row for p in packed.paths(tmp_path / "runs/smoke") for row in packed.read_all(p)]
    assert sorted(each, key=lambda row: row.seed) == list(whole)
    assert len(packed.below(tmp_path)) == 4


def changed(**changes: Any) -> bytes:
    data = json.loads(packed.pack(seeds()))
    for path, value in changes.items():
        *folders, last = path.split("__")
        place = data
        for name in folders:
            place = place[int(name) if name.isdigit() else name]
        place[last] = value
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(shared__task="toy/two"), "run_id"),
        (changed(seeds__0__score=0.9), "run_id"),
        (changed(seeds__0__run_id=""), "no run_id"),
        (changed(seeds__1__seed=0), "run_id"),
        (changed(shared__colour="red"), "colour"),
        (changed(schema_version=1), "schema_version 2"),
        (changed(seeds=[]), "1 to 1000 seeds"),
        (changed(more=1), "expected schema_version, shared and seeds"),
        (changed(shared__agent=None), "agent"),
        (changed(seeds__0__episodes={"score": [0.5, 1.0], "seed": [1]}), "length"),
        (changed(seeds=[1]), "not a valid result"),
        (b"[" * 100_000, "not a valid result"),
        (b"\xff", "not a valid result"),
        (b"[]", "not a valid result"),
        (packed.pack(seeds())[:-5], "not a valid result"),
        (b" " * (packed.PACKED_BYTES + 1), "larger than"),
    ],
)
def test_a_changed_file_is_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        packed.unpack(data, "x.json")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_one_file_is_of_one_agent_and_has_a_seed_once(tmp_path: Path) -> None:
    other = make(seed=1, agent=AgentRecord(name="b", parts=(Part(name="b", role="policy"),)))
    for rows_, message in (([make(), other], "two tasks or agents"), ([make()] * 2, "one seed")):
        with pytest.raises(UserError, match=message):
            packed.write(rows_, tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_agents_lie_under_names_of_their_own() -> None:
    def named(name: str, **fields: Any) -> str:
        return AgentRecord(name=name, parts=(Part(name=name, role="policy", **fields),)).folder

    assert named("plain") == "plain"
    folders = [
        named("plain"),
        named("plain", file_hash="0" * 16),
        named("plain", file_hash="1" * 16),
        named("plain", settings={"rate": 1}),
        named("plain", settings={"rate": 2}),
        named("../up"),
        named("a" * 300),
        named("a" * 299),
    ]
    assert len(set(folders)) == len(folders)
    assert all("/" not in name and len(name) < 120 and name[0] != "." for name in folders)

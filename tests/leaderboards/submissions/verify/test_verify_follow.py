"""What must follow from a row: every edit that leaves a trace is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from forging import run
from pydantic import ValidationError

from leapbench.leaderboards.submissions.bundle.manifest import BundledPart
from leapbench.leaderboards.submissions.verify import follow
from leapbench.leaderboards.submissions.verify.follow import NAMES, examine
from leapbench.leaderboards.submissions.verify.parts import named
from leapbench.results.result import AgentRecord, Result


@pytest.fixture
def row(runs: Path) -> Result:
    return run(runs, seeds="0")[0]


def wrong(row: Result, **changes: Any) -> dict[str, str]:
    """The checks that an edited row does not pass."""
    edited = row.model_copy(update=changes)
    found = examine(edited, named(edited))
    return {name: text for name, text in found.items() if text}


def columns(row: Result, keep: slice) -> dict[str, Any]:
    return {name: values[keep] for name, values in row.episodes.items()}


def test_a_real_row_follows(row: Result) -> None:
    assert examine(row, named(row)) == dict.fromkeys(NAMES, "")


def test_missing_extra_and_other_episodes_are_found(row: Result) -> None:
    seeds, hits = row.episodes["seed"], row.episodes["hits"]
    cases = {
        "missing": columns(row, slice(0, -1)),
        "one more": {name: [*values, values[-1]] for name, values in row.episodes.items()},
        "seed is": row.episodes | {"seed": [seeds[0] + 1, *seeds[1:]]},
        "episode is": {name: values[::-1] for name, values in row.episodes.items()},
        "seed is None": {"episode": row.episodes["episode"], "hits": hits},
    }
    for text, episodes in cases.items():
        assert text in wrong(row, episodes=episodes)["episodes"], text


@pytest.mark.parametrize("place", range(6))
def test_an_edited_episode_is_found_by_the_metrics(row: Result, place: int) -> None:
    hits = list(row.episodes["hits"])
    hits[place] += 0.125
    assert set(wrong(row, episodes=row.episodes | {"hits": hits})) == {"metrics"}


@pytest.mark.parametrize("column", ["none", "text"])
def test_ill_typed_episodes_are_no_traceback(row: Result, column: str) -> None:
    text = {"none": {}, "text": {"hits": ["a"] * len(row.episodes["hits"])}}[column]
    kept = {name: values for name, values in row.episodes.items() if name != "hits"}
    assert "do not follow" in wrong(row, episodes=kept | text)["metrics"]


def test_metrics_score_and_normalised_must_be_one_number(row: Result) -> None:
    metrics = {"metrics": {"hits": 0.9}}
    assert wrong(row, **metrics).keys() == {"metrics", "score"}
    assert wrong(row, score=0.9, normalised=0.9).keys() == {"score"}
    assert "normalised" in wrong(row, normalised=0.99)["score"]
    assert wrong(row, metrics=row.metrics | {"bonus": 1.0}).keys() == {"metrics"}


def test_budgets_are_those_of_the_protocol(row: Result) -> None:
    first, *rest = row.budget
    more = first.model_copy(update={"limit": first.limit * 2})
    assert wrong(row, budget=(more, *rest)).keys() == {"budget"}
    assert wrong(row, budget=(first,)).keys() == {"budget"}
    assert wrong(row, budget=(*rest, first)).keys() == {"budget"}


def test_another_protocol_or_task_is_looked_at_no_further(row: Result) -> None:
    assert wrong(row, protocol_hash="0" * 16).keys() == {"protocol"}
    assert wrong(row, tier="paper").keys() == {"protocol"}
    assert "There is no task" in wrong(row, task="coins/none")["protocol"]


def test_a_failed_row_may_have_no_numbers(row: Result) -> None:
    bare = {"status": "failed", "score": None, "normalised": None, "metrics": {}, "episodes": {}}
    assert wrong(row, **bare) == {}
    assert wrong(row, **bare, budget=row.budget[:1]) == {}
    kept = {"metrics": row.metrics, "episodes": row.episodes, "normalised": 0.5}
    assert wrong(row, **(bare | kept)).keys() == {"episodes", "metrics", "score"}


def part(name: str, kind: Any, file: str = "", entry: str = "") -> BundledPart:
    return BundledPart(
        role="policy", kind=kind, name=name, file=file, entry=entry, file_hash="0" * 16
    )


def test_strangers_may_not_take_names_or_ranks(row: Result) -> None:
    for taken in ("toy-guess", "anything", "a/b.py:A", "..\\b.py:A"):
        with pytest.raises(ValidationError):
            part(taken, "code", "code/a.py", "A")
    part("a.py:A", "code", "code/a.py", "A")
    for kind, file, entry in (("graph", "m/a.onnx", ""), ("weights", "m/a.safetensors", "net")):
        brought = part("a:mine", kind, file, entry)
        assert "not ranked" in examine(row, [brought])["ranked"]
        shown = row.model_copy(update={"agent": row.agent.model_copy(update={"ranked": False})})
        assert not examine(shown, [brought])["ranked"]


def test_an_oracle_may_not_call_itself_ranked(row: Result) -> None:
    oracle = part("oracle-budgeted", "registered")
    assert "not ranked" in follow._ranked(
        row.model_copy(update={"task": "earlyexit/digits"}), [oracle]
    )
    unranked = AgentRecord(name="o", parts=row.agent.parts, ranked=False)
    assert not examine(row.model_copy(update={"agent": unranked}), [oracle])["ranked"]

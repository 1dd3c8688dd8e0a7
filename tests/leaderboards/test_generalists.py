"""Agents of no family over the families: who is ranked, and which task stands for a family."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.contract import registry
from leapbench.leaderboards import generalists as subject
from leapbench.leaderboards import tables
from leapbench.leaderboards.board import BoardEntry, assemble
from leapbench.leaderboards.generalists import generalists
from leapbench.leaderboards.statistics import iqm
from leapbench.results.result import AgentRecord, Part, Result

DIGITS, LEVELS, DESIGN = "earlyexit/digits", "latency/levels", "latency/design"


@pytest.fixture(autouse=True)
def two_families(monkeypatch):
    monkeypatch.setattr(subject, "_families", lambda: {"earlyexit", "latency"})


def board(task, scores, model="msdnet", **fields):
    """The board of a smoke task with rows of policies, by name and normalised scores."""
    found = registry.task(task)
    protocol = found.protocols["smoke"]
    low, high = protocol.metric.floor.value, protocol.metric.ceiling.value
    made = []
    for name, each in scores.items():
        family = "" if name.startswith("general-") else found.family
        acting = Part(name=name, role=[*found.default_agents][-1], family=family, **fields)
        network = [Part(name=model, role="model", family=found.family)] * ("earlyexit" in task)
        agent = AgentRecord(
            name="+".join(p.name for p in [*network, acting]), parts=(*network, acting)
        )
        for seed, share in enumerate(each):
            score = None if share is None else low + share * (high - low)
            row = Result(
                status="failed" if score is None else "ok",
                task=task,
                tier="smoke",
                protocol_hash=protocol.hash,
                agent=agent,
                seed=seed,
                score=score,
                normalised=share,
            )
            made.append(BoardEntry(row, Path("x"), "yours"))
    return assemble(protocol, made)


def test_the_ranks_are_by_the_interquartile_mean_over_families():
    some = {"general-ppo": [0.5, 0.6, 0.7], "general-random": [0.0, 0.1, 0.2], "ppo": [0.9, 0.9]}
    other = {"general-ppo": [0.3, 0.4, 0.5], "general-random": [0.1, 0.1, 0.1]}
    found = generalists([board(DIGITS, some), board(LEVELS, other)])
    assert [each.label for each in found.standings] == ["general-ppo", "general-random"]
    best = found.standings[0]
    assert best.iqm.value == pytest.approx(iqm([some["general-ppo"], other["general-ppo"]]))
    assert best.iqm.low < best.iqm.value < best.iqm.high
    assert [str(each.rank) for each in found.standings] == ["1", "2"]
    assert found.missing == ()


def test_who_lacks_a_family_is_shown_with_what_is_missing_and_not_ranked():
    some = {"general-dqn": [0.9, 0.9], "general-ppo": [0.1, 0.2]}
    found = generalists([board(DIGITS, some), board(LEVELS, {"general-ppo": [0.1, 0.2]})])
    table = tables.generalists_table(found)
    shown = {row.cells["agent"].text: row for row in table.rows}
    assert [*shown] == ["general-ppo", "general-dqn"]
    lacking = shown["general-dqn"]
    assert lacking.status == "incomplete"
    assert lacking.cells["latency"].text == "missing"
    assert lacking.cells["families"].text == "1 of 2"
    assert lacking.cells["iqm"].value is None


def test_a_family_without_rows_leaves_everybody_unranked():
    found = generalists([board(DIGITS, {"general-ppo": [0.1, 0.2]}), board(LEVELS, {"ppo": [1.0]})])
    assert found.missing == ("latency",)
    assert [each.rank for each in found.standings] == [None]
    assert any("latency" in note for note in tables.generalists_table(found).notes)


def test_the_task_with_most_generalists_stands_for_its_family():
    few = board(DESIGN, {"general-random": [0.1, 0.2]})
    many = board(LEVELS, {"general-random": [0.3, 0.4], "general-ppo": [0.3, 0.4]})
    found = generalists([few, many])
    assert found.boards["latency"].protocol.task == LEVELS
    assert generalists([few, few]).boards["latency"].protocol.task == DESIGN


def test_rows_beside_another_network_or_that_failed_do_not_count():
    other = board(DIGITS, {"general-ppo": [0.1, 0.2]}, model="ranet")
    assert generalists([other]).standings == ()
    failed = board(DIGITS, {"general-ppo": [0.1, None]})
    assert generalists([failed]).standings == ()


def test_other_settings_and_versions_are_other_agents():
    rows = [
        board(DIGITS, {"general-ppo": [0.1, 0.2]}, **fields) for fields in ({"version": 99}, {})
    ]
    labels = [generalists([each]).standings[0].label for each in rows]
    assert labels == ["general-ppo v99", "general-ppo"]
    changed = board(DIGITS, {"general-ppo": [0.1, 0.2]}, settings={"hidden": 8})
    assert generalists([changed]).standings[0].label == "general-ppo hidden=8"

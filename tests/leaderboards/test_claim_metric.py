"""Claims about another metric than the score."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.contract.card import Claim
from leapbench.contract.registry import task
from leapbench.leaderboards.board import Board, BoardEntry, assemble
from leapbench.leaderboards.claims import judge
from leapbench.results.result import AgentRecord, Part, Result

TASK = task("urlb/entropy-grid")
PROTOCOL = TASK.protocols["smoke"]
CLAIM = Claim(name="c", agent="moss-tabular-max", over="moss-tabular-min", metric="entropy_0")


def board(**values: list[float]) -> Board:
    """Rows of agents by name, `_` for `-`; their scores say the opposite of the metric."""
    found = []
    for name, entropies in values.items():
        agent = name.replace("_", "-")
        part = Part(name=agent, role="policy", version=1)
        for seed, value in enumerate(entropies):
            made = Result(
                task=TASK.name,
                tier="smoke",
                protocol_hash=PROTOCOL.hash,
                agent=AgentRecord(name=agent, parts=(part,)),
                seed=seed,
                score=-value,
                normalised=-value,
                metrics={} if value < 0 else {"entropy_0": value},
            )
            found.append(BoardEntry(made, Path("x"), "yours"))
    return assemble(PROTOCOL, found)


def test_the_named_metric_decides_and_more_of_it_is_better() -> None:
    rows = board(moss_tabular_max=[2.0, 2.1, 2.2], moss_tabular_min=[1.0, 1.0, 1.1])
    finding = judge(CLAIM, TASK, rows)
    assert finding.verdict == "reproduced"
    assert finding.effect is not None
    assert finding.effect.value == pytest.approx((1.0 + 1.1 + 1.1) / 3)
    assert finding.subject == "moss-tabular-max over moss-tabular-min, in entropy_0"
    turned = CLAIM.model_copy(update={"agent": CLAIM.over, "over": CLAIM.agent})
    assert judge(turned, TASK, rows).verdict == "contradicted"


def test_without_a_name_the_score_decides() -> None:
    rows = board(moss_tabular_max=[2.0, 2.1, 2.2], moss_tabular_min=[1.0, 1.0, 1.1])
    finding = judge(CLAIM.model_copy(update={"metric": ""}), TASK, rows)
    assert finding.verdict == "contradicted"
    assert finding.subject == "moss-tabular-max over moss-tabular-min"


def test_rows_that_lack_the_metric_do_not_speak() -> None:
    rows = board(moss_tabular_max=[2.0, 2.1], moss_tabular_min=[-1.0, -1.0])
    finding = judge(CLAIM, TASK, rows)
    assert (finding.verdict, finding.reason) == ("not tested", "no entropy_0")


def test_claims_of_the_task_name_metrics_that_its_results_have() -> None:
    from leapbench.running.cell import harness_of

    plan = harness_of(TASK).schedule(PROTOCOL)
    rows = [row | {"return": 1.0, "length": 2, "entropy": 0.0} for row in plan]
    known = set(harness_of(TASK).metrics(PROTOCOL, rows))
    assert {claim.metric for claim in TASK.claims if claim.metric} <= known

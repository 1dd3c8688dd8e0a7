"""A paper's claims against the rows of a board, by paired difference over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leapbench.composition import compose
from leapbench.errors import UserError
from leapbench.leaderboards.board import Board
from leapbench.leaderboards.intervals import Estimate, estimate
from leapbench.task import Claim, Task

Verdict = Literal["reproduced", "not distinguishable", "contradicted", "not tested"]
POINTS = ("point", "percentage point", "%", "pp", "pt")


@dataclass(frozen=True)
class Finding:
    """What the rows say about a claim.

    Attributes:
        claim: the claim.
        effect: paired difference, agent minus the other, in the claim's unit;
            None without a common seed.
        verdict: "reproduced" or "contradicted" when the 95 % interval lies on
            one side of zero.
        reason: why it was not tested, else empty.
    """

    claim: Claim
    effect: Estimate | None
    verdict: Verdict
    reason: str = ""


def findings(task: Task, board: Board) -> list[Finding]:
    """Every claim of the task, judged on one board."""
    return [judge(claim, task, board) for claim in task.claims]


def judge(claim: Claim, task: Task, board: Board) -> Finding:
    """Judge one claim; agents with changed settings do not count for it."""
    names = [resolved(task, text) for text in (claim.agent, claim.over)]
    pair = [board.defaults[name] for name in names if name in board.defaults]
    if len(pair) < 2:
        lacking = [name for name in names if name not in board.defaults]
        return Finding(claim, None, "not tested", f"no row of {' and '.join(lacking)}")
    seeds = sorted(pair[0].scores.keys() & pair[1].scores.keys())
    if not seeds:
        return Finding(claim, None, "not tested", "no seed in common")
    differences = [pair[0].scores[seed] - pair[1].scores[seed] for seed in seeds]
    effect = estimate(differences).scaled(_factor(claim))
    if effect.half_width is None:
        return Finding(claim, effect, "not tested", "one common seed gives no interval")
    return Finding(claim, effect, verdict(effect, board.protocol.metric.higher_is_better))


def verdict(effect: Estimate, higher_is_better: bool) -> Verdict:
    """Which side of zero the interval lies on; an interval that touches it says nothing."""
    if effect.low is None or effect.high is None or effect.low <= 0 <= effect.high:
        return "not distinguishable"
    return "reproduced" if (effect.low > 0) == higher_is_better else "contradicted"


def resolved(task: Task, text: str) -> str:
    """Full name of an agent as results carry it, parts left open filled in."""
    try:
        return compose(task, text).name
    except UserError:  # a claim may be about an agent that is not written yet
        return text


def _factor(claim: Claim) -> float:
    """From the score's unit to the claim's: fractions to percentage points, or none."""
    return 100.0 if claim.unit.lower().startswith(POINTS) else 1.0

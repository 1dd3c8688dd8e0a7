"""A paper's claims against the rows of a board, by paired difference over seeds."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Literal

from leapbench.contract.card import Claim
from leapbench.contract.task import Protocol, Task
from leapbench.errors import UserError
from leapbench.leaderboards.board import Board
from leapbench.leaderboards.commands import spans
from leapbench.leaderboards.rows import BoardRow
from leapbench.leaderboards.statistics import Interval, paired_difference
from leapbench.running.composition import compose

Verdict = Literal["reproduced", "not distinguishable", "contradicted", "not tested"]
VERDICTS: tuple[Verdict, ...] = (
    "reproduced",
    "contradicted",
    "not distinguishable",
    "not tested",
)
POINTS = ("point", "percentage point", "%", "pp", "pt")
SEEDS = (0, 1, 2, 3, 4)  # for a claim that nobody has tested


@dataclass(frozen=True)
class ClaimResult:
    """What the rows say about a claim.

    Attributes:
        claim: the claim.
        protocol: task and tier that it was judged on.
        effect: paired difference, agent minus the other, in the claim's unit;
            None without a common seed.
        seeds: the common seeds.
        verdict: "reproduced" or "contradicted" when the 95 % interval lies on
            one side of zero.
        reason: why it was not tested, else empty.
    """

    claim: Claim
    protocol: Protocol
    effect: Interval | None
    seeds: tuple[int, ...]
    verdict: Verdict
    reason: str = ""

    @property
    def subject(self) -> str:
        """Who over whom, and in which metric if not the task's own."""
        claim = self.claim
        metric = f", in {claim.metric}" if claim.metric else ""
        return f"{claim.agent} over {claim.over}{metric}"

    @property
    def published(self) -> str:
        """The published effect with its unit; empty where none was."""
        effect, unit = self.claim.effect, self.claim.unit
        return "" if effect is None else f"{effect:+g} {unit}".strip()

    @property
    def command(self) -> str:
        """What to type to measure it again."""
        words = ["leapbench", "run", self.protocol.task, self.claim.agent, self.claim.over]
        words += ["--tier", self.protocol.tier, "--seeds", spans(self.seeds or SEEDS)]
        return shlex.join(words)


def findings(task: Task, board: Board) -> list[ClaimResult]:
    """Every claim of the task, judged on one board."""
    return [judge(claim, task, board) for claim in task.claims]


def judge(claim: Claim, task: Task, board: Board) -> ClaimResult:
    """Judge one claim; agents with changed settings do not count for it."""
    names = [resolved(task, text) for text in (claim.agent, claim.over)]
    pair = [_values(claim, board.defaults[name]) for name in names if name in board.defaults]
    if len(pair) < 2:
        lacking = [name for name in names if name not in board.defaults]
        return _untested(claim, board, f"no row of {' and '.join(lacking)}")
    seeds = tuple(sorted(pair[0].keys() & pair[1].keys()))
    if not seeds:
        unmeasured = bool(claim.metric) and not all(pair)
        reason = f"no {claim.metric}" if unmeasured else "no seed in common"
        return _untested(claim, board, reason)
    effect = paired_difference(pair[0], pair[1]).scaled(_factor(claim))
    if not effect.known:
        reason = "one common seed gives no interval"
        return ClaimResult(claim, board.protocol, effect, seeds, "not tested", reason)
    found = verdict(effect, bool(claim.metric) or board.protocol.metric.higher_is_better)
    return ClaimResult(claim, board.protocol, effect, seeds, found)


def verdict(effect: Interval, higher_is_better: bool) -> Verdict:
    """Which side of zero the interval lies on; an interval that touches it says nothing."""
    if not effect.excludes(0):
        return "not distinguishable"
    return "reproduced" if (effect.low > 0) == higher_is_better else "contradicted"


def resolved(task: Task, text: str) -> str:
    """Full name of an agent as results carry it, parts left open filled in."""
    try:
        return compose(task, text).name
    except UserError:  # a claim may be about an agent that is not written yet
        return text


def _values(claim: Claim, row: BoardRow) -> dict[int, float]:
    """What the claim is about, of each seed that was completed."""
    if not claim.metric:
        return row.scores
    results = (entry.result for entry in row.entries)
    return {r.seed: r.metrics[claim.metric] for r in results if claim.metric in r.metrics}


def _untested(claim: Claim, board: Board, reason: str) -> ClaimResult:
    return ClaimResult(claim, board.protocol, None, (), "not tested", reason)


def _factor(claim: Claim) -> float:
    """From the score's unit to the claim's: fractions to percentage points, or none."""
    return 100.0 if claim.unit.lower().startswith(POINTS) else 1.0

"""What runs will cost, from what rows say that such runs took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from leapbench.contract.task import Protocol
from leapbench.leaderboards.board import Board
from leapbench.leaderboards.rows import BoardRow
from leapbench.results.provenance import provenance

HOUR = 3600.0
Basis = Literal["rows", "others", "none"]


@dataclass(frozen=True)
class Cost:
    """What an agent's seeds on one task and tier will take.

    Attributes:
        protocol: of the task and tier.
        agent: its name.
        seeds: how many are asked for.
        basis: "rows" of the agent itself, of the "others" on the task where it has none, or
            "none" where nobody has.
        known: rows' seeds, or other agents, that it is taken from.
        cpu: CPU seconds a seed: the mean of its rows, or the median of the others' means.
        here: whether all rows that it is taken from name this machine's processor.
    """

    protocol: Protocol
    agent: str
    seeds: int
    basis: Basis
    known: int = 0
    cpu: float | None = None
    here: bool = False

    @property
    def hours(self) -> float | None:
        """Core-hours of all its seeds; None where it is not known."""
        return None if self.cpu is None else self.seeds * self.cpu / HOUR


def cost(board: Board, agent: str, identity: str, seeds: int) -> Cost:
    """What an agent will take on a board's task and tier.

    A row's CPU time counts a phase that was reused as when it ran, so that seeds which share
    one cost less than this.

    Args:
        board: the task's, with rows of the current protocol.
        agent: name of the agent.
        identity: what its rows are known by.
        seeds: how many are asked for.
    """
    own = [row for row in board.rows if row.version == identity and not row.submission]
    if own:
        took = [e.result.timing.cpu for row in own for e in row.entries]
        mean = sum(took) / len(took)
        return Cost(board.protocol, agent, seeds, "rows", len(took), mean, _here(own))
    others = [row for row in board.scored if not row.submission]
    if others:
        middle = median(row.cpu for row in others)
        return Cost(board.protocol, agent, seeds, "others", len(others), middle, _here(others))
    return Cost(board.protocol, agent, seeds, "none")


def _here(rows: Sequence[BoardRow]) -> bool:
    """Whether all rows were made on processors of this machine's name."""
    cpu = provenance()["cpu"]
    return all(e.result.provenance.get("cpu") == cpu for row in rows for e in row.entries)


def total(costs: Sequence[Cost]) -> float:
    """Core-hours of those that are known."""
    return sum(each.hours for each in costs if each.hours is not None)

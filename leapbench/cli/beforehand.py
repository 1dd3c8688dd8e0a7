"""What a run takes, in one line before it starts: data, budgets, and how long earlier ones took."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leapbench.contract.task import Protocol, Task
    from leapbench.leaderboards.costs import Cost
    from leapbench.running.cell import Cell

MINUTE = 60.0


def line(cells: Sequence[Cell], jobs: int, runs: Path) -> str:
    """The line.

    Args:
        cells: of one task and tier, at least one.
        jobs: processes.
        runs: folder of the user's own results, whose timings count too.
    """
    from leapbench.api.costs import plan
    from leapbench.contract import registry

    name, tier = cells[0].task, cells[0].tier
    agents = list(dict.fromkeys(cell.agent for cell in cells))
    seeds = ",".join(dict.fromkeys(str(cell.seed) for cell in cells))
    own = runs if runs.is_dir() else None
    costs = plan([name], agents, tier=tier, seeds=seeds, runs=own).costs
    told = [data(registry.task(name), tier), budget(costs[0].protocol), time(costs, jobs)]
    return f"{name}, {tier}: {'; '.join(told)}"


def data(task: Task, tier: str) -> str:
    """What it learns from."""
    return f"data {task.card.data_of(tier) or 'made by the world'}"


def budget(protocol: Protocol) -> str:
    """Budgets of a seed, phases of one unit together."""
    sums: dict[str, int] = {}
    for phase in protocol.phases:
        sums[phase.budget.unit] = sums.get(phase.budget.unit, 0) + phase.budget.limit
    amounts = " and ".join(f"{limit:,} {unit}" for unit, limit in sums.items())
    return f"budget {amounts or 'none'} a seed"


def time(costs: Sequence[Cost], jobs: int) -> str:
    """Minutes that earlier rows let one expect, if no seed is finished already."""
    known = [each.cpu * each.seeds for each in costs if each.cpu is not None]
    if len(known) < len(costs):
        return "no timing known"
    minutes = sum(known) / min(jobs, sum(each.seeds for each in costs)) / MINUTE
    long = "less than a minute" if minutes < 1 else f"about {minutes:,.0f} min"
    own = all(each.basis == "rows" for each in costs)
    return f"{long} of CPU time by {'earlier rows' if own else 'rows of other agents'}"

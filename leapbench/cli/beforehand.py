"""What a run takes, in one line before it starts: data, budgets, and how long earlier ones took."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leapbench.contract.task import Protocol, Task
    from leapbench.leaderboards.costs import Cost
    from leapbench.running.cell import Cell

MINUTE, HOUR = 60.0, 3600.0


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
    """CPU time that earlier rows let one expect, if no seed is finished already."""
    known = [each.cpu * each.seeds for each in costs if each.cpu is not None]
    if len(known) < len(costs):
        return "no timing known"
    seeds, whole = sum(each.seeds for each in costs), sum(known)
    some = f"{span(whole / seeds)} a seed" if seeds > 1 else ""
    jobs = min(jobs, seeds)
    clock = f"{span(whole / jobs)} by the clock on {jobs} free cores" if jobs > 1 else ""
    more = f" ({', '.join(filter(None, (some, clock)))})" if some else ""
    own = all(each.basis == "rows" for each in costs)
    here = all(each.here for each in costs)
    where = "" if here else " from other processors: yours may be faster or slower"
    rows = "earlier rows" if own else "rows of other agents"
    return f"about {span(whole)} of CPU time{more}, by {rows}{where}"


def span(seconds: float) -> str:
    """A time to two digits, in the unit that suits it: "0.4 s", "35 s", "2.5 min", "12 h"."""
    value, unit = seconds, "s"
    if seconds >= 1.5 * HOUR:
        value, unit = seconds / HOUR, "h"
    elif seconds >= 1.5 * MINUTE:
        value, unit = seconds / MINUTE, "min"
    return f"{value:,.0f} {unit}" if value >= 9.95 else f"{value:.1f} {unit}"

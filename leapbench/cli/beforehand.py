"""What a run takes, in one line before it starts: data, budgets, and how long earlier ones took."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from leapbench.errors import UserError

if TYPE_CHECKING:
    from leapbench.contract.task import Protocol, Task
    from leapbench.leaderboards.costs import Cost

MINUTE = 60.0


def line(
    name: str, tier: str, agents: Sequence[str], seeds: str, jobs: int, runs: Path
) -> str | None:
    """The line; None where the command has a mistake, which the run itself will tell.

    Args:
        name: of the task.
        tier: tier name.
        agents: as typed.
        seeds: such as "0-4".
        jobs: processes.
        runs: folder of the user's own results, whose timings count too.
    """
    from leapbench.api.costs import plan
    from leapbench.contract import registry

    if name not in registry.tasks():
        return None
    try:
        costs = plan([name], agents, tier=tier, seeds=seeds, runs=runs).costs
    except UserError:
        return None
    task = registry.task(name)
    told = [data(task, tier), budget(costs[0].protocol), time(costs, jobs)]
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

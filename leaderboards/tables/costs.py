"""The table of what runs will cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leapbench.leaderboards.costs import Cost, total
from leapbench.leaderboards.render.table import Table, TableCell, TableColumn
from leapbench.leaderboards.render.table import TableRow as Line
from leapbench.leaderboards.tables import cells

COLUMNS = (
    TableColumn("task", "Task"),
    TableColumn("tier", "Tier", spare=2),
    TableColumn("agent", "Agent"),
    TableColumn("seeds", "Seeds", "number", spare=1),
    TableColumn(
        "cpu", "CPU s", "number", "lower", "Seconds a seed.", legend="processor seconds a seed"
    ),
    TableColumn("hours", "Core-hours", "number", "lower", legend="of all its seeds"),
    TableColumn(
        "basis",
        "From",
        help="Its own rows, or the median of others' means.",
        legend="whose rows say so",
    ),
)
BASIS = {"rows": "{n} of its seeds", "others": "{n} other agents", "none": "no rows yet"}


def costs_table(costs: Sequence[Cost]) -> Table:
    """One line a task and agent, one for each task with several, and one for all."""
    lines = [_line(each) for each in costs]
    tasks = list(dict.fromkeys((c.protocol.task, c.protocol.tier) for c in costs))
    for task, tier in tasks if len(tasks) > 1 else ():
        own = [c for c in costs if (c.protocol.task, c.protocol.tier) == (task, tier)]
        if len(own) > 1:
            lines.append(_sum(task, tier, own))
    lines.append(_sum("all", "", costs))
    tiers = dict.fromkeys(each.protocol.tier for each in costs)
    return Table(
        title="What these runs cost",
        subtitle=f"Tier {', '.join(tiers)}; CPU seconds a seed, of rows as they were made on the "
        "processors that they name: this one may be faster or slower",
        columns=COLUMNS,
        rows=tuple(lines),
        notes=tuple(_notes(costs)),
        meta={"kind": "costs", "hours": total(costs)},
    )


def _line(each: Cost) -> Line:
    unknown = TableCell(None, "unknown")
    made = {
        "task": TableCell(each.protocol.task, each.protocol.task),
        "tier": TableCell(each.protocol.tier, each.protocol.tier),
        "agent": TableCell(each.agent, each.agent),
        "seeds": TableCell(each.seeds, str(each.seeds)),
        "cpu": unknown if each.cpu is None else cells.number(each.cpu, 1),
        "hours": unknown if each.hours is None else cells.number(each.hours, 3),
        "basis": TableCell(each.basis, BASIS[each.basis].format(n=each.known)),
    }
    return Line(made, "ranked" if each.basis == "rows" else "incomplete")


def _sum(task: str, tier: str, costs: Sequence[Cost]) -> Line:
    seeds = sum(each.seeds for each in costs)
    made = {name: TableCell(None, "") for name in ("cpu", "basis")} | {
        "task": TableCell(task, task),
        "tier": TableCell(tier, tier),
        "agent": TableCell("all", "all"),
        "seeds": TableCell(seeds, str(seeds)),
        "hours": cells.number(total(costs), 3),
    }
    return Line(made, "unranked")


def _notes(costs: Sequence[Cost]) -> Iterator[str]:
    yield (
        "A phase that seeds or agents share, such as a network under many policies, is counted "
        "for each of them and runs once: this is the most that they cost."
    )
    nothing = [f"{c.agent} on {c.protocol.task}" for c in costs if c.cpu is None]
    if nothing:
        yield f"Not in the sums, for want of rows: {', '.join(nothing)}."

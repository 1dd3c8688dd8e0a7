"""The table of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leapbench.leaderboards.compare import Comparison, Total, totals
from leapbench.leaderboards.render.table import Table, TableCell, TableColumn
from leapbench.leaderboards.render.table import TableRow as Line
from leapbench.leaderboards.tables import cells

COLUMNS = (
    TableColumn("task", "Task"),
    TableColumn("tier", "Tier"),
    TableColumn("agent", "Agent"),
    TableColumn("verdict", "Verdict", "badge", help="About the first of the two."),
    TableColumn(
        "difference",
        "Difference",
        "interval",
        help="First minus second, paired over common seeds, with a 95 % interval.",
        legend="score of the first minus the second",
    ),
    TableColumn(
        "a", "First", "interval", help="Mean score of the first.", spare=4, legend="its score"
    ),
    TableColumn(
        "b", "Second", "interval", help="Mean score of the second.", spare=4, legend="its score"
    ),
    TableColumn(
        "improvement",
        "P(better)",
        "interval",
        "higher",
        "Probability that a run of the first beats one of the second, by the bootstrap.",
        spare=2,
        legend="chance that a run of the first beats one of the second",
    ),
    TableColumn("n", "Seeds", "number", help="Seeds that both completed.", legend="that both have"),
    TableColumn(
        "budget",
        "Budget ratio",
        "number",
        "lower",
        "Highest share of a budget that was used, first over second.",
        spare=3,
        legend="budget used, first over second",
    ),
    TableColumn(
        "cpu",
        "CPU ratio",
        "number",
        "lower",
        "CPU seconds a seed, first over second.",
        1,
        "processor seconds a seed, first over second",
    ),
)


def compare_table(a: str, b: str, found: Sequence[Comparison]) -> Table:
    """One line a task, tier and agent, and one for each agent over all tasks.

    Args:
        a: the first as typed.
        b: the second as typed.
        found: the comparisons.
    """
    lines = [_line(each) for each in found]
    one = len({each.agent for each in found}) == 1  # the title names it
    columns = tuple(column for column in COLUMNS if not (one and column.key == "agent"))
    return Table(
        title=f"{a} against {b}",
        subtitle="Differences are the first minus the second, paired over common seeds"
        + _spread(found),
        columns=columns,
        rows=(*lines, *map(_total, totals(found))),
        notes=tuple(_notes(found)),
        meta={"kind": "compare", "a": a, "b": b},
    )


def _spread(found: Sequence[Comparison]) -> str:
    """What stands behind ±, or that nothing does."""
    most = max((len(each.seeds) for each in found), default=0)
    return f"; {cells.INTERVAL if most > 1 else cells.ALONE}" if most else ""


def _notes(found: Sequence[Comparison]) -> Iterator[str]:
    metrics = sorted({each.protocol.metric.name for each in found})
    yield f"Scores: {', '.join(metrics)}; over several tasks normalised scores."
    if any(each.verdict == "same bytes" for each in found):
        yield "Same bytes: every common seed has the same run id, so that nothing changed at all."
    if any(any(each.failed) for each in found):
        yield "A seed that failed in one of both decides: what survived would flatter its row."


def _line(each: Comparison) -> Line:
    protocol = each.protocol
    found = {
        "task": cells.text(protocol.task),
        "tier": cells.text(protocol.tier),
        "agent": TableCell(each.agent, each.agent),
        "verdict": TableCell(each.verdict, each.verdict, note=_remark(each)),
        "difference": cells.interval(each.difference, 4, signed=True),
        "a": cells.interval(each.a.score if each.a.scores else None),
        "b": cells.interval(each.b.score if each.b.scores else None),
        "improvement": cells.interval(each.improvement, 2),
        "n": cells.count(len(each.seeds)),
        "budget": cells.number(each.budget, 2),
        "cpu": cells.number(each.cpu, 2),
    }
    return Line(found, "unranked" if each.reason else "ranked")


def _remark(each: Comparison) -> str:
    """Why they cannot be compared, or which seeds failed on one side."""
    sides = zip(("first", "second"), each.failed, strict=True)
    failed = [f"the {side} failed on seeds {_listed(seeds)}" for side, seeds in sides if seeds]
    other = each.a.name == each.b.name and each.a.version != each.b.version
    versions = f"version {each.a.version[:6]} against {each.b.version[:6]}" if other else ""
    return "; ".join(filter(None, (each.reason, *failed, versions)))


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _total(total: Total) -> Line:
    nothing = {column.key: TableCell(None, cells.NONE) for column in COLUMNS}
    return Line(
        nothing
        | {
            "task": cells.text(f"{total.tasks} tasks"),
            "agent": TableCell(total.agent, total.agent),
            "verdict": TableCell(total.verdict, total.verdict),
            "difference": cells.interval(total.difference, 4, signed=True),
        }
    )

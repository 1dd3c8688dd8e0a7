"""The table of agents that know no family, over the families."""

from __future__ import annotations

from collections.abc import Iterator

from leapbench.leaderboards.generalists import General, Generalists
from leapbench.leaderboards.render.table import Table, TableCell, TableColumn, Value
from leapbench.leaderboards.render.table import TableRow as Line
from leapbench.leaderboards.tables import cells
from leapbench.leaderboards.tables.board import AGENT, RANK

SPARE = 7
IQM = TableColumn(
    "iqm",
    "IQM",
    "interval",
    "higher",
    "Interquartile mean of normalised scores over all runs and families.",
    legend="mean of the middle half of its normalised scores",
)


def generalists_table(found: Generalists) -> Table:
    """Generalists by the interquartile mean over families; those that lack one unranked."""
    families = tuple(
        TableColumn(family, family, "interval", "higher", _about(found, family), SPARE + place)
        for place, family in enumerate(found.boards)
    )
    every = len(found.boards) + len(found.missing)
    return Table(
        title="Agents that know no family",
        subtitle="Interquartile mean (IQM) and scores of each family's task, normalised: 0 at its "
        "floor, 1 at its ceiling; ± is a 95 % interval over seeds",
        columns=(
            RANK,
            AGENT,
            IQM,
            TableColumn("families", "Families", "number", legend="those in which it has rows"),
            *families,
        ),
        rows=tuple(_line(s, place, found, every) for place, s in enumerate(found.standings, 1)),
        notes=tuple(_notes(found)),
        meta=_meta(found),
    )


def _about(found: Generalists, family: str) -> str:
    protocol = found.boards[family].protocol
    return f"{protocol.task}, tier {protocol.tier}, normalised."


def _line(standing: General, place: int, found: Generalists, every: int) -> Line:
    count = len(standing.rows)
    made = {
        "rank": cells.rank(place, standing.rank),
        "agent": TableCell(standing.label, standing.label),
        "iqm": cells.interval(standing.iqm, 3),
        "families": TableCell(count, f"{count} of {every}"),
    }
    for family in found.boards:
        row = standing.rows.get(family)
        made[family] = cells.interval(row.normalised, 3) if row else TableCell(None, "missing")
    if standing.rank is not None:
        return Line(made, "ranked", standing.tie)
    return Line(made, "incomplete")


def _notes(found: Generalists) -> Iterator[str]:
    shown = (f"{b.protocol.task} {b.protocol.tier}" for b in found.boards.values())
    yield f"Tasks and tiers: {', '.join(shown)}."
    if found.missing:
        yield f"No generalist has a row in {', '.join(found.missing)}."
    if any(standing.rank is None for standing in found.standings):
        yield "An agent that lacks a family is not ranked."


def _meta(found: Generalists) -> dict[str, Value]:
    meta: dict[str, Value] = {"kind": "generalists"}
    for family, board in found.boards.items():
        meta[f"{family} task"] = board.protocol.task
        meta[f"{family} tier"] = board.protocol.tier
        meta[f"{family} protocol_hash"] = board.protocol.hash
    return meta

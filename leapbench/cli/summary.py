"""What `leapbench run` says at the end."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean

import click

from leapbench.cli.beforehand import span
from leapbench.cli.output import console, facts, number
from leapbench.contract.task import Metric
from leapbench.leaderboards.board import BoardEntry, BoardRow, rows
from leapbench.leaderboards.meanings import meaning
from leapbench.leaderboards.tables.cells import ALONE, around
from leapbench.results.result import Result, read
from leapbench.running.cell import Cell

LISTED = 3
"""Files of an agent, or phases, that are named one by one; of more the number is told."""


def print_json(cells: Sequence[Cell]) -> None:
    """Print each result as one line of JSON, with the path of its file as "file"."""
    for cell in cells:
        record = read(cell.path).model_dump(mode="json")
        click.echo(json.dumps({"file": str(cell.path)} | record, allow_nan=False))


def print_failures(cells: Sequence[Cell]) -> None:
    """Print a line on stderr for each seed that failed."""
    for cell in cells:
        result = read(cell.path)
        if result.status != "ok":
            click.echo(f"error: {cell.agent} seed {cell.seed}: {failure(result)}", err=True)


def print_summary(cells: Sequence[Cell]) -> None:
    """Print a paragraph for each agent."""
    protocol = cells[0].protocol
    click.echo(f"{protocol.task}, tier {protocol.tier}, protocol {protocol.hash}")
    for _, group in groupby(cells, key=lambda cell: cell.agent):
        own = list(group)
        entries = [BoardEntry(read(cell.path), cell.path, "yours") for cell in own]
        row = rows(entries, protocol)[0]
        _agent(own, row)
    if len(cells) > 1:
        whole = sum(read(cell.path).timing.cpu for cell in cells)
        click.echo(f"\nIn all {span(whole)} of CPU time for {len(cells)} seeds.")
    if any(read(cell.path).status == "ok" for cell in cells):
        out = cells[0].out
        runs = "" if out == Path("runs") else f" --runs {shlex.quote(str(out))}"
        board = f"leapbench board {protocol.task} --tier {protocol.tier}{runs}"
        click.echo(f"\nAmong the others: {board}")
    else:
        click.echo("\nNothing to show yet: failed seeds run again when the same is typed again.")


def _agent(cells: Sequence[Cell], row: BoardRow) -> None:
    metric = cells[0].protocol.metric
    click.secho(f"\n{row.label}", bold=True)
    pairs: list[tuple[str, str]] = []
    if row.scores:
        pairs.append((metric.name, score(row, metric)))
        if told := meaning(cells[0].protocol):
            better = "higher" if metric.higher_is_better else "lower"
            pairs.append(("", f"{told}; {better} is better"))
    if len(row.scores) > 1:
        pairs.append(("per seed", "  ".join(f"{s}: {number(v)}" for s, v in row.scores.items())))
    pairs += [(f"seed {result.seed}", failure(result)) for result in row.failures]
    pairs += [("budget", line) for line in budget(row)]
    pairs.append(("CPU", f"{span(row.cpu)} a seed, {span(_clock(row))} by the clock"))
    console().print(facts(pairs))
    if len(cells) > LISTED and not cells[0].keep:
        click.echo(f"  {cells[0].path.parent}: {len(cells)} files")
        return
    for cell in cells:  # not in the table: a path must stay in one piece
        click.echo(f"  {cell.path}")
        for kept in sorted(cell.kept.glob("*/")) if cell.keep else ():
            click.echo(f"  {kept}")


def _clock(row: BoardRow) -> float:
    """Mean seconds a seed by the clock."""
    return fmean(entry.result.timing.wall for entry in row.entries)


def score(row: BoardRow, metric: Metric) -> str:
    """Mean over seeds with its interval, and on the normalised scale."""
    seeds = f"95 %, {len(row.scores)} seeds" if row.score.known else ALONE
    return f"{around(row.score)} ({seeds}), normalised {around(row.normalised, 3)}"


def budget(row: BoardRow) -> list[str]:
    """What each phase spent, as a mean over seeds; phases that spent alike together."""
    first = row.entries[0].result.budget
    alike: dict[str, list[str]] = {}
    for i, phase in enumerate(first):
        used = [e.result.budget[i].used for e in row.entries if len(e.result.budget) > i]
        whole = f"{phase.limit:,} {phase.unit}"
        mean = sum(used) / len(used)
        spent = f"{mean:,.0f} of {whole}" if mean else f"none of {whole} used"
        again = " (learned before, used again)" if phase.reused else ""
        alike.setdefault(f"{spent}{again}", []).append(phase.phase)
    return [
        f"{', '.join(names) if len(names) <= LISTED else f'{len(names)} phases'}: {text}"
        + (" each" if len(names) > 1 else "")
        for text, names in alike.items()
    ]


def failure(result: Result) -> str:
    """Status and message of a seed that did not end well."""
    return f"{result.status}: {result.message}"

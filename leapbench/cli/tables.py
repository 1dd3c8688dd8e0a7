"""A board as tables for people and as JSON for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
from rich.padding import Padding
from rich.text import Text

from leapbench.cli.output import console, facts, number, table
from leapbench.leaderboards.board import Board, Row
from leapbench.leaderboards.claims import Finding
from leapbench.leaderboards.intervals import Estimate
from leapbench.task import Task

CELL = 14  # characters that a cell of the matrix takes, 3 of them padding
BESIDE = 56  # characters that the ranking takes beside the agents' names


def print_board(task: Task, board: Board, judged: Sequence[Finding]) -> None:
    """Print matrix, ranking, what is not ranked, and the claims."""
    protocol = board.protocol
    click.secho(f"{task.name}, tier {protocol.tier}, protocol {protocol.hash}", bold=True)
    better = "higher" if protocol.metric.higher_is_better else "lower"
    click.echo(f"{protocol.metric.name}, {better} is better; ± is a 95 % interval over n seeds")
    if len(task.default_agents) == 2:
        _matrix(task, board)
    _ranking(board)
    for row in board.failed:
        for result in row.failures:
            click.echo(f"failed: {row.label} seed {result.seed}: {result.message}")
    for row in board.other:
        click.echo(f"other protocol: {row.label} ({row.entries[0].result.protocol_hash})")
    for problem in board.problems:
        click.echo(f"left out: {problem}")
    _claims(judged)


def _ranking(board: Board) -> None:
    if not board.scored:
        protocol = board.protocol
        click.echo("\nNo rows yet. The first one:")
        click.echo(f"  leapbench run {protocol.task} AGENT --tier {protocol.tier}")
        return
    rows = [(str(place), *_cells(row)) for place, row in enumerate(board.ranked, 1)]
    rows += [("-", *_cells(row)) for row in board.unranked]
    heads = ("", "agent", "score", "norm.", "n", "CPU s", "rows")
    console().print(table(heads, rows, right=("score", "norm.", "n", "CPU s")))
    if board.unranked:
        click.echo("- is not ranked: it looks at what agents may not see.")


def _cells(row: Row) -> tuple[str, ...]:
    long = len(row.label) > console().width - BESIDE
    return (
        row.label.replace("+", "+\n") if long else row.label,
        _around(row.score),
        f"{row.normalised:.3f}",
        str(row.score.count),
        f"{row.cpu:.1f}",
        row.origin,
    )


def _around(estimate: Estimate, paired: int = 0) -> str:
    """Mean and interval; with its sign and the number of seeds for a paired difference."""
    width = "" if estimate.half_width is None else f" ± {number(estimate.half_width)}"
    if paired:
        return f"{estimate.mean:+.4f}{width}, paired over {paired} seeds"
    return number(estimate.mean) + width


def _matrix(task: Task, board: Board) -> None:
    """Rows for the first role, columns for the second, in as many tables as fit."""
    down, across = task.default_agents
    plain = sorted(board.defaults.values(), key=board.scored.index)
    cells = {(_part(row, down), _part(row, across)): row for row in plain}
    if not cells:
        return
    names, policies = (list(dict.fromkeys(key[i] for key in cells)) for i in (0, 1))
    screen = console()
    corner = f"{down} \\ {across}"
    room = max(1, (screen.width - max(map(len, (corner, *names))) - 3) // CELL)
    for start in range(0, len(policies), room):
        columns = policies[start : start + room]
        body: list[tuple[str | Text, ...]] = [
            (name, *(_cell(cells.get((name, column))) for column in columns)) for name in names
        ]
        heads = (textwrap.fill(column, CELL - 3) for column in columns)
        screen.print(table((corner, *heads), body))


def _part(row: Row, role: str) -> str:
    """Name of the part of `role`; an agent in one piece fills neither."""
    return next((part.name for part in row.agent.parts if part.role == role), "-")


def _cell(row: Row | None) -> Text:
    """Mean, and below it the interval and the number of seeds."""
    if row is None:
        return Text("-", style="dim")
    width = row.score.half_width
    around = "" if width is None else f"±{number(width)} "
    text = Text(f"{number(row.score.mean)}{'' if row.agent.ranked else ' *'}\n")
    return text.append(f"{around}n={row.score.count}", style="dim")


def _claims(judged: Sequence[Finding]) -> None:
    """Print each claim as a paragraph: its names are too long for columns."""
    if not judged:
        return
    click.secho("\nClaims", bold=True)
    for finding in judged:
        claim = finding.claim
        click.echo(f"\n{claim.name}: {_verdict(finding)}")
        pairs = [("of", f"{claim.agent} over {claim.over}")]
        if claim.effect is not None:
            pairs.append(("published", f"{claim.effect:+g} {claim.unit}".strip()))
        if finding.effect is not None:
            pairs.append(("here", _around(finding.effect, finding.effect.count)))
        console().print(Padding(facts(pairs), (0, 0, 0, 2)))


def _verdict(finding: Finding) -> str:
    return f"{finding.verdict} ({finding.reason})" if finding.reason else finding.verdict


def record(board: Board, judged: Sequence[Finding]) -> dict[str, Any]:
    """The board as JSON data; a row of each kind has the same keys."""
    protocol = board.protocol
    return {
        "task": protocol.task,
        "tier": protocol.tier,
        "protocol_hash": protocol.hash,
        "metric": protocol.metric.name,
        "rows": list(_records(board)),
        "claims": [_finding(finding) for finding in judged],
        "problems": list(board.problems),
    }


def _records(board: Board) -> Iterator[dict[str, Any]]:
    kinds: dict[str, Iterable[Row]] = {
        "ranked": board.ranked,
        "unranked": board.unranked,
        "failed": board.failed,
        "other protocol": board.other,
    }
    for kind, rows in kinds.items():
        for place, row in enumerate(rows, 1):
            yield {"kind": kind, "rank": place if kind == "ranked" else None} | _row(row)


def _row(row: Row) -> dict[str, Any]:
    scores = {str(seed): value for seed, value in row.scores.items()}
    return {
        "agent": row.label,
        "score": row.score.mean if scores else None,
        "half_width": row.score.half_width if scores else None,
        "normalised": row.normalised if scores else None,
        "seeds": scores,
        "cpu_seconds": row.cpu,
        "origin": row.origin,
        "failures": {str(r.seed): f"{r.status}: {r.message}" for r in row.failures},
    }


def _finding(finding: Finding) -> dict[str, Any]:
    effect = finding.effect
    return finding.claim.model_dump() | {
        "measured": effect.mean if effect else None,
        "half_width": effect.half_width if effect else None,
        "seeds": effect.count if effect else 0,
        "verdict": finding.verdict,
        "reason": finding.reason,
    }

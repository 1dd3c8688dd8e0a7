"""`leapbench board`: the committed rows, the user's own and the submitted ones, side by side."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leapbench.cli.emit import FORMATS, board_option, one_tier_option, runs_option
from leapbench.cli.group import Command

if TYPE_CHECKING:
    from leapbench.contract.task import Task
    from leapbench.leaderboards.board import Board


GENERALISTS = "generalists"
"""What is typed in the place of a family for the agents of none."""


@click.command(
    cls=Command,
    short_help="Rank the agents of a task, a family or all of them.",
    sections={
        "Examples": (
            "leapbench board",
            "leapbench board generalists --format csv",
            "leapbench board --weight earlyexit=2",
            "leapbench board earlyexit",
            "leapbench board earlyexit/digits --runs trials --board boards/lab",
            "leapbench board earlyexit/fashion-mnist --tier lite --format csv",
            "leapbench board earlyexit/digits --out digits.png",
        ),
    },
)
@click.argument("name", metavar="[TASK|FAMILY|generalists]", required=False)
@one_tier_option
@runs_option
@board_option
@click.option("--weight", "weights", multiple=True, metavar="FAMILY=NUMBER", help="Else 1 each.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="Else by --out's ending, else table."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
def command(
    name: str | None,
    tier: str | None,
    runs: Path,
    board: Path | None,
    weights: tuple[str, ...],
    form: str | None,
    out: Path | None,
) -> None:
    """Rank every agent that has run on a task, on a family's tasks, or on all of them.

    Rows are means over seeds with 95 % intervals; a rank is every place that the
    seeds do not rule out. Only rows of the current protocol are ranked; oracles and
    rows that failed or were refused are shown below. Over several tasks scores are
    normalised, and an agent that lacks a task is not ranked. Without a name, those that
    know no family come first, over one smoke task of each: "generalists" shows them alone.
    """
    from leapbench.api.scope import opened, scope
    from leapbench.cli.emit import chosen, emit
    from leapbench.errors import UserError
    from leapbench.leaderboards import tables
    from leapbench.leaderboards.board import of_task
    from leapbench.leaderboards.overall import overall, parse_weights
    from leapbench.leaderboards.sources import badges_of

    alone = name == GENERALISTS
    tasks, weighed = scope(None if alone else name), parse_weights(weights)
    if weighed and name:
        raise UserError("--weight is for the board of all families.", "Leave the name out.")
    store = opened(board)
    badges = badges_of(store)
    form = chosen(form, out)
    if alone or (not name and form == "table" and not out):
        small = [b for t in tasks for b in of_task(t, tier or "smoke", runs, store, badges=badges)]
        if _generalists(small, form, out, alone):
            return
    found = [of_task(task, tier, runs, store, badges=badges) for task in tasks]
    _problems(found)
    if name == tasks[0].name:
        _task(tasks[0], found[0], tier, form, out)
        return
    first = [boards[0] for boards in found if boards and boards[0].ranked]
    if not first:
        where = f" of tier {tier}" if tier else ""
        raise UserError(
            f"There are no ranked rows{where}.", "`leapbench run TASK AGENT` makes some."
        )
    together = overall(first, weighed)
    if not name and not together.ranked and form == "table" and not out:
        _families(first)
        return
    title = f"Family {name}" if name else "All families"
    emit(tables.overall_table(title, together), form, out)


def _generalists(boards: list[Board], form: str, out: Path | None, alone: bool) -> bool:
    """Print those that know no family, if there are any; whether that was all.

    Raises:
        UserError: when they alone are asked for and there are none.
    """
    from leapbench.cli.emit import emit
    from leapbench.errors import UserError
    from leapbench.leaderboards import tables
    from leapbench.leaderboards.generalists import generalists

    made = generalists(boards)
    if made.standings:
        emit(tables.generalists_table(made), form, out)
        if not alone:
            click.echo()
    elif alone:
        raise UserError(
            "No agent that knows no family has rows.", "leapbench list agents shows them: common."
        )
    return alone


def _families(boards: list[Board]) -> None:
    """Print each family by itself, where no agent has run in all."""
    from leapbench.cli.emit import emit
    from leapbench.leaderboards import tables
    from leapbench.leaderboards.overall import overall

    click.echo("No agent has rows in every family, so none is ranked over all of them.")

    def family_of(board: Board) -> str:
        return board.protocol.task.partition("/")[0]

    for family, own in groupby(sorted(boards, key=family_of), key=family_of):
        click.echo()
        emit(tables.overall_table(f"Family {family}", overall(list(own))), "table")


def _task(task: Task, boards: list[Board], tier: str | None, form: str, out: Path | None) -> None:
    """Print the board of one task; for people with its matrix and its claims."""
    from leapbench.cli.emit import emit
    from leapbench.leaderboards import tables
    from leapbench.running.cell import protocol_of

    if tier:
        protocol_of(task, tier)  # tells which tiers there are
    board = boards[0]
    made = tables.board_table(board)
    emit(made, form, out)
    if form != "table" or out:
        return
    if not board.scored:
        click.echo("\nNo rows yet. The first one:")
        click.echo(f"  leapbench run {task.name} AGENT --tier {board.protocol.tier}")
    also = [other.protocol.tier for other in boards[1:] if other.rows]
    if also:
        click.echo(f"There are rows of other tiers too: --tier {' or --tier '.join(also)}.")
    if board.scored:
        _more(task, board)


def _more(task: Task, board: Board) -> None:
    """Print the matrix, the papers' claims in a line each, and once more who is ahead."""
    from leapbench.cli.ahead import ahead
    from leapbench.cli.claims import print_board
    from leapbench.cli.matrix import print_matrix
    from leapbench.leaderboards.claims import findings

    if len(task.default_agents) == 2:
        click.echo()
        print_matrix(task, board)
    if task.claims:
        click.echo()
        print_board(task.name, findings(task, board))
    if board.ranked:
        click.echo()
        click.secho(ahead(board), bold=True)


def _problems(found: list[list[Board]]) -> None:
    """Name on stderr what was left out."""
    for board in (board for boards in found for board in boards):
        for problem in board.problems:
            click.echo(f"left out: {problem}", err=True)

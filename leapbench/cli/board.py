"""`leapbench board`: the committed rows and the user's own, side by side."""

from __future__ import annotations

import json
from pathlib import Path

import click

from leapbench.cli.group import Command


@click.command(
    cls=Command,
    short_help="Rank the agents of a task and check the paper's claims.",
    sections={
        "Examples": (
            "leapbench board earlyexit/digits",
            "leapbench board earlyexit/digits --tier lite --runs trials",
            "leapbench board earlyexit/digits --json",
        ),
    },
)
@click.argument("task")
@click.option("--tier", default="smoke", show_default=True, help="smoke, lite or paper.")
@click.option(
    "--runs",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of your own results.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the board as JSON.")
def command(task: str, tier: str, runs: Path, as_json: bool) -> None:
    """Rank every agent that has run on TASK, and check the paper's claims.

    Rows are means over seeds with 95 % intervals. Only rows of the current
    protocol are ranked; oracles and rows with a failed seed are shown apart.
    """
    from leapbench import registry
    from leapbench.cell import protocol_of
    from leapbench.cli import tables
    from leapbench.leaderboards.board import load
    from leapbench.leaderboards.claims import findings

    found = registry.task(task)
    board = load(protocol_of(found, tier), runs)
    judged = findings(found, board)
    if as_json:
        click.echo(json.dumps(tables.record(board, judged), allow_nan=False, indent=1))
    else:
        tables.print_board(found, board, judged)

"""`leapbench claims`: what papers say should come out, and what came out here."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click

from leapbench.cli.emit import TEXTS, runs_option, tier_option
from leapbench.cli.group import Command


@click.command(
    cls=Command,
    short_help="Check the papers' claims against the rows.",
    sections={
        "Examples": (
            "leapbench claims",
            "leapbench claims earlyexit/digits --runs trials",
            "leapbench claims earlyexit --tier lite --format md",
        ),
    },
)
@click.argument("name", metavar="[TASK|FAMILY]", required=False)
@tier_option
@runs_option
@click.option(
    "--format",
    "form",
    type=click.Choice(TEXTS),
    default="table",
    show_default=True,
    help="As what.",
)
def command(name: str | None, tier: str | None, runs: Path, form: str) -> None:
    """Check every claim of the papers on every task and tier with rows, committed or yours.

    Published effects stand beside ours: a difference that is paired over the seeds
    that both agents have, with a 95 % interval. A claim is reproduced or contradicted
    when the interval lies on one side of zero. The command below each measures it again.
    """
    from leapbench.cli.emit import emit, scope
    from leapbench.leaderboards import tables
    from leapbench.leaderboards.board import of_task
    from leapbench.leaderboards.claims import findings
    from leapbench.leaderboards.sources import badges_of

    badges = badges_of()
    found, untested = [], []
    for task in scope(name):
        boards = of_task(task, tier, runs, badges=badges)
        with_rows = [each for each in boards if each.scored]
        found += [finding for each in with_rows for finding in findings(task, each)]
        untested += [task.name] if task.claims and not with_rows else []
    emit(tables.claims_table(found), form, records=True)
    if untested and form == "table":
        from leapbench.cli.output import console

        text = f"No rows, so nothing is tested: {', '.join(untested)}."
        click.echo(textwrap.fill(text, console().width, break_long_words=False))

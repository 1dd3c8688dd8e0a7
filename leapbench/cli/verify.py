"""`leapbench verify`: what a row is worth, by looking at it and by running it again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leapbench.cli.group import Command

if TYPE_CHECKING:
    from leapbench.leaderboards.verdict import Finding, Verdict


@click.command(
    cls=Command,
    short_help="Check a bundle, results or a board, and run the rows again.",
    sections={
        "Examples": (
            "leapbench verify my-agent.zip",
            "leapbench verify board",
            "leapbench verify board --audit",
            "leapbench verify runs/earlyexit/digits/smoke --no-rerun",
        ),
        "Badges": (
            "self-reported  nobody has looked",
            "checked        hashes, signature and schema are right, every number follows",
            "reproduced     run again with the same outcome",
            "audited        run again on secret seeds as well",
            "refused        something was found wrong",
        ),
        "Exit codes": (
            "0  nothing was found wrong",
            "1  something was refused",
            "2  a mistake in the command",
        ),
    },
)
@click.argument("subject", type=click.Path(exists=True, path_type=Path))
@click.option("--no-rerun", is_flag=True, help="Only look, do not run anything.")
@click.option("--seeds", default="", help="Run only these again, such as 0 or 0-4.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    help="Normalised score allowed on other releases or another processor.  [default: 0.02]",
)
@click.option("--audit", is_flag=True, help="Run on the secret seeds of the open round too.")
@click.option(
    "--board",
    type=click.Path(file_okay=False, path_type=Path),
    help="Board to file the verdict in, and of the round; default: SUBJECT, if it is one.",
)
@click.option(
    "--ledger",
    type=click.Path(file_okay=False, path_type=Path),
    help="Another folder to file the verdict in.",
)
@click.option("--again", is_flag=True, help="Also what this machine has verified before.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON, one a line.")
def command(
    subject: Path,
    no_rerun: bool,
    seeds: str,
    tolerance: float | None,
    audit: bool,
    board: Path | None,
    ledger: Path | None,
    again: bool,
    as_json: bool,
) -> None:
    """Verify SUBJECT: a bundle, a result file, a folder of results, or a board.

    Every aggregate is computed again from the episodes, and every episode must be
    one that the protocol plans. Then the rows are run again: registered parts from
    the code that is here, a stranger's in a process of its own.
    """
    from leapbench.cli.output import progress
    from leapbench.leaderboards.verify import session

    asked = session.Asked(subject, not no_rerun, seeds, tolerance, audit, board, ledger, again)
    passed = True
    with progress("verify") as report:
        for verdict in session.verify(asked, report):
            passed &= verdict.passed
            click.echo(verdict.model_dump_json()) if as_json else show(verdict)
    sys.exit(0 if passed else 1)


def show(verdict: Verdict) -> None:
    """Print one verdict for people."""
    from rich.text import Text

    from leapbench.cli.output import console, table

    subject = f"bundle {verdict.subject[:16]}" if verdict.subject else f"{len(verdict.rows)} rows"
    click.secho(f"{subject}: {verdict.level}", bold=True, fg="green" if verdict.passed else "red")
    marks = {True: Text("\N{CHECK MARK}", "green"), False: Text("\N{BALLOT X}", "red")}
    lines = [(marks[check.passed], check.name, check.detail) for check in verdict.checks]
    console().print(table(("", "check", "found"), lines))
    if verdict.rows:
        rows = [(row.cell, row.level or "refused", outcome(row)) for row in verdict.rows]
        console().print(table(("row", "badge", "re-run"), rows))
    if verdict.isolation:
        click.echo(f"isolation: {verdict.isolation}")


def outcome(row: Finding) -> str:
    """How a re-run compares, in words."""
    if row.reason:
        return row.reason
    if row.exact is None:
        return "not run again"
    secret = "" if row.secret is None else f"; on secret seeds {row.secret:+.4f} normalised"
    return f"every episode equal{secret}"

"""`leapbench verify`: what a row is worth, by looking at it and by running it again."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leapbench.cli.group import INTERRUPTED, Command, Share

if TYPE_CHECKING:
    from rich.text import Text

    from leapbench.leaderboards.submissions.verify.session import Asked
    from leapbench.leaderboards.verdict import Finding, Verdict


@click.command(
    cls=Command,
    short_help="Check a bundle, results or a board, and run the rows again.",
    sections={
        "Examples": (
            "leapbench verify my-agent.zip",
            "leapbench verify board",
            "leapbench verify board --audit",
            "leapbench verify board --worker             # waits for what comes; start several",
            "leapbench verify runs/earlyexit/digits/smoke --no-rerun",
            "leapbench verify --sample 3 --seed 1    # committed rows, by chance",
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
            "1  something was refused, or a row of a sample differs",
            "2  a mistake in the command",
        ),
    },
)
@click.argument("subject", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Run N rows again, chosen by chance: of SUBJECT, else of those that are committed.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the choice of --sample.")
@click.option("--no-rerun", is_flag=True, help="Only look, do not run anything.")
@click.option("--seeds", default="", help="Run only these again, such as 0 or 0-4.")
@click.option(
    "--tolerance",
    type=Share(),
    help="Normalised score allowed on other releases or another processor.  [default: 0.05]",
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
@click.option("--worker", is_flag=True, help="Go on for ever, with what comes to the board.")
@click.option(
    "--lease",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="When others take over what a killed process had of a board.  [default: 120]",
)
@click.option("--again", is_flag=True, help="Also what this machine has verified before.")
@click.option(
    "--unsafe-no-sandbox",
    is_flag=True,
    help="Run strangers' code as your own, without bubblewrap; no badge above checked comes of it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON, one a line.")
def command(
    subject: Path | None,
    sample: int | None,
    seed: int,
    no_rerun: bool,
    seeds: str,
    tolerance: float | None,
    audit: bool,
    board: Path | None,
    ledger: Path | None,
    worker: bool,
    lease: int | None,
    again: bool,
    unsafe_no_sandbox: bool,
    as_json: bool,
) -> None:
    """Verify SUBJECT: a bundle, a result file, a folder of results, or a board.

    Every aggregate is computed again from the episodes, and every episode must be
    one that the protocol plans. Then the rows are run again: registered parts from
    the code that is here, a stranger's in a sandbox (Linux: apt install bubblewrap).
    Without one a stranger's is not run. Of a board, each submission is verified by
    one process at a time, however many there are.
    """
    from leapbench.errors import UserError
    from leapbench.leaderboards.submissions.verify.session import Asked

    if sample is not None:
        from leapbench.cli.sample import run

        sys.exit(run(subject, sample, seed, as_json))
    if subject is None:
        raise UserError("Say what to verify: SUBJECT or --sample N.", "leapbench verify --help")
    sandbox = not unsafe_no_sandbox
    asked = Asked(subject, not no_rerun, seeds, tolerance, audit, board, ledger, again, sandbox)
    asked = replace(asked, worker=worker, lease=lease or asked.lease)
    if worker:  # so that a claim is given back, whoever ends it
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    levels = []
    try:
        for verdict in _verdicts(asked):
            levels.append(verdict.level)
            click.echo(verdict.model_dump_json()) if as_json else show(verdict)
    except KeyboardInterrupt:
        click.echo("\nStopped. What is finished is filed; the same command goes on.", err=True)
        sys.exit(INTERRUPTED)
    if not levels and not as_json:
        click.echo("Everything here was verified this far before; --again does it anew.")
    sys.exit(1 if "refused" in levels else 0)


def _verdicts(asked: Asked) -> Iterator[Verdict]:
    """Each verdict when it is there, with a bar in between."""
    from leapbench.cli.output import progress
    from leapbench.leaderboards.submissions.verify import session

    shown: list[Callable[[float, str], None]] = []
    coming = session.verify(asked, lambda fraction, line: shown[-1](fraction, line))
    while True:
        with progress("verify") as report:
            shown.append(report)
            verdict = next(coming, None)
        if verdict is None:
            return
        yield verdict


def show(verdict: Verdict) -> None:
    """Print one verdict for people."""
    from leapbench.cli.output import console, table

    subject = f"bundle {verdict.subject[:16]}" if verdict.subject else f"{len(verdict.rows)} rows"
    click.secho(f"{subject}: {verdict.level}", bold=True, fg="green" if verdict.passed else "red")
    detailed = [check for check in verdict.checks if check.detail]
    plain = [check.name for check in verdict.checks if not check.detail]
    lines = [(mark(check.passed), check.name, check.detail) for check in detailed]
    if plain:
        lines.append((mark(True), "as it should be", ", ".join(plain)))
    console().print(table(("", "check", "found"), lines))
    for agent, rows in groupby(verdict.rows, key=lambda row: row.cell.rpartition(" seed ")[0]):
        seeds = [
            (row.cell.rpartition(" ")[2], row.level or "refused", outcome(row)) for row in rows
        ]
        click.echo(agent)
        console().print(table(("seed", "badge", "re-run"), seeds, right=("badge",)))
    if verdict.isolation:
        click.echo(f"isolation: {verdict.isolation}")


def mark(passed: bool) -> Text:
    """A tick or a cross."""
    from rich.text import Text

    return Text("\N{CHECK MARK}", "green") if passed else Text("\N{BALLOT X}", "red")


def outcome(row: Finding) -> str:
    """How a re-run compares, in words."""
    if row.reason:
        return row.reason
    if row.exact is None:
        return "not run again"
    secret = "" if row.secret is None else f"; on secret seeds {row.secret:+.4f} normalised"
    return f"every episode equal{secret}"

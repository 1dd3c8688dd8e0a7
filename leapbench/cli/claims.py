"""`leapbench claims`: what papers say should come out, and what came out here."""

from __future__ import annotations

import textwrap
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leapbench.cli.emit import TEXTS, runs_option, tier_option
from leapbench.cli.group import Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leapbench.contract.card import Card
    from leapbench.leaderboards.claims import ClaimResult


PAPER = len("   +0.01")
REST = len("  ") + len("  not distinguishable")  # what stands beside name and effects
LEGEND = (
    "ours: the first agent minus the second here, ± half its 95 % interval",
    "reproduced: the interval is on the claim's side of 0, contradicted: on the other",
)


@click.command(
    cls=Command,
    short_help="Check the papers' claims against the rows.",
    sections={
        "Examples": (
            "leapbench claims",
            "leapbench claims urlb --details",
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
@click.option("--details", is_flag=True, help="A paragraph a claim, with source and command.")
def command(name: str | None, tier: str | None, runs: Path, form: str, details: bool) -> None:
    """Check every claim of the papers on every task and tier with rows, committed or yours.

    Published effects stand beside ours: a difference that is paired over the seeds
    that both agents have, with the half-width of its 95 % interval. A claim is reproduced
    or contradicted when the interval lies on one side of zero. With --details, the command
    below each claim measures it again.
    """
    from leapbench.api import boards
    from leapbench.cli.emit import emit

    found = boards.claims(name, tier=tier, runs=runs)
    if details or form != "table":
        emit(found.tables[0], form, records=True)
    else:
        tasks = boards.with_claims(name)
        cards = {task.family: task.card for task in tasks}
        families = {task.name: task.family for task in tasks}
        for family, judged in groupby(found.findings, lambda f: families[f.protocol.task]):
            _family(cards[family], list(judged))
        if found.findings:
            _legend(found.findings)
            _say("`leapbench claims --details` gives units, sources and the command behind each.")
        elif not found.untested:
            _say("No claim of a paper is stated there.")
    if found.untested and form == "table":
        _say(f"No rows, so nothing is tested: {', '.join(found.untested)}.")


def _family(card: Card, judged: list[ClaimResult]) -> None:
    """A heading with the paper, and a line a claim under each task and tier."""
    click.secho(card.family.title, bold=True)
    _say(card.paper)
    for where, group in groupby(judged, lambda f: f"{f.protocol.task}, {f.protocol.tier}"):
        click.echo()
        _lines(where, list(group), judged)
    click.echo()


def print_board(task: str, judged: Sequence[ClaimResult]) -> None:
    """Print below a board a line for each claim that its rows judge, and name the others."""
    tested = [finding for finding in judged if finding.verdict != "not tested"]
    if tested:
        _lines("claims", tested, tested)
        _legend(tested)
    if untested := [finding.claim.name for finding in judged if finding.verdict == "not tested"]:
        _say(f"Claims that these rows do not test: {', '.join(untested)}.")
    _say(f"`leapbench claims {task} --details` gives units, sources and commands.")


def _lines(heading: str, shown: Sequence[ClaimResult], every: Sequence[ClaimResult]) -> None:
    """Print a line a claim; the columns are in line with those of every claim.

    Without published effects there is no column for them.
    """
    from leapbench.cli.output import console

    ours = max(14, *(len(_ours(finding)) for finding in every))
    paper = PAPER if any(finding.claim.effect is not None for finding in every) else 0
    longest = max(len(heading), *(len(finding.claim.name) for finding in every))
    width = min(longest, max(console().width - paper - ours - REST, 20))
    published = f"{'paper':>{paper}}" if paper else ""
    click.secho(f"{heading:{width}}{published}  {'ours ± half':>{ours}}  verdict", dim=True)
    for finding in shown:
        click.echo(_line(finding, width, paper, ours))


def _line(finding: ClaimResult, width: int, paper: int, ours: int) -> str:
    """A claim; a name that is wider than its column goes on below, broken at a hyphen."""
    from leapbench.leaderboards.tables.cells import NONE, minus

    effect = finding.claim.effect
    text = NONE if effect is None else minus(f"{effect:+g}")
    published = f"{text:>{paper}}" if paper else ""
    name, *below = textwrap.wrap(finding.claim.name, width, subsequent_indent="  ")
    first = f"{name:{width}}{published}  {_ours(finding):>{ours}}  {finding.verdict}"
    return "\n".join((first, *below))


def _legend(judged: Sequence[ClaimResult]) -> None:
    """Print what the columns are, dim."""
    from leapbench.cli.output import filled

    published = any(finding.claim.effect is not None for finding in judged)
    told = ("paper: difference as published", *LEGEND) if published else LEGEND
    click.secho(filled(" · ".join(told)), dim=True)


def _ours(finding: ClaimResult) -> str:
    from leapbench.leaderboards.tables.cells import interval

    return interval(finding.effect, 3, signed=True).text


def _say(text: str) -> None:
    from leapbench.cli.output import filled

    click.echo(filled(text))

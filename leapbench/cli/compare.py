"""`leapbench compare`: what changed between two agents, two versions or two folders."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from leapbench.cli.emit import TEXTS, runs_option, tier_option
from leapbench.cli.group import Command


@click.command(
    cls=Command,
    short_help="Compare two agents, versions or folders of results, seed by seed.",
    sections={
        "Examples": (
            "leapbench compare l2w-den msdnet",
            "leapbench compare l2w-den+entropy msdnet+entropy earlyexit/digits",
            "leapbench compare msdnet+confidence@0b1c2d msdnet+confidence@9f8e7d",
            "leapbench compare runs-new runs-old --fail-on-worse",
        ),
        "Exit codes": (
            "0  done",
            "1  with --fail-on-worse: the first is worse somewhere",
            "2  a mistake in the command",
        ),
    },
)
@click.argument("a")
@click.argument("b")
@click.argument("task", required=False)
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
@click.option("--fail-on-worse", is_flag=True, help="Exit with 1 when the first is worse.")
def command(
    a: str, b: str, task: str | None, tier: str | None, runs: Path, form: str, fail_on_worse: bool
) -> None:
    """Compare A with B: agents, versions of one (name@hash), or folders of `run --out`.

    For each task and tier that both have: the difference A minus B, paired over common
    seeds, with a 95 % interval; the probability that a run of A beats one of B; what A
    spent, over what B did; and whether A is better, worse, not distinguishable or the
    same bytes. Agents are looked for among the committed rows and yours.
    """
    from leapbench.api import boards
    from leapbench.cli.emit import emit

    found = boards.compare(a, b, task, tier=tier, runs=runs)
    emit(found.tables[0], form)
    if fail_on_worse and found.worse:
        sys.exit(1)

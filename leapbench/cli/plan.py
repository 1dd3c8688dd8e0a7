"""`leapbench plan`: what a sweep would cost, before one starts."""

from __future__ import annotations

from pathlib import Path

import click

from leapbench.cli.emit import TEXTS, TIERS, runs_option
from leapbench.cli.group import Command


@click.command(
    cls=Command,
    short_help="Say what runs would cost in core-hours, before they start.",
    sections={
        "Examples": (
            "leapbench plan earlyexit/digits msdnet l2w-den --seeds 0-4",
            "leapbench plan dmc sac vcr --tier lite --seeds 0-9",
            "leapbench plan earlyexit/digits,latency general-ppo --format csv",
        ),
    },
)
@click.argument("tasks")
@click.argument("agents", nargs=-1, required=True, metavar="AGENT...")
@click.option("--tier", type=TIERS, default="smoke", show_default=True, help="Of the runs.")
@click.option("--seeds", default="0", show_default=True, help="Such as 0, 0-4 or 0,2,5-7.")
@runs_option
@click.option(
    "--format",
    "form",
    type=click.Choice(TEXTS),
    default="table",
    show_default=True,
    help="As what.",
)
def command(
    tasks: str, agents: tuple[str, ...], tier: str, seeds: str, runs: Path, form: str
) -> None:
    """Say what `leapbench run` of the AGENTs on TASKS would cost.

    TASKS are tasks or families, joined by commas. Each agent's CPU seconds are those of its
    committed rows and yours on the same task and tier; where it has none, the median of the
    other agents there. Of a family, agents go to the tasks that they fit.
    """
    from leapbench.api.costs import plan
    from leapbench.cli.emit import emit

    emit(plan(tasks.split(","), agents, tier=tier, seeds=seeds, runs=runs).tables[0], form)

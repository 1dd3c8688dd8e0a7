"""`leapbench run`: everything is checked before anything is written."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from leapbench.cli.group import INTERRUPTED, Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leapbench.api.run import Interrupted
    from leapbench.running.cell import Cell


@click.command(
    cls=Command,
    short_help="Learn under the budget, evaluate, write one result a seed.",
    sections={
        "Examples": (
            "leapbench run earlyexit/digits msdnet",
            "leapbench run earlyexit/digits l2w-den+confidence msdnet --seeds 0-4 --jobs 2",
            "leapbench run earlyexit/digits l2w-den --device cuda:0",
            "leapbench run earlyexit/digits l2w-den --set epsilon=0.5 --out trials",
            "leapbench run urlb/entropy-grid moss-tabular --seeds 0-23 --on ray:auto --out shared",
        ),
        "Exit codes": (
            "0  all seeds are done",
            "1  a seed failed",
            "2  a mistake in the command, nothing was run",
            "130  interrupted, finished seeds are kept",
        ),
    },
)
@click.argument("task")
@click.argument("agents", nargs=-1, required=True, metavar="AGENT...")
@click.option(
    "--tier", default="", help="smoke, lite or paper; the smallest that the task has if left out."
)
@click.option("--seeds", default="0", show_default=True, help="Such as 0, 0-4 or 0,2,5-7.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of the results.",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a setting.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Where agents learn: cpu, cuda, cuda:N; cuda:all shares batches of pretrain among all "
    "cards; auto is cuda where there is one.",
)
@click.option(
    "--on",
    default="",
    metavar="PLACE",
    help="A Ray cluster: ray, ray:auto, ray:HOST:PORT or ray://HOST:PORT.",
)
@click.option("--isolated", is_flag=True, help="Run your own files as submissions are run.")
@click.option(
    "--log",
    type=click.Choice(("tensorboard", "wandb")),
    default=None,
    help="Write what agents log there too.",
)
@click.option("--keep", is_flag=True, help="Keep what the parts learned.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a result.")
def command(
    task: str,
    agents: tuple[str, ...],
    tier: str,
    seeds: str,
    jobs: int,
    out: Path,
    settings: tuple[str, ...],
    device: str,
    on: str,
    isolated: bool,
    log: str | None,
    keep: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Let each AGENT learn TASK under its budget, evaluate it, and write the results.

    An AGENT is a part's name (`leapbench list agents`), parts joined by "+", a
    class of your own (path/to/file.py:Class) or a stored policy
    (sb3:ppo:model.zip). Finished seeds are not run again, so the same command
    goes on where it was stopped. A setting goes to every agent that has it.
    With --isolated, a class of your own learns and acts in a process of its own,
    with limits and without network, as a submission does. The result is the same, so
    that finished seeds are not run again for it: name another --out to try it.
    """
    # One thread a process, set before NumPy is imported: equal results for any --jobs.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from leapbench.api.results import Results
    from leapbench.api.run import Interrupted, planned, swept
    from leapbench.cli import beforehand

    cells = planned(
        task,
        list(agents),
        tier=tier,
        seeds=seeds,
        jobs=jobs,
        device=device,
        out=out,
        settings=settings,
        isolated=isolated,
        log=log or "",
        keep=keep,
        on=on,
    )
    if not quiet:
        click.echo(beforehand.line(cells, jobs, out), err=True)
    try:
        found = Results(swept(cells, jobs, not quiet, on), cells)
    except Interrupted as stopped:
        _interrupted(stopped)
    _report(found.cells, quiet, as_json)
    sys.exit(1 if found.failures else 0)


def _interrupted(stopped: Interrupted) -> NoReturn:
    """Say what is kept and how to go on, and leave."""
    click.echo(f"\nStopped with {len(stopped.done)} of {stopped.total} finished.", err=True)
    for cell in stopped.done:
        click.echo(f"  {cell.path}", err=True)
    click.echo("The same command goes on from here.", err=True)
    sys.exit(INTERRUPTED)


def _report(cells: Sequence[Cell], quiet: bool, as_json: bool) -> None:
    from leapbench.cli import summary

    if as_json:
        summary.print_json(cells)
    elif not quiet:
        summary.print_summary(cells)
    if quiet or as_json:
        summary.print_failures(cells)

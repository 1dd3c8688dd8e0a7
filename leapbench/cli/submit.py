"""`leapbench submit`: rows with what makes them again, filed in a board."""

from __future__ import annotations

from pathlib import Path

import click

from leapbench.cli.group import Command


@click.command(
    cls=Command,
    short_help="Pack an agent's results with its code or weights, and file them in a board.",
    sections={
        "Examples": (
            "leapbench submit earlyexit/digits msdnet+confidence --name Ada",
            "leapbench submit earlyexit/digits my_agent.py:MyPolicy --to my-agent.zip",
            "leapbench submit earlyexit/digits my_agent.py:MyPolicy --to https://boards.example.org",
            "leapbench verify board",
        ),
    },
)
@click.argument("task")
@click.argument("agent")
@click.option(
    "--tier", default="", help="smoke, lite or paper; the smallest that the task has if left out."
)
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of your results.",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="As given to run.")
@click.option(
    "--to",
    "target",
    default="board",
    show_default=True,
    metavar="DIR|URL|FILE.zip",
    help="A board's folder or address, or a file to keep the bundle in.",
)
@click.option("--name", default="anonymous", show_default=True, help="Who submits.")
@click.option("--url", default="", help="Where to read about the agent.")
@click.option("--notes", default="", help="A sentence or two for the board.")
@click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Signing key; default: the one that `leapbench keygen` made, if there is one.",
)
@click.option("--unsigned", is_flag=True, help="Do not sign.")
@click.option(
    "--numbers", is_flag=True, help="Pack the results alone; such rows stay self-reported."
)
def command(
    task: str,
    agent: str,
    tier: str,
    runs: Path,
    settings: tuple[str, ...],
    target: str,
    name: str,
    url: str,
    notes: str,
    key: Path | None,
    unsigned: bool,
    numbers: bool,
) -> None:
    """Pack what AGENT has to show on TASK and file it in a board.

    A bundle is one file: the result of every seed that was run, failed ones too,
    and the code, weights or graph that makes them again. Agents that come with
    leapbench, and those of installed plug-ins, are named and not packed.
    """
    from leapbench.contract import registry
    from leapbench.leaderboards.submissions import gather as submission
    from leapbench.leaderboards.submissions.deliver import deliver

    who = submission.entrant(name, url, notes)
    tier = tier or registry.task(task).smallest
    rows = submission.gather(task, agent, tier, runs, settings)
    for line in rows.left_out:
        click.echo(f"left out: {line}", err=True)
    signer = submission.signer(key, unsigned)
    packed = submission.bundle(rows, who, signer, numbers)
    filed = deliver(packed, target)
    seeds = f"{len(rows.results)} seed{'s' if len(rows.results) > 1 else ''}"
    click.echo(f"{rows.results[0].agent.name} on {task}, tier {tier}: {seeds}")
    click.echo(f"bundle {filed.id}, {len(packed) / 1e3:,.1f} kB, {signed(filed.signed_by)}")
    click.echo(filed.where)


def signed(fingerprint: str) -> str:
    """Whether and by whom, in words."""
    return f"signed by {fingerprint}" if fingerprint else "not signed"

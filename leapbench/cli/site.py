"""`leapbench site`: every board as a folder of pages that need no network."""

from __future__ import annotations

from pathlib import Path

import click

from leapbench.cli.emit import board_option, runs_option, tier_option
from leapbench.cli.group import Command


@click.command(
    cls=Command,
    short_help="Write all boards as a static web site.",
    sections={
        "Examples": (
            "leapbench site --out site",
            "leapbench site --out site --runs trials --tier lite",
            "leapbench site --out public --board boards/lab",
            'leapbench site --out public --title "Early exits at home"',
        ),
    },
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("site"),
    show_default=True,
    help="A new or empty folder, or an earlier site, which is replaced.",
)
@runs_option
@board_option
@tier_option
@click.option("--title", default="leapbench", show_default=True, help="What the site is called.")
def command(out: Path, runs: Path, board: Path | None, tier: str | None, title: str) -> None:
    """Write every board as a folder of pages.

    The committed results, yours and those submitted to --board become a page a task,
    a family and an agent, with plots and an animated episode. Open index.html: no
    server is needed, and none is asked for anything. The same results give the same
    files.
    """
    from leapbench.api.scope import opened
    from leapbench.cli.output import progress
    from leapbench.leaderboards.site.build import build

    store = opened(board)
    with progress("site") as report:
        site = build(out, runs, tier, title, store, report)
    for problem in site.problems:
        click.echo(f"left out: {problem}", err=True)
    click.echo(f"{out}: {site.pages} pages from {site.results} results. Open {out}/index.html.")

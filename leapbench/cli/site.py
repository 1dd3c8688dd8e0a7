"""`leapbench site`: every board as a folder of pages that need no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from leapbench.cli.group import Command


@click.command(
    cls=Command,
    short_help="Write all boards as a static web site.",
    sections={
        "Examples": (
            "leapbench site --out site",
            "leapbench site --out site --runs trials --tier lite",
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
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of your own results.",
)
@click.option(
    "--tier", type=click.Choice(("smoke", "lite", "paper")), help="Only boards of this tier."
)
@click.option("--title", default="leapbench", show_default=True, help="What the site is called.")
def command(out: Path, runs: Path, tier: str | None, title: str) -> None:
    """Write every board as a folder of pages.

    The committed results and yours become a page a task, a family and an agent,
    with plots and an animated episode. Open index.html: no server is needed, and
    none is asked for anything. The same results give the same files.
    """
    from leapbench.leaderboards.site.build import build

    with _progress() as report:
        site = build(out, runs, tier, title, report=report)
    for problem in site.problems:
        click.echo(f"left out: {problem}", err=True)
    click.echo(f"{out}: {site.pages} pages from {site.results} results. Open {out}/index.html.")


@contextmanager
def _progress() -> Iterator[Callable[[float, str], None]]:
    """A bar on a terminal, nothing elsewhere; it goes when the work is done."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from leapbench.cli.output import console

    screen = console(stderr=True)
    columns = (
        TextColumn("site"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[line]}", style="dim", markup=False),
    )
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bars:
        bar = bars.add_task("site", total=1.0, line="starting")
        yield lambda fraction, line: bars.update(bar, completed=fraction, line=line)

"""Prints a table, or writes it to a file, in the format that was asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leapbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from leapbench.leaderboards.render.table import Table

TEXTS = ("table", "md", "csv", "json")
FORMATS = (*TEXTS, "html", "png")
FOLDER = click.Path(file_okay=False, path_type=Path)


def _there(ctx: click.Context, param: click.Parameter, runs: Path) -> Path | None:
    from leapbench.api.scope import results

    return results(runs)


runs_option = click.option(
    "--runs",
    callback=_there,
    type=FOLDER,
    default=Path("runs"),
    show_default=True,
    help="Folder of your own results.",
)
board_option = click.option("--board", type=FOLDER, help="Folder of submissions.")
TIERS = click.Choice(("smoke", "lite", "paper"))
one_tier_option = click.option(
    "--tier", type=TIERS, help="Only this tier; else the most costly that has rows."
)
tier_option = click.option("--tier", type=TIERS, help="Only this tier; else all.")


def chosen(form: str | None, out: Path | None) -> str:
    """The format: as typed, else by the ending of the file, else a table for people.

    Raises:
        UserError: when the ending is that of another format.
    """
    ending = out.suffix.removeprefix(".") if out else ""
    if form or ending in FORMATS:
        return form or ending
    if ending not in ("", "txt"):
        raise UserError(
            f"--out {out}: there is no format {ending!r}.",
            "Expected a name that ends in .txt, .md, .csv, .json, .html or .png, or --format.",
        )
    return "table"


def emit(made: Table, form: str, out: Path | None = None, *, records: bool = False) -> None:
    """Print a table or write it to `out`.

    Args:
        made: the table.
        form: one of `FORMATS`.
        out: file to write; None to print.
        records: whether a table for people is a paragraph a row.

    Raises:
        UserError: when a picture would go to a terminal, or the file cannot be written.
    """
    if form == "png" and out is None and on_terminal():
        raise UserError("A picture is no text for a terminal.", "Type --out board.png besides.")
    data = rendered(made, form, records=records, to_file=out is not None)
    if out is None:
        click.echo(data, nl=False)
        return
    try:
        out.write_bytes(data if isinstance(data, bytes) else data.encode())
    except OSError as error:
        raise UserError(f"--out {out} cannot be written: {error.strerror}.") from None
    click.echo(f"{out}: {len(made.rows)} rows", err=True)


def on_terminal() -> bool:
    """Whether what is printed goes to a terminal."""
    return sys.stdout.isatty()


def rendered(made: Table, form: str, *, records: bool, to_file: bool) -> str | bytes:
    """The table in a format."""
    from leapbench.cli.output import console
    from leapbench.leaderboards.render import csv, html, json, markdown, png, terminal

    if form == "table":
        screen = console()
        colour = screen.is_terminal and not screen.no_color and not to_file
        return terminal.render(made, screen.width, colour, records)
    ways: dict[str, Callable[[Table], str | bytes]] = {
        "md": markdown.render,
        "csv": csv.render,
        "json": json.render,
        "html": html.render,
        "png": png.render,
    }
    return ways[form](made)

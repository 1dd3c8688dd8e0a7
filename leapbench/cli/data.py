"""`leapbench data`: what is here, how to get the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from leapbench.cli.group import Command

if TYPE_CHECKING:
    from leapbench.data.status import Status


@click.command(
    cls=Command,
    short_help="Show which data sets are here, or fetch one.",
    sections={
        "Examples": (
            "leapbench data",
            "leapbench data cifar10",
            "leapbench data fetch cifar10",
        ),
    },
)
@click.argument("words", nargs=-1, metavar="[[fetch] NAME]")
def command(words: tuple[str, ...]) -> None:
    """Show every data set, describe NAME and check its files, or fetch it.

    LEAPBENCH_DATA names a folder with your own copies, LEAPBENCH_CACHE the one
    to download into; LEAPBENCH_OFFLINE=1 forbids downloads.
    """
    from leapbench.errors import UserError

    match words:
        case ():
            _all()
        case (name,) if name != "fetch":
            _one(name)
        case ("fetch", name):
            _fetch(name)
        case _:
            raise UserError("Expected `leapbench data`, `data NAME` or `data fetch NAME`.")


def _all() -> None:
    from leapbench.cli.output import console, table
    from leapbench.data.status import status

    rows = [
        (
            item.dataset.name,
            size(item.bytes),
            str(item.location.root) if item.location else "not here",
            item.dataset.title,
        )
        for item in status()
    ]
    console().print(table(("name", "size", "where", "about"), rows, right=("size",)))
    click.echo("leapbench data NAME checks the files and says how to get them.")


def _one(name: str) -> None:
    from leapbench.cli.output import console, facts
    from leapbench.data import get
    from leapbench.data.status import status

    wanted = get(name).name
    item = next(item for item in status(verify=True) if item.dataset.name == wanted)
    click.secho(f"{item.dataset.name}: {item.dataset.title}", bold=True)
    console().print(facts(_details(item)))


def _details(item: Status) -> list[tuple[str, str]]:
    dataset = item.dataset
    height, width, channels = dataset.image
    splits = ", ".join(f"{count:,} {split}" for split, count in dataset.splits.items())
    where = f"{item.location.root} ({item.location.source})" if item.location else "not here"
    return [
        ("images", f"{splits}; {height}x{width}x{channels}, {dataset.classes} classes"),
        ("licence", dataset.licence),
        ("homepage", dataset.homepage),
        ("where", where),
        ("checksums", " ".join(f"{item.checksum} {item.problem}".split())),
        ("how to get", item.how),
    ]


def _fetch(name: str) -> None:
    from leapbench.data import require

    location = require(name)
    click.echo(f"{name} is in {location.root}")


def size(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 1e6:,.1f} MB" if count else "-"

"""`leapbench round`: secret seeds whose hash is published first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leapbench.cli.group import Command

if TYPE_CHECKING:
    from leapbench.leaderboards.submissions.rounds import Round


@click.command(
    cls=Command,
    short_help="Open or close a round of secret seeds on a board.",
    sections={
        "Examples": (
            "leapbench round open board",
            "leapbench verify board --audit",
            "leapbench round close board",
            "leapbench round list board",
        ),
    },
)
@click.argument("what", type=click.Choice(["open", "close", "list"]))
@click.argument("board", type=click.Path(exists=True, file_okay=False, path_type=Path))
def command(what: str, board: Path) -> None:
    """Open a round on BOARD, close it, or list all rounds.

    Opening draws a salt, keeps it on this machine and publishes its hash.
    Submissions that arrive later can be audited on seeds from the salt. Closing
    publishes the salt, so that everybody can run the audits again.
    """
    from leapbench.leaderboards.submissions.rounds import Rounds

    rounds = Rounds(board)
    if what == "list":
        _list(rounds.all())
    elif what == "open":
        made = rounds.open()
        click.echo(f"Round open. Hash of its salt: {made.commitment}")
        click.echo("Audits run on this machine: leapbench verify BOARD --audit")
    else:
        made = rounds.close()
        click.echo(f"Round closed. Its salt: {made.salt}")


def _list(found: list[Round]) -> None:
    from leapbench.cli.output import console, table

    if not found:
        click.echo("No rounds yet.")
        return
    rows = [
        (e.commitment[:16], e.opened, e.closed or "open", e.salt[:16] or "secret") for e in found
    ]
    console().print(table(("hash", "opened", "closed", "salt"), rows))

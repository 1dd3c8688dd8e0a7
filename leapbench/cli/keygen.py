"""`leapbench keygen`: a key that shows that submissions come from one entrant."""

from __future__ import annotations

from pathlib import Path

import click

from leapbench.cli.group import Command


@click.command(
    cls=Command,
    short_help="Make a key that signs your submissions.",
    sections={
        "Examples": (
            "leapbench keygen",
            "leapbench keygen --out keys/second.pem",
        ),
    },
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new file for the private key; else it goes among your settings.",
)
def command(out: Path | None) -> None:
    """Make an Ed25519 key and print its fingerprint.

    A signature shows that two submissions come from the same entrant. It does not
    show who that is, and does not make a result true.
    """
    from leapbench.leaderboards.submissions.bundle import keys

    path = out or keys.default_path()
    key = keys.generate(path)
    click.echo(f"fingerprint  {keys.fingerprint(key.public_key())}")
    click.echo(f"private key  {path}: keep it secret and keep a copy; it has no passphrase.")
    click.echo(f"public key   {keys.public_path(path)}: may be given to anyone.")

"""`leapbench doctor`: what is installed, and what would go wrong."""

from __future__ import annotations

import sys

import click

from leapbench.cli.group import Command

COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(
    cls=Command,
    short_help="Check this installation and say what to do.",
    sections={
        "Example": ("leapbench doctor",),
    },
)
def command() -> None:
    """Check this installation; leaves with 1 only when something is broken."""
    from rich.text import Text

    from leapbench.cli.output import console, table
    from leapbench.running.doctor import checks

    found = list(checks())
    rows = [
        (
            Text(check.level, style=COLORS[check.level]),
            check.name,
            f"{check.found}\n{check.advice}" if check.advice else check.found,
        )
        for check in found
    ]
    console().print(table(("", "what", "found, and what to do"), rows))
    levels = [check.level for check in found]
    click.echo(f"{levels.count('fail')} broken, {levels.count('warn')} to look at.")
    sys.exit(1 if "fail" in levels else 0)

"""The `leapbench` command: one module a command, imported when it is called."""

from __future__ import annotations

import sys
from io import TextIOWrapper

import click

from leapbench.cli.group import LazyGroup

COMMANDS = {
    "demo": "Run three families in two minutes, and write a page to open.",
    "plan": "Say what runs would cost in core-hours, before they start.",
    "run": "Learn under the budget, evaluate, write one result a seed.",
    "list": "List the families, or their tasks, agents or environments.",
    "show": "Describe a task or an agent.",
    "board": "Rank the agents of a task, a family or all of them.",
    "claims": "Check the papers' claims against the rows.",
    "compare": "Compare two agents, versions or folders of results, seed by seed.",
    "site": "Write all boards as a static web site.",
    "submit": "Pack an agent's results with its code or weights, and file them in a board.",
    "verify": "Check a bundle, results or a board, and run the rows again.",
    "keygen": "Make a key that signs your submissions.",
    "round": "Open or close a round of secret seeds on a board.",
    "host": "Serve a board: take bundles, hand them out, show the site.",
    "watch": "Render an episode of an environment to a GIF or PNG.",
    "doctor": "Check this installation and say what to do.",
    "calibrate": "Measure this processor, as a device of the latency tasks.",
    "data": "Show which data sets are here, or fetch one.",
}


@click.command(
    "leapbench",
    cls=LazyGroup,
    commands_of={name: f"leapbench.cli.{name}" for name in COMMANDS},
    summaries=COMMANDS,
    sections={
        "First steps": (
            "leapbench demo",
            "leapbench list tasks",
            "leapbench show earlyexit/digits",
            "leapbench run earlyexit/digits msdnet",
            "leapbench board earlyexit/digits",
        ),
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="leapbench", message="%(prog)s %(version)s")
def cli() -> None:
    """Benchmarks about spending something scarce well."""


def main() -> None:
    """Run the command and leave the process with its exit code.

    0: done. 1: something failed while running. 2: a mistake in what was typed.
    130: interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal may be without a tick or a cross
            stream.reconfigure(errors="replace")
    try:
        cli.main(prog_name="leapbench", standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)

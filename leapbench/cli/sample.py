"""What `leapbench verify --sample` prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leapbench.cli.output import progress

if TYPE_CHECKING:
    from leapbench.leaderboards.verdict import Finding


def run(subject: Path | None, count: int, seed: int, as_json: bool) -> bool:
    """Run rows again and say of each how it compares; whether one differs.

    Args:
        subject: result file or folder of results; None for the committed rows.
        count: rows to run again.
        seed: of the choice.
        as_json: print findings as JSON, one a line.
    """
    from leapbench.leaderboards.submissions.verify import sample

    rows = sample.committed() if subject is None else sample.below(subject)
    bars: list[Callable[[float, str], None]] = []
    coming = sample.again(rows, count, seed, lambda fraction, line: bars[-1](fraction, line))
    counts = {"equal": 0, "near": 0, "differ": 0, "not run": 0}
    while True:
        with progress("verify") as report:
            bars.append(report)
            finding = next(coming, None)
        if finding is None:
            break
        outcome = sample.outcome(finding)
        counts[outcome] += 1
        click.echo(finding.model_dump_json()) if as_json else _show(finding, outcome)
    if not as_json:
        tally = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
        click.echo(f"of {len(rows):,} rows with --seed {seed}: {tally}")
    return bool(counts["differ"])


def _show(finding: Finding, outcome: str) -> None:
    colors = {"equal": "green", "near": "green", "differ": "red"}
    text = finding.reason or "every episode equal"
    click.secho(f"{outcome:8} ", fg=colors.get(outcome), bold=True, nl=False)
    click.echo(f"{finding.cell}: {text.removeprefix('not run again: ')}")

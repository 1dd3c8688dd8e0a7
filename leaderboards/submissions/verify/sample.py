"""Runs some of the committed rows again, chosen by chance."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from leapbench.contract import registry
from leapbench.contract.harness import Report
from leapbench.errors import UserError
from leapbench.leaderboards.sources import Origin, committed_root, entries
from leapbench.leaderboards.submissions.store import is_store
from leapbench.leaderboards.submissions.verify.again import Wanted
from leapbench.leaderboards.submissions.verify.verify import verify_rows
from leapbench.leaderboards.verdict import Finding
from leapbench.results import packed
from leapbench.results.result import Result

Outcome = Literal["equal", "near", "differ", "not run"]


def committed() -> list[Result]:
    """Every row that comes with leapbench, by task, tier, agent and seed."""
    roots: dict[Origin, Path | None] = {"committed": committed_root()}
    rows = [
        entry.result
        for task in registry.tasks().values()
        for tier in task.protocols
        for entry in entries(task.name, tier, roots, None)[0]
    ]
    return sorted(rows, key=lambda row: (row.task, row.tier, row.agent.name, row.seed))


def below(subject: Path) -> list[Result]:
    """The rows of a result file, or of all that lie anywhere in a folder.

    Raises:
        UserError: when there is none, or a file is no result.
    """
    if is_store(subject) or subject.suffix == ".zip":
        raise UserError(
            "--sample is for results; submissions are run again whole.",
            f"Type: leapbench verify {subject}",
        )
    paths = [subject] if subject.is_file() else packed.below(subject)
    if not paths:
        raise UserError(f"{subject} has no results in it.", "Expected a folder given to --out.")
    return [row for path in paths for row in packed.read_all(path)]


def again(rows: Sequence[Result], count: int, seed: int, report: Report) -> Iterator[Finding]:
    """Run rows again in an order of chance, until as many as wanted have run.

    A row that cannot run here, as for want of its data set, is a finding too, and does
    not count. Nothing is filed.

    Args:
        rows: to choose from.
        count: rows to run, 1 or more.
        seed: of the order; equal seeds and rows give equal orders.
        report: called with the fraction done of all in [0, 1] and a short line.
    """
    ran = 0
    for row in random.Random(seed).sample(rows, len(rows)):
        done = ran

        def staged(fraction: float, line: str, done: int = done) -> None:
            report((done + fraction) / count, line)

        (finding,) = verify_rows([row], Wanted(), staged).rows
        ran += outcome(finding) != "not run"
        yield finding
        if ran == count:
            return


def outcome(finding: Finding) -> Outcome:
    """How a row compares with what the code gives.

    Between unequal processors or releases a score may be near instead of equal: training
    goes another way after the first rounding. On equal ones every episode must be equal.
    """
    if finding.exact is None:
        return "not run" if finding.level else "differ"
    if finding.exact:
        return "equal"
    return "near" if finding.level == "reproduced" else "differ"

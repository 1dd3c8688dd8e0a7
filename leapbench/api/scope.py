"""Which tasks a name means, and which folder of submissions."""

from __future__ import annotations

from pathlib import Path

from leapbench.contract import registry
from leapbench.contract.task import Task
from leapbench.errors import UserError, unknown
from leapbench.leaderboards.sources import Submissions

RUNS = Path("runs")


def scope(name: str | None) -> list[Task]:
    """The task that was named, the tasks of a family, or all.

    Raises:
        UserError: when there is no such task or family.
    """
    tasks = registry.tasks()
    found = [task for task in tasks.values() if name in (None, task.name, task.family)]
    if not found:
        known = [*tasks, *{task.family for task in tasks.values()}]
        raise unknown("task or family", str(name), known, "leapbench list tasks")
    return found


def results(runs: str | Path | None) -> Path | None:
    """The folder of one's own results; only the usual one may be missing.

    Raises:
        UserError: when another was named, and is no folder.
    """
    folder = None if runs is None else Path(runs)
    if folder is not None and folder != RUNS and not folder.is_dir():
        raise UserError(f"--runs {folder} is no folder.", "`leapbench run --out` makes one.")
    return folder


def opened(folder: Path | None) -> Submissions | None:
    """The board folder, if one was named.

    Raises:
        UserError: when it is not there.
    """
    if folder is None:
        return None
    if not folder.is_dir():
        raise UserError(f"--board {folder} is no folder.", "`leapbench submit` makes one.")
    from leapbench.leaderboards.submissions.store import SubmissionStore

    store: Submissions = SubmissionStore(folder)
    return store

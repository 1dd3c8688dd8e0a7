"""`lb.results`: result files as records, one a seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from leapbench.api.lines import drawn
from leapbench.api.scope import scope
from leapbench.api.shown import Record, Shown
from leapbench.leaderboards import sources
from leapbench.leaderboards.render.table import Table, TableColumn, TableRow
from leapbench.leaderboards.sources import Origin
from leapbench.leaderboards.tables import cells
from leapbench.results.result import Result
from leapbench.running.cell import Cell

COLUMNS = (
    TableColumn("task", "Task"),
    TableColumn("tier", "Tier"),
    TableColumn("agent", "Agent"),
    TableColumn("seed", "Seed", "number"),
    TableColumn("state", "State"),
    TableColumn("score", "Score", "number"),
    TableColumn("normalised", "Normalised", "number"),
    TableColumn("cpu", "CPU s", "number"),
    TableColumn("run_id", "Run"),
)


class Results(Shown, Sequence[Result]):
    """Results, one a seed; failed ones among them.

    Args:
        found: the results.
        made_by: the cells of those that were run here, in the same order.
    """

    def __init__(self, found: Iterable[Result], made_by: Sequence[Cell] = ()) -> None:
        self._found, self.cells = tuple(found), tuple(made_by)
        rows = tuple(_row(each) for each in self._found)
        self.tables = (Table(_counted(len(rows)), COLUMNS, rows),) if rows else ()

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> Results: ...
    def __getitem__(self, index: int | slice) -> Result | Results:
        if isinstance(index, slice):
            return Results(self._found[index], self.cells[index])
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._found)

    @property
    def paths(self) -> list[Path]:
        """The files of those that were run here."""
        return [cell.path for cell in self.cells]

    @property
    def scores(self) -> list[float]:
        """Scores of the seeds that ended well."""
        return [each.score for each in self if each.score is not None]

    @property
    def failures(self) -> list[Result]:
        """The seeds that did not end well; `message` says why."""
        return [each for each in self if each.status != "ok"]

    def records(self) -> list[Record]:
        """A record a seed, with its metrics."""
        return [_record(each) | dict(each.metrics) for each in self]

    def curves(self) -> list[Record]:
        """A record a point of what was logged while the agents learned."""
        return [point for each in self for point in _curve_records(each)]

    def plot(self) -> Any:
        """What was logged while they learned, a panel a phase and name, a line a result.

        Raises:
            UserError: when Matplotlib is not installed, or nothing was logged.
        """
        return drawn(self)

    def episodes(self) -> list[Record]:
        """A record an episode, with the agent and the seed that it was played by."""
        return [_played(each) | dict(row) for each in self for row in each.rows()]


def _curve_records(found: Result) -> Iterator[Record]:
    for phase, curves in found.curves.items():
        for name, (steps, values) in curves.items():
            about: Record = {"phase": phase, "name": name}
            for step, value in zip(steps, values, strict=True):
                yield _played(found) | about | {"step": step, "value": value}


def results(
    name: str | None = None,
    *,
    tier: str | None = None,
    agent: str | None = None,
    runs: str | Path | None = "runs",
    committed: bool = True,
) -> Results:
    """Results of a task, a family or all, the package's own and yours.

    Args:
        name: task or family; None for all.
        tier: only this one.
        agent: only this one, by its full name, such as "msdnet+confidence".
        runs: folder of your own results; None for none.
        committed: whether those that come with the package are among them.

    Returns:
        A result a seed, failed ones among them; empty where there are none.

    Raises:
        UserError: when there is no such task or family.
    """
    roots: dict[Origin, Path | None] = {
        "committed": sources.committed_root() if committed else None,
        "yours": Path(runs) if runs is not None else None,
    }
    found = [
        entry.result
        for task in scope(name)
        for each in task.protocols
        if tier in (None, each)
        for entry in sources.entries(task.name, each, roots, None)[0]
    ]
    return Results(each for each in found if agent in (None, each.agent.name))


def _name(found: Result) -> str:
    settings = [f"{k}={v}" for part in found.agent.parts for k, v in sorted(part.settings.items())]
    return " ".join([found.agent.name, *settings])


def _played(found: Result) -> Record:
    return {"task": found.task, "agent": _name(found), "agent_seed": found.seed}


def _record(found: Result) -> Record:
    return {
        "task": found.task,
        "tier": found.tier,
        "agent": _name(found),
        "seed": found.seed,
        "status": found.status,
        "score": found.score,
        "normalised": found.normalised,
        "cpu": found.timing.cpu,
        "run_id": found.run_id or found.digest(),
    }


def _counted(number: int) -> str:
    return "1 result" if number == 1 else f"{number:,} results"


def _row(found: Result) -> TableRow:
    record: Mapping[str, Any] = _record(found)
    made = {
        "state": cells.text(str(record["status"]), found.message),
        "seed": cells.count(found.seed),
    }
    made |= {key: cells.number(record[key]) for key in ("score", "normalised", "cpu")}
    made |= {key: cells.text(str(record[key])) for key in ("task", "tier", "agent", "run_id")}
    return TableRow(made, "ranked" if found.status == "ok" else "failed")

"""`lb.plan`: what a sweep would cost, from the rows' own timings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from leapbench.api.scope import results, scope
from leapbench.api.shown import Shown
from leapbench.contract.task import Task
from leapbench.errors import UserError
from leapbench.leaderboards import tables
from leapbench.leaderboards.board import Board, of_task
from leapbench.leaderboards.costs import Cost, cost
from leapbench.leaderboards.render.table import Table
from leapbench.leaderboards.sources import badges_of
from leapbench.running.cell import protocol_of
from leapbench.running.composition import Composition, compose
from leapbench.running.sweep import parse_seeds


@dataclass(frozen=True, repr=False)
class Plan(Shown):
    """What a sweep would cost.

    Attributes:
        costs: of each agent on each task.
        tables: one table.
    """

    costs: tuple[Cost, ...]
    tables: Sequence[Table]


def plan(
    tasks: Sequence[str],
    agents: Sequence[str],
    *,
    tier: str = "smoke",
    seeds: str = "0",
    runs: str | Path | None = "runs",
) -> Plan:
    """Core-hours of agents on tasks; as `leapbench plan` does.

    Args:
        tasks: tasks or families. Of a family, agents go to the tasks that they fit.
        agents: as typed to `leapbench run`.
        tier: "smoke", "lite" or "paper".
        seeds: such as "0-4".
        runs: folder of your own results; None for none.

    Returns:
        A cost for each agent on each task, unknown where nobody has rows.

    Raises:
        UserError: for an unknown task, agent or tier, or agents that fit no task.
    """
    count, badges, own = len(parse_seeds(seeds)), badges_of(), results(runs)
    found: list[Cost] = []
    for name in dict.fromkeys(tasks):
        for task, fitting in _fitting(name, agents, tier):
            (board,) = of_task(task, tier, own, badges=badges)
            found += [_cost(board, agent, count) for agent in fitting]
    return Plan(tuple(found), [tables.costs_table(found)])


def _cost(board: Board, agent: Composition, count: int) -> Cost:
    record = agent.record()
    return cost(board, record.name, record.identity, count)


def _fitting(
    name: str, agents: Sequence[str], tier: str
) -> Iterator[tuple[Task, list[Composition]]]:
    """Each task of a name with the agents that fit it; of one task all have to.

    Raises:
        UserError: when an agent fits none of the tasks.
    """
    known = scope(name)
    one = name == known[0].name
    chosen = known if one else [task for task in known if tier in task.protocols]
    if not chosen:
        raise UserError(f"No task of {name} has a tier {tier!r}.")
    made = {task.name: _composed(task, agents, tier, one) for task in chosen}
    for text in agents:
        if not any(text in found for found in made.values()):
            raise UserError(f"Agent {text!r} fits no task of {name}.", "leapbench list agents")
    yield from ((task, list(made[task.name].values())) for task in chosen if made[task.name])


def _composed(task: Task, agents: Sequence[str], tier: str, one: bool) -> dict[str, Composition]:
    protocol, found = protocol_of(task, tier), {}
    for text in agents:
        try:
            found[text] = compose(task, text, (), protocol)
        except UserError:
            if one:
                raise
    return found

"""`leapbench list`: what there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from leapbench.cli.group import Command

if TYPE_CHECKING:
    from leapbench.contract.declaration import Declaration


@click.command(
    cls=Command,
    short_help="List the families, or their tasks, agents or environments.",
    sections={
        "Examples": (
            "leapbench list",
            "leapbench list tasks",
            "leapbench list agents urlb",
            "leapbench list envs activeview",
        ),
    },
)
@click.argument(
    "what", type=click.Choice(["families", "tasks", "agents", "envs"]), default="families"
)
@click.argument("family", required=False)
def command(what: str, family: str | None) -> None:
    """List the families, or the tasks, agents or environments, those of plug-ins among them.

    Those of one FAMILY, if it is named; agents that work on any family are "common".
    """
    shown = {"families": _families, "tasks": _tasks, "agents": _agents, "envs": _envs}
    shown[what](family)


def _of(family: str | None, families: Iterable[str]) -> list[str]:
    """The families to show, in order.

    Raises:
        UserError: when there is none of that name, with the nearest one.
    """
    known = sorted(set(families))
    if family is not None and family not in known:
        from leapbench.errors import unknown

        raise unknown("family", family, known, "leapbench list tasks")
    return known if family is None else [family]


def _families(family: str | None) -> None:
    from leapbench.cli.output import console, table
    from leapbench.contract import registry

    every = list(registry.tasks().values())
    rows = []
    for name in _of(family, (task.family for task in every)):
        own = [task for task in every if task.family == name]
        parts = [part for part in registry.agents().values() if part.family == name]
        first = next((task for task in own if task.small), own[0])
        rows.append((name, first.card.scarce, str(len(own)), str(len(parts)), first.name))
    heads = ("family", "what is scarce", "tasks", "agents", "begin with")
    console().print(table(heads, rows, ("tasks", "agents"), ("begin with",)))
    click.echo("leapbench list tasks FAMILY, agents FAMILY and envs FAMILY list what it has.")


def _tasks(family: str | None) -> None:
    from leapbench.cli.output import console, table
    from leapbench.contract import registry

    tasks = registry.tasks().values()
    shown = _of(family, (task.family for task in tasks))
    rows = [
        (task.name, task.card.scarce, ", ".join(task.protocols), task.card.title)
        for task in tasks
        if task.family in shown
    ]
    console().print(table(("task", "scarce", "tiers", "about"), rows))
    click.echo("leapbench show TASK describes one.")


def _agents(family: str | None) -> None:
    from leapbench.cli.output import console, table
    from leapbench.contract import registry
    from leapbench.contract.registry import COMMON

    agents = registry.agents().values()
    order = ("agent", "model", "policy")
    for shown in _of(family, (agent.family or COMMON for agent in agents)):
        own = [agent for agent in agents if (agent.family or COMMON) == shown]
        own.sort(key=lambda agent: (order.index(agent.role), agent.name))
        click.secho(shown, bold=True)
        rows = [(agent.name, agent.role, _summary(agent)) for agent in own]
        console().print(table(("agent", "role", "about"), rows))
    click.echo("leapbench show AGENT lists its settings. Parts are joined: model+policy.")


def _summary(agent: Declaration) -> str:
    oracle = "" if agent.ranked else " (not ranked)"
    return agent.summary + oracle


def _envs(family: str | None) -> None:
    import gymnasium

    from leapbench.cli.output import console, table
    from leapbench.contract.registration import declared
    from leapbench.running.watch import environments

    found = environments()
    families = {name: tasks[0].partition("/")[0] for name, tasks in found.items() if tasks}
    families |= {each["id"]: each["family"] for each in declared()}
    shown = _of(family, families.values())
    rows = [
        (name, "yes" if gymnasium.spec(name).vector_entry_point else "no", ", ".join(tasks))
        for name, tasks in found.items()
        if family is None or families.get(name) in shown
    ]
    console().print(table(("environment", "vector", "tasks"), rows))
    click.echo('gymnasium.make("leapbench:ID") makes one. leapbench watch ID shows one.')

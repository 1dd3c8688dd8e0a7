"""`leapbench list`: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from leapbench.cli.group import Command

if TYPE_CHECKING:
    from leapbench.contract.declaration import Declaration


@click.command(
    cls=Command,
    short_help="List the tasks, agents or environments.",
    sections={
        "Examples": (
            "leapbench list tasks",
            "leapbench list agents",
            "leapbench list envs",
        ),
    },
)
@click.argument("what", type=click.Choice(["tasks", "agents", "envs"]))
def command(what: str) -> None:
    """List the tasks, agents or environments, those of plug-ins among them."""
    {"tasks": _tasks, "agents": _agents, "envs": _envs}[what]()


def _tasks() -> None:
    from leapbench.cli.output import console, table
    from leapbench.contract import registry

    rows = [
        (task.name, task.card.scarce, ", ".join(task.protocols), task.card.title)
        for task in registry.tasks().values()
    ]
    console().print(table(("task", "scarce", "tiers", "about"), rows))
    click.echo("leapbench show TASK describes one.")


def _agents() -> None:
    from leapbench.cli.output import console, table
    from leapbench.contract import registry

    order = ("agent", "model", "policy")
    found = sorted(registry.agents().values(), key=lambda a: (order.index(a.role), a.name))
    rows = [(agent.name, agent.role, agent.family or "any", _summary(agent)) for agent in found]
    console().print(table(("agent", "role", "works on", "about"), rows))
    click.echo("leapbench show AGENT lists its settings. Parts are joined: model+policy.")


def _summary(agent: Declaration) -> str:
    oracle = "" if agent.ranked else " (not ranked)"
    return agent.summary + oracle


def _envs() -> None:
    import gymnasium

    from leapbench.cli.output import console, table
    from leapbench.running.watch import environments

    rows = [
        (name, "yes" if gymnasium.spec(name).vector_entry_point else "no", ", ".join(tasks))
        for name, tasks in environments().items()
    ]
    console().print(table(("environment", "vector", "tasks"), rows))
    click.echo('gymnasium.make("leapbench:ID") makes one. leapbench watch ID shows one.')

"""`leapbench show`: the card of a task, or the settings of an agent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from leapbench.cli.group import Command

if TYPE_CHECKING:
    from leapbench.contract.card import Claim
    from leapbench.contract.declaration import Declaration
    from leapbench.contract.task import Anchor, Protocol, Task


@click.command(
    cls=Command,
    short_help="Describe a task or an agent.",
    sections={
        "Examples": (
            "leapbench show earlyexit/digits",
            "leapbench show l2w-den",
        ),
    },
)
@click.argument("name")
def command(name: str) -> None:
    """Describe the task or agent called NAME."""
    from leapbench.contract import registry
    from leapbench.errors import UserError, unknown

    if name in registry.tasks():
        _task(registry.task(name))
    elif found := [a for full, a in registry.agents().items() if name in (full, a.name)]:
        for agent in found:
            _agent(agent)
    elif name in {task.family for task in registry.tasks().values()}:
        hint = f"`leapbench list tasks {name}` lists its tasks."
        raise UserError(f"{name!r} is a family, expected a task or an agent.", hint)
    else:
        both = [
            *registry.tasks(),
            *registry.agents(),
            *(a.name for a in registry.agents().values()),
        ]
        raise unknown("task or agent", name, both, "leapbench list tasks")


def _task(task: Task) -> None:
    card = task.card
    defaults = ", ".join(f"{role}: {name}" for role, name in task.default_agents.items())
    _heading(f"{task.name}: {card.title}")
    _facts(
        [
            ("about", card.summary),
            ("paper", card.paper),
            ("scarce", card.scarce),
            ("parts", f"{defaults} (used when left open)" if defaults else "one agent"),
            ("baselines", ", ".join(card.baselines) or "-"),
            *(("note", note) for note in card.notes),
        ]
    )
    for protocol in task.protocols.values():
        _heading(f"\nTier {protocol.tier}, protocol {protocol.hash}")
        made = card.data_of(protocol.tier) or card.simulator or "what was made for this suite"
        _facts([("runs on", made), *_protocol(protocol)])
    _published(task)
    _claims(task.claims)
    tier = next(iter(task.protocols))
    first = (card.baselines or tuple(task.default_agents.values()) or ("AGENT",))[0]
    click.echo(f"\nTry: leapbench run {task.name} {first} --tier {tier}")


def _protocol(protocol: Protocol) -> Iterator[tuple[str, str]]:
    """What a tier asks for, line by line."""
    from leapbench.leaderboards.meanings import meaning

    for phase in protocol.phases:
        budget = f"{phase.budget.limit:,} {phase.budget.unit}"
        start = f", from {phase.after} on" if phase.after else ""
        yield f"phase {phase.name}", f"{budget}, the {phase.role} learns{start}"
    if protocol.presets:
        each = ", ".join(f"{key}={_value(value)}" for key, value in protocol.presets.items())
        yield "presets", f"{each} (where an agent has such a setting)"
    evaluation = protocol.evaluation
    grid = ", ".join(
        f"{value:,g}" if value < 1e5 else f"{value:,.0f}" for value in evaluation.budgets
    )
    world = f" of {evaluation.environment}" if evaluation.environment else ""
    episodes = f"{evaluation.episodes} episodes{world}"
    yield "evaluation", f"{episodes}{f' at each of {grid} {evaluation.unit}' if grid else ''}"
    metric = protocol.metric
    better = "higher" if metric.higher_is_better else "lower"
    told = meaning(protocol)
    yield "metric", f"{metric.name} ({better} is better){f': {told}' if told else ''}"
    yield "normalised 0", _anchor(metric.floor)
    yield "normalised 1", _anchor(metric.ceiling)


def _anchor(anchor: Anchor) -> str:
    return f"{anchor.value:g}: {anchor.source}"


def _published(task: Task) -> None:
    from leapbench.cli.output import console, table

    rows = [(row.label, row.value, row.source) for row in task.card.published]
    if rows:
        _heading("\nPublished by others (shown, never ranked)")
        console().print(table(("what", "value", "source"), rows))


def _claims(claims: Sequence[Claim]) -> None:
    if claims:
        _heading("\nClaims (leapbench board judges them)")
        _facts([(claim.name, _claim(claim)) for claim in claims])


def _claim(claim: Claim) -> str:
    """Who beats whom, by how much, and who says so."""
    effect = "" if claim.effect is None else f"\n{claim.effect:+g} {claim.unit}".rstrip()
    source = f"\n{claim.source}" if claim.source else ""
    metric = f", in {claim.metric}" if claim.metric else ""
    return f"{claim.agent} over {claim.over}{metric}{effect}{source}"


def _agent(agent: Declaration) -> None:
    from leapbench.cli.output import console, table
    from leapbench.contract.settings import settings_of

    _heading(f"{agent.name}: {agent.summary}")
    _facts(
        [
            ("role", agent.role),
            ("works on", agent.family or "tasks of any family whose world takes such actions"),
            ("actions", agent.actions or "any"),
            ("paper", agent.paper or "-"),
            ("code", agent.entry),
            ("version", str(agent.version)),
            ("ranked", "yes" if agent.ranked else "no: it looks at what agents may not see"),
        ]
    )
    known = settings_of(agent.entry)
    rows = [
        (key, type(value).__name__, _value(value), known[key].meaning)
        for key, value in agent.config.items()
    ]
    if rows:
        _heading("\nSettings (--set KEY=VALUE)")
        console().print(table(("key", "type", "default", "what it is"), rows))


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'


def _heading(text: str) -> None:
    click.secho(text, bold=True)


def _facts(pairs: Sequence[tuple[str, str]]) -> None:
    from leapbench.cli.output import console, facts

    console().print(facts(pairs))

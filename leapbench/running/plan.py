"""From a command line to cells, checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leapbench.contract import registry
from leapbench.contract.task import TIERS, Task
from leapbench.errors import UserError, unknown
from leapbench.isolation import sandbox
from leapbench.running import logs, machine, on_ray
from leapbench.running.cell import Cell, harness_of, protocol_of
from leapbench.running.composition import Composition, compose, file_of
from leapbench.running.device import checked
from leapbench.running.sweep import parse_seeds


def plan(
    task: str,
    tier: str,
    agents: Sequence[str],
    seeds: str,
    settings: Sequence[str],
    out: Path,
    isolated: bool = False,
    device: str = "cpu",
    log: str = "",
    keep: bool = False,
    on: str = "",
) -> list[Cell]:
    """The cells that a command asks for, agent by agent, each once.

    Args:
        task: task name.
        tier: tier name; empty for the smallest that the task has.
        agents: agents as typed.
        seeds: such as "0-4".
        settings: "key=value" pairs; each goes to the agents that have the key.
        out: folder of the results.
        isolated: run parts in files in processes of their own.
        device: where parts learn: "auto", "cpu", "cuda" or "cuda:N".
        log: where what they log goes besides: "tensorboard", "wandb" or "".
        keep: keep what they learned.
        on: the Ray cluster that they are for; "" for this machine.

    Raises:
        UserError: for the first thing that is wrong.
    """
    found = registry.task(task)
    tier = tier or found.smallest
    if tier not in TIERS:
        raise unknown("tier", tier, TIERS)
    protocol = protocol_of(found, tier)
    numbers = parse_seeds(seeds)
    plain = {text: compose(found, text, protocol=protocol) for text in agents}
    chosen = {text: accepted(agent, settings) for text, agent in plain.items()}
    _check_all_used(found, chosen, settings)
    if isolated:
        _check_in_files(plain)
    texts = _each_once(found, chosen)
    for text in texts:
        compose(found, text, chosen[text], protocol).check()
    machine.check(out)
    machine.check_row(protocol, harness_of(found))
    if on:
        on_ray.check(on, device)  # the cards are on other machines
    else:
        checked(device)
    logs.check(log)
    return [
        Cell(found.name, protocol.tier, text, seed, chosen[text], out, isolated, device, log, keep)
        for text in texts
        for seed in numbers
    ]


def _each_once(task: Task, chosen: dict[str, tuple[str, ...]]) -> list[str]:
    """The agents without those that are another one in other words.

    Raises:
        UserError: when files are copies of each other, which may read other files beside them.
    """
    known: dict[str, tuple[str, list[Path]]] = {}
    for text, settings in chosen.items():
        agent = compose(task, text, settings)
        files = [f.resolve() for part in agent.parts.values() if (f := file_of(part))]
        first, there = known.setdefault(agent.record().identity, (text, files))
        if there != files:
            raise UserError(
                f"{first} and {text} are the same agent: equal names and files.",
                "Give one of the files another name.",
            )
    return [text for text, _ in known.values()]


def accepted(agent: Composition, settings: Sequence[str]) -> tuple[str, ...]:
    """The settings whose key the agent has."""
    keys = {key for config in agent.config.values() for key in config}
    keys |= {
        f"{part.name}.{key}" for role, part in agent.parts.items() for key in agent.config[role]
    }
    return tuple(text for text in settings if text.partition("=")[0] in keys)


def _check_all_used(
    task: Task, chosen: dict[str, tuple[str, ...]], settings: Sequence[str]
) -> None:
    """Let the first agent complain about a setting that none of them has."""
    for text in settings:
        if not any(text in own for own in chosen.values()):
            compose(task, next(iter(chosen)), [text])


def _check_in_files(agents: dict[str, Composition]) -> None:
    """Refuse to isolate an agent that has no part in a file."""
    sandbox.require()
    for text, agent in agents.items():
        if not any(part.entry.rpartition(":")[0].endswith(".py") for part in agent.parts.values()):
            raise UserError(
                f"--isolated: no part of {text!r} is in a file of its own.",
                "It is for path/to/file.py:Class.",
            )

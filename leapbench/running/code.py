"""Which code decides a cell's result and what its phases leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from leapbench.contract.registration import declared
from leapbench.contract.task import Protocol, Task
from leapbench.running.composition import Composition
from leapbench.running.source import code_hash, followed

RUNNER = tuple(f"leapbench.running.{name}" for name in ("cell", "composition", "phases"))
"""What runs phases and evaluations; what it imports besides shows and stores."""


def of_result(task: Task, protocol: Protocol, agent: Composition) -> str:
    """Hash of what decides a result: every part, the harness and the environments."""
    parts = tuple(part.entry for part in agent.parts.values())
    return code_hash((*parts, *_grounds(task, protocol)), RUNNER)


def of_phases(task: Task, protocol: Protocol) -> str:
    """Hash of what decides what phases leave behind, besides the parts that learn in them."""
    return code_hash(_grounds(task, protocol), RUNNER)


def _grounds(task: Task, protocol: Protocol) -> tuple[str, ...]:
    """Entry points of the harness and of every environment that the protocol names."""
    named = set(_texts(protocol.model_dump(mode="json")))
    entries = {entry for name in named for entry in _environments().get(name, ())}
    entries |= {name for name in named if ":" in name and followed(name)}
    return (task.harness, *sorted(entries))


@cache
def _environments() -> dict[str, tuple[str, ...]]:
    """Entry points of the suite's environments by id."""
    points = ("entry_point", "vector_entry_point")
    return {each["id"]: tuple(each[p] for p in points if p in each) for each in declared()}


def _texts(data: Any) -> Iterator[str]:
    """Every text in JSON data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)

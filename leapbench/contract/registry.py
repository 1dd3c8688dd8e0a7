"""Finds tasks and agents by their folders' declarations, and plug-ins by entry point.

A task is `tasks/<family>/<variant>.toml`, on top of what its family shares in
`tasks/<family>/family.toml`; an agent is a table of
`agents/<family>/<method>/agent.toml`, or of `agents/common/<method>/agent.toml` where
it works on any family. An agent's name is looked up inside the family of the task.
Other distributions name a package with such folders under the entry-point groups
`leapbench.tasks` and `leapbench.agents`. No code of theirs is imported to list them.
"""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from leapbench.contract import each
from leapbench.contract.card import About
from leapbench.contract.declaration import Declaration
from leapbench.contract.task import Task
from leapbench.errors import UserError, unknown

COMMON = "common"
"""Folder of agents that work on any family."""


@cache
def tasks() -> dict[str, Task]:
    """Every task by name."""
    found: dict[str, Task] = {}
    for _, root in _roots("leapbench.tasks"):
        for family in sorted(root.glob("*/family.toml")):
            for file in sorted(family.parent.glob("*.toml")):
                if file != family:
                    _collect(found, file, lambda f=file, shared=family: read_task(f, shared))
    return found


@cache
def agents() -> dict[str, Declaration]:
    """Every agent part by "family/name"; those of any family by "common/name"."""
    found: dict[str, Declaration] = {}
    for _, root in _roots("leapbench.agents"):
        for file in sorted(root.glob("*/*/agent.toml")):
            _collect(found, file, lambda f=file: read_agents(f))
    return found


def agents_of(family: str) -> dict[str, Declaration]:
    """The agent parts that may run on tasks of a family, by name."""
    found = sorted(agents().values(), key=lambda part: part.family)  # one's own over common ones
    return {part.name: part for part in found if part.family in ("", family)}


def task(name: str) -> Task:
    """The task called `name`.

    Raises:
        UserError: when there is none, with the nearest name.
    """
    if name not in tasks():
        raise unknown("task", name, tasks(), "leapbench list tasks")
    return tasks()[name]


def agent(name: str, family: str, task: Task | None = None) -> Declaration:
    """The agent part called `name` in a family.

    Args:
        name: of the part.
        family: of the task; empty where no task of a family is meant.
        task: where it is to work; an error then names the parts that do.

    Raises:
        UserError: when there is none, with the nearest name, or the families that have one.
    """
    known = agents_of(family)
    if name in known:
        return known[name]
    elsewhere = [part.family for part in agents().values() if part.name == name]
    families = " and ".join(elsewhere)
    if elsewhere and not family:
        raise UserError(f"Agent {name!r} is of {families}, and does not act here.")
    if elsewhere:
        own = [n for n, p in known.items() if p.family and (task is None or p.fits(task))]
        raise UserError(
            f"Agent {name!r} is of {families}, not of {family}.",
            f"Of {task.name if task else family} are: {', '.join(own) or 'none yet'}.",
        )
    raise unknown("agent", name, known, f"leapbench list agents {family}")


def read_task(file: Path, family: Path | None = None) -> dict[str, Task]:
    """Read one task file, merged over the variant that it extends, and over its family's.

    Tables are merged key by key; lists, such as claims and phases, and default agents
    stand in the place of those below. A file with a table `[each]` declares a task for
    each of its rows, called what its column `variant` says; tests run the first.

    Raises:
        ValueError: when a file extends one that is not there, or itself in the end, or when
            the lists of `[each]` are of unequal lengths.
    """
    shared = _toml(family) if family else {}
    own = _toml(file)
    data = merge(shared, _extended(file))
    if "default_agents" in own:  # a task may do without a role that its family has
        data["default_agents"] = own["default_agents"]
    if "small" not in own:  # tests run the tasks that say so themselves
        data.pop("small", None)
    card = shared.get("card", {})
    about = {key: card[key] for key in About.model_fields if key in card}
    data["card"] = {"family": about} | data.get("card", {})
    many = list(each.rows(data)) or [{"variant": file.stem}]
    data.pop("each", None)
    found: dict[str, Task] = {}
    for row in many:
        name = f"{file.parent.name}/{row['variant']}"
        found[name] = _task(name, each.filled(data, row))
        data.pop("small", None)
    return found


def _task(name: str, data: dict[str, Any]) -> Task:
    """A task from its merged tables, which share `protocol`."""
    shared = data.pop("protocol", {})
    for tier, protocol in data["protocols"].items():
        data["protocols"][tier] = merge(shared, protocol) | {"task": name, "tier": tier}
    return Task(name=name, **data)


def _extended(file: Path, below: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A task file's tables, merged over those of the variant that it says it extends."""
    own = dict(_toml(file))
    name = own.pop("extends", "")
    if not name:
        return own
    base = file.with_name(f"{name}.toml")
    if base in (file, *below) or not base.is_file() or base.name == "family.toml":
        raise ValueError(f"it extends {name!r}, which is no other variant of its family")
    return merge(_extended(base, (*below, file)), own)


def read_agents(file: Path) -> dict[str, Declaration]:
    """Read one agent file, of the family that the folder above its own is called."""
    folder = file.parent.parent.name
    family = "" if folder == COMMON else folder
    return {
        f"{folder}/{name}": Declaration(name=name, family=family, **fields)
        for name, fields in _toml(file).items()
    }


def _roots(group: str) -> Iterator[tuple[str, Path]]:
    """Package names and folders to look in: our own first, then plug-ins."""
    for package in (group, *(point.value for point in entry_points(group=group))):
        try:
            spec = find_spec(package)
            if spec is None:
                raise ModuleNotFoundError(f"No module named {package!r}")
            folders = list(spec.submodule_search_locations or ())
        except Exception as error:
            folders = []
            reason = " ".join(str(error).split())
            warnings.warn(f"Plug-in {package!r} is broken: {reason}", stacklevel=2)
        yield from ((package, Path(folder)) for folder in folders)


def _collect(found: dict[str, Any], file: Path, read: Any) -> None:
    """Add what `read` yields; a broken file costs one line, not the command."""
    try:
        new = read()
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        missing = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        reason = " ".join(missing.split())
        warnings.warn(f"{file} is left out: {reason}", stacklevel=3)
        return
    for name in new:
        if name in found:
            text = f"{name!r} is declared twice; the second time, in {file}, is left out"
            warnings.warn(text, stacklevel=3)
    found.update({name: each for name, each in new.items() if name not in found})


def _toml(file: Path) -> dict[str, Any]:
    """Tables of a file, shared by all who ask: nobody changes them."""
    return _parsed(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _parsed(file: Path, changed: int) -> dict[str, Any]:
    with file.open("rb") as stream:
        return tomllib.load(stream)


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` updated with `over`, table by table; neither is changed."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged

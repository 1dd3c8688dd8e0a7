"""From what a row or a bundle says about its agent to parts that can be run here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from leapbench.contract import registry
from leapbench.contract.declaration import Declaration
from leapbench.contract.task import Task
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.manifest import BundledPart
from leapbench.leaderboards.submissions.bundle.read import Bundle
from leapbench.results.result import AgentRecord, Result, Scalar
from leapbench.running import external
from leapbench.running.composition import Composition
from leapbench.running.isolated import declaration_of


class NotHere(UserError):
    """A row cannot be run here; that says nothing against it."""


def named(row: Result) -> tuple[BundledPart, ...]:
    """Parts of a bare row: those that are declared here are, of others there are only numbers."""
    declared = registry.agents_of(row.family)
    return tuple(
        BundledPart(**part.model_dump(), kind="registered" if part.name in declared else "numbers")
        for part in row.agent.parts
    )


def composition(
    name: str,
    agent: AgentRecord,
    parts: Sequence[BundledPart],
    task: Task,
    bundle: Bundle | None,
    folder: Path,
) -> Composition:
    """The agent, ready to be run; what travelled is written into `folder`.

    Args:
        name: what it is called here, as folders are named by it.
        agent: as the row records it.
        parts: how each of its parts travels.
        task: the task that it is run on.
        bundle: where the files of the parts are; None for a bare row.
        folder: an empty folder for them.

    Raises:
        NotHere: when a part is not here, or is not here what the row was made by.
    """
    found: dict[str, Declaration] = {}
    config: dict[str, dict[str, Scalar]] = {}
    changed: dict[str, Scalar] = {}
    for part in parts:
        found[part.role] = _declaration(part, task, bundle, folder)
        config[part.role] = dict(part.config)
        changed |= {f"{part.name}.{key}": value for key, value in part.settings.items()}
    made = Composition(name, found, config, changed)
    for ours, theirs in zip(made.record().parts, agent.parts, strict=True):
        if ours.version != theirs.version:
            raise NotHere(f"{theirs.name} is of version {ours.version} here, not {theirs.version}.")
        if ours != theirs:
            raise NotHere(f"{theirs.name} is another {theirs.role} here than the row was made by.")
    return made


def _declaration(part: BundledPart, task: Task, bundle: Bundle | None, folder: Path) -> Declaration:
    match part.kind:
        case "registered":
            if part.name not in registry.agents_of(task.family):
                raise NotHere(f"There is no agent {part.name!r} here.")
            declared = registry.agent(part.name, task.family)
            if kinds(part.config) != kinds(declared.config):
                raise NotHere(f"{part.name} has other settings here: {', '.join(declared.config)}.")
            return declared
        case "numbers":
            raise NotHere(f"{part.name} did not travel: there are only its numbers.")
    if bundle is None:
        raise NotHere(f"{part.name} is a file that is not here.")
    path = folder / part.role / PurePosixPath(part.file).name
    path.parent.mkdir()
    bundle.write(part.file, path)
    if part.kind == "code":
        return declaration_of(path, part.entry, part.name, part.role, part.config)
    text = f"weights:{part.entry}:{path}" if part.kind == "weights" else f"onnx:{path}"
    made = external.declaration(text, task)
    if made is None or made.name != part.name:
        raise NotHere(f"{part.file} does not make the part {part.name!r}.")
    return made


def kinds(config: Mapping[str, Scalar]) -> dict[str, type]:
    """Type of each setting: a stranger's reach constructors in this process."""
    return {key: type(value) for key, value in config.items()}

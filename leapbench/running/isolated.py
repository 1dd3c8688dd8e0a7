"""Compositions whose parts in files run in guests."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from leapbench.contract.agent import Learner
from leapbench.contract.declaration import Declaration, Role
from leapbench.contract.harness import Harness
from leapbench.errors import UserError
from leapbench.isolation.limits import MIB, Limits
from leapbench.isolation.part import RemotePart
from leapbench.isolation.remote import GuestProcess
from leapbench.results.result import Scalar
from leapbench.running.composition import Composition

LARGEST = MIB  # bytes of an agent's file


@dataclass(frozen=True)
class Isolated(Composition):
    """A composition that builds its parts in files as guests; the others are built here.

    Attributes:
        limits: of each guest.
        modules: modules of the task's family that a guest may import.
        guests: the guest of each role that has one; of each phase in a tree of phases.
        ended: those in whose place there are others now.
    """

    limits: Limits = field(default_factory=Limits)
    modules: tuple[str, ...] = ()
    guests: dict[str, GuestProcess] = field(default_factory=dict)
    ended: list[GuestProcess] = field(default_factory=list)

    def build(self, role: str, slot: str = "") -> Learner:
        """Construct the part of `role`; a guest of its slot that was there before is ended."""
        file, name = in_file(self.parts[role])
        if file is None:
            return super().build(role, slot)
        slot = slot or role
        if slot in self.guests:
            self.guests[slot].close()
            self.ended.append(self.guests[slot])
        self.guests[slot] = GuestProcess(file, name, self.config[role], self.limits, self.modules)
        return RemotePart(self.guests[slot])

    def restore(self, harness: Harness, role: str, folder: Path, slot: str = "") -> Learner:
        """Load what a part saved; a model from a file becomes the suite's own part."""
        file, _ = in_file(self.parts[role])
        if file is None or role != "model":
            return super().restore(harness, role, folder, slot)
        return harness.receive(role, folder)

    @property
    def cpu(self) -> float:
        """CPU seconds of all guests so far."""
        return sum(guest.cpu for guest in (*self.ended, *self.guests.values()))

    @property
    def isolation(self) -> str:
        """What protected the host from the guests that ran, one line."""
        slots: dict[str, list[str]] = {}
        for slot, guest in self.guests.items():
            slots.setdefault(guest.isolation, []).append(slot)
        return "; ".join(f"{', '.join(named)}: {layers}" for layers, named in slots.items())


@contextmanager
def isolated(
    composition: Composition, limits: Limits | None = None, modules: Sequence[str] = ()
) -> Iterator[Isolated]:
    """`composition` with its parts in files as guests, which are killed at the end.

    Args:
        composition: any; parts that are registered stay in this process.
        limits: of each guest; None for the defaults.
        modules: modules of the task's family that a guest may import.
    """
    agent = Isolated(
        name=composition.name,
        parts=composition.parts,
        config=composition.config,
        changed=composition.changed,
        limits=limits or Limits(),
        modules=tuple(modules),
    )
    try:
        yield agent
    finally:
        for guest in agent.guests.values():
            guest.close()


def in_file(part: Declaration) -> tuple[Path | None, str]:
    """File and class of a part in a file; None and its entry for another part."""
    path, _, name = part.entry.rpartition(":")
    return (Path(path), name) if path.endswith(".py") else (None, part.entry)


def declaration_of(
    file: Path, entry: str, name: str, role: Role, config: Mapping[str, Scalar]
) -> Declaration:
    """Declaration of a part in a file, which is read and not imported.

    Args:
        file: the agent's file.
        entry: class in it.
        name: as the result shall carry it.
        role: "model", "policy" or "agent".
        config: every setting.

    Raises:
        UserError: when the file is absent, too large, or no Python.
    """
    path = str(file.resolve())
    if not file.is_file() or file.suffix != ".py":
        raise UserError(f"There is no file {str(file)!r}.", "Expected a .py file.")
    if file.stat().st_size > LARGEST:
        raise UserError(f"{file.name} has more than {LARGEST} bytes.")
    if not entry.isidentifier():
        raise UserError(f"{entry!r} is not the name of a class.")
    try:
        ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{file.name} is not Python: {error}.") from error
    return Declaration.model_construct(  # its entry is a path, which `Declaration` refuses
        name=name,
        role=role,
        family="",
        entry=f"{path}:{entry}",
        summary="submitted code",
        paper="",
        settings=dict(config),
        file="",
        ranked=True,
        version=1,
    )

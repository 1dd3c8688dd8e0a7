"""From what the user typed to the parts of an agent.

`model+policy` composes parts; a role left open takes the task's default part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from leapbench.contract import files, registry
from leapbench.contract.agent import Learner, is_privileged
from leapbench.contract.declaration import Declaration
from leapbench.contract.task import Protocol, Task
from leapbench.errors import Unavailable, Unfit, UserError, unknown
from leapbench.results.result import AgentRecord, Part, Scalar
from leapbench.results.values import LONGEST, bounded
from leapbench.running import external, live

if TYPE_CHECKING:
    from leapbench.contract.harness import Harness


@dataclass(frozen=True)
class Composition:
    """An agent ready to be built, part by part.

    Attributes:
        name: parts joined by "+", in the order of the task's roles.
        parts: declaration of each role.
        config: settings of each role: defaults, the protocol's presets and `--set` together.
        changed: the settings that differ from those without `--set`, "part.key" to value.
    """

    name: str
    parts: dict[str, Declaration]
    config: dict[str, dict[str, Scalar]]
    changed: dict[str, Scalar] = field(default_factory=dict)

    @property
    def cpu(self) -> float:
        """CPU seconds that parts have used in processes of their own."""
        return 0.0

    def build(self, role: str, slot: str = "") -> Learner:
        """Import and construct the part of `role`.

        Args:
            role: "model", "policy" or "agent".
            slot: which of several parts of the role, where phases form a tree.
        """
        made = built(self.parts[role], self.config[role])
        if isinstance(made, live.Placed):
            made = made.placed(slot)
        return made

    def check(self) -> None:
        """Build the parts that the suite or a plug-in declares, to see that they can be.

        Raises:
            Unfit: when a setting is out of its range.
            Unavailable: when a package is missing.
        """
        for role, part in self.parts.items():
            if isinstance(part, live.LiveDeclaration) or file_of(part):
                continue  # of the user's own, which builds itself when it runs
            try:
                built(part, self.config[role])
            except ImportError as error:
                raise Unavailable(f"{part.name} cannot be imported: {error}.") from error
            except Unavailable:
                raise
            except UserError as error:
                raise Unfit(error.message, error.hint) from error
            except Exception as error:
                raise Unfit(f"{part.name} cannot be made: {error}.") from error

    def restore(self, harness: Harness, role: str, folder: Path, slot: str = "") -> Learner:
        """A fresh part of `role` and `slot` with what one saved into `folder`."""
        fresh = self.build(role, slot)
        fresh.load(folder)
        return fresh

    def record(self) -> AgentRecord:
        """What the result says about the agent."""
        parts = tuple(
            Part(
                name=part.name,
                role=role,
                family=part.family,
                version=part.version,
                file_hash=content_hash(part),
                settings=self.settings(part.name),
                config=self.config[role],
            )
            for role, part in self.parts.items()
        )
        ranked = all(part.ranked for part in self.parts.values())
        return AgentRecord(name=self.name, parts=parts, ranked=ranked)

    def settings(self, name: str) -> dict[str, Scalar]:
        """The changed settings of one part."""
        pairs = ((key.rpartition("."), value) for key, value in self.changed.items())
        return {key: value for (part, _, key), value in pairs if part == name}


def file_of(part: Declaration) -> Path | None:
    """The user's file that a part is; None for a declared one."""
    module = part.entry.rpartition(":")[0]
    path = module if module.endswith(".py") else part.file
    return Path(path) if path else None


def origin(part: Declaration) -> str:
    """The module whose code a part is, or its file; neither is imported for that."""
    if isinstance(part, live.LiveDeclaration):
        return part.make.__module__
    return part.entry.rpartition(":")[0]


def content_hash(part: Declaration) -> str:
    """What tells a user's part from others of its name; empty for a declared one."""
    if isinstance(part, live.LiveDeclaration):
        return part.digest[:16]
    file = file_of(part)
    return file_hash(file) if file else ""


def file_hash(file: Path) -> str:
    """SHA-256 of a file's content, 16 hexadecimal digits."""
    return files.sha256(file)[:16]


def built(part: Declaration, config: Mapping[str, Scalar]) -> Learner:
    """A fresh part with settings.

    Raises:
        UserError: for one that looks at the environment itself and is not declared so: it
            would be ranked with those that do not.
    """
    if isinstance(part, live.LiveDeclaration):
        make = part.make
    else:
        module, _, attribute = part.entry.partition(":")
        loaded = external.module(module) if module.endswith(".py") else import_module(module)
        make = getattr(loaded, attribute)
    made: Learner = make(**config, **({"path": part.file} if part.file else {}))
    if part.ranked and is_privileged(made):
        raise UserError(
            f"{part.name} looks at the environment itself (privileged), and would be ranked.",
            "Say `privileged = True` in its class, or `ranked = false` in its agent.toml.",
        )
    return made


def compose(
    task: Task, text: str, settings: Sequence[str] = (), protocol: Protocol | None = None
) -> Composition:
    """Resolve an agent for a task.

    Args:
        task: the task it is to run.
        text: "name", "model+policy", "file.py:Class" or "sb3:<algorithm>:<file.zip>".
        settings: "key=value" or "part.key=value", as given to `--set`.
        protocol: the one that it is to run under, whose presets are then the defaults.

    Raises:
        UserError: for an unknown part, one that does not fit the task, two parts
            of one role, or an unknown or ill-typed setting.
    """
    roles = list(task.default_agents)
    parts: dict[str, Declaration] = {}
    for name in external.split(text):
        part = (
            live.declaration(name, task)
            or external.declaration(name, task)
            or registry.agent(name, task.family, task).on(task)
        )
        _check_fit(part, task)
        if part.role in parts:
            raise UserError(
                f"{text!r} names two parts of role {part.role!r}: "
                f"{parts[part.role].name!r} and {part.name!r}."
            )
        parts[part.role] = part
    if "agent" not in parts:
        parts |= {
            r: registry.agent(task.default_agents[r], task.family) for r in roles if r not in parts
        }
    presets = protocol.presets if protocol else {}
    ordered = {r: parts[r].preset(presets) for r in (*roles, "agent") if r in parts}
    changed = _settings(ordered, settings)
    config = {
        role: dict(part.config)
        | {k.rpartition(".")[2]: v for k, v in changed.items() if k.rpartition(".")[0] == part.name}
        for role, part in ordered.items()
    }
    return Composition("+".join(p.name for p in ordered.values()), ordered, config, changed)


def _check_fit(part: Declaration, task: Task) -> None:
    if not part.fits(task):
        known = registry.agents_of(task.family).values()
        good = [d.name for d in known if d.family and d.fits(task)]
        raise UserError(
            f"Agent {part.name!r} does not work on {task.name}.",
            f"These do: {', '.join(good) or 'none yet'}.",
        )


def _settings(parts: Mapping[str, Declaration], settings: Iterable[str]) -> dict[str, Scalar]:
    """Validated changes, "part.key" to value, without those equal to the default."""
    defaults = {f"{p.name}.{k}": v for p in parts.values() for k, v in p.config.items()}
    changed: dict[str, Scalar] = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--set {text!r} is not of the form key=value.")
        full = [name for name in defaults if key in (name, name.rpartition(".")[2])]
        if not full:
            short = {name.rpartition(".")[2] for name in defaults}
            raise unknown("setting", key, short)
        for name in full:
            typed = _typed(name, value, defaults[name])
            if typed != defaults[name]:
                changed[name] = typed
    return dict(sorted(changed.items()))


def _typed(key: str, text: str, default: Scalar) -> Scalar:
    """`text` as a value of the default's type."""
    kind = type(default)
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return bounded(kind(text))
    except (ValueError, KeyError):
        expected = "true or false" if kind is bool else f"{kind.__name__}, such as {default}"
        if kind is str:
            expected = f"at most {LONGEST} printable characters"
        raise UserError(f"--set {key}={text}: expected {expected}.") from None

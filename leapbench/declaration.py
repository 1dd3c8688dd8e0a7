"""How an agent's folder declares what it holds, without importing its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field

from leapbench.task import Actions, Frozen, Task

Role = Literal["model", "policy", "agent"]


class Declaration(Frozen):
    """One entry of an `agent.toml`, found without importing its code.

    Attributes:
        name: what the user types.
        role: "model", "policy" or "agent".
        families: task families it works on; empty for any with a fitting role.
        actions: kind of actions that it chooses, "discrete" or "continuous"; empty for any.
        entry: "module:Class", built with `config` as keyword arguments.
        summary: one line for `leapbench list agents`.
        paper: source of the method.
        config: every setting that `--set` accepts, with its default.
        sources: further modules whose code decides the outcome; they are
            hashed with the entry's folder into the source hash.
        ranked: False for oracles, which are shown and not ranked.
        version: raised when results are no longer comparable.
        file: a file on this machine that the part is read from, given to the entry as
            `path`; left out of `config`, so that records do not depend on where it lies.
    """

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    role: Role
    families: tuple[str, ...] = ()
    actions: Actions = ""
    entry: str = Field(pattern=r"^[\w.]+:\w+$")
    summary: str
    paper: str = ""
    config: dict[str, bool | int | float | str] = {}
    sources: tuple[str, ...] = ()
    ranked: bool = True
    version: int = 1
    file: str = ""

    def preset(self, presets: Mapping[str, bool | int | float | str]) -> Self:
        """The part with a protocol's presets as its defaults.

        Args:
            presets: `Protocol.presets`; those for which there is no setting of that name
                and type do not concern it. A whole number serves as a float.
        """
        own = {k: v for k, v in presets.items() if type(self.config.get(k)) is type(v)}
        own |= {
            k: float(v)
            for k, v in presets.items()
            if type(v) is int and isinstance(self.config.get(k), float)
        }
        return self.model_copy(update={"config": dict(self.config) | own}) if own else self

    def fits(self, task: Task) -> bool:
        """Whether it works on the task, as far as family and actions tell."""
        family = not self.families or task.family in self.families
        return family and (not self.actions or self.actions == task.actions)

"""How an agent's folder declares what it holds, without importing its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field

from leapbench.contract.frozen import Frozen
from leapbench.contract.settings import MISSING, settings_of
from leapbench.contract.task import Actions, Task
from leapbench.errors import UserError

Role = Literal["model", "policy", "agent"]
Setting = bool | int | float | str


class Declaration(Frozen):
    """One entry of an `agent.toml`, found without importing its code.

    Attributes:
        name: what the user types.
        role: "model", "policy" or "agent".
        family: task family it works on, which its folder says; empty for any with a
            fitting role.
        actions: kind of actions that it chooses, "discrete" or "continuous"; empty for any.
        entry: "module:Class", built with `config` as keyword arguments; in a user's own
            declaration "path/to/file.py:Class".
        summary: one line for `leapbench list agents`.
        paper: source of the method.
        settings: those in which the part differs from the defaults of its class.
        small: settings with which tests run it, where its defaults would take long.
        general: True for a part that knows no family: it works on any task that says which
            actions its world takes, with defaults that no protocol's presets change.
        recorded: True for a part that learns from recorded sequences too, where nothing acts.
        ranked: False for oracles, which are shown and not ranked.
        version: raised when results are no longer comparable.
        file: a file on this machine that the part is read from, given to the entry as
            `path`; left out of `config`, so that records do not depend on where it lies.
    """

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    role: Role
    family: str = ""
    actions: Actions = ""
    entry: str = Field(pattern=r"^[\w.]+:\w+$")
    summary: str
    paper: str = ""
    settings: dict[str, Setting] = {}
    small: dict[str, Setting] = {}
    general: bool = False
    recorded: bool = False
    ranked: bool = True
    version: int = 1
    file: str = ""

    @property
    def config(self) -> dict[str, Setting]:
        """Every setting that `--set` accepts, with its value in this part.

        Raises:
            UserError: when its class has no setting of a declared name or type.
        """
        if self.entry.partition(":")[0].endswith(".py"):  # whose class was looked at when loaded
            return dict(self.settings)
        known = settings_of(self.entry)
        found: dict[str, Setting] = {}
        for key in self.settings:
            if key not in known:
                raise UserError(f"{self.name}: {self.entry} takes no setting {key!r}.")
        for key, (default, _) in known.items():
            value = self.settings.get(key, default)
            whole = isinstance(default, float) and type(value) is int
            if default is not MISSING and not whole and type(value) is not type(default):
                raise UserError(f"{self.name}: {key} = {value!r} is of another type.")
            if value is not MISSING and not (self.file and key == "path"):
                found[key] = float(value) if whole else value
        return found

    def preset(self, presets: Mapping[str, Setting]) -> Self:
        """The part with a protocol's presets as its defaults."""
        own = self.presets(presets)
        return self.model_copy(update={"settings": dict(self.settings) | own}) if own else self

    def presets(self, presets: Mapping[str, Setting]) -> dict[str, Setting]:
        """Those of a protocol's presets that concern this part, by setting.

        Args:
            presets: `Protocol.presets`, "key" for all parts or "part.key" for one. Without
                a setting of that name and type here they concern others. A whole number
                serves as a float.
        """
        own: dict[str, Setting] = {}
        if self.general:
            return own
        for key, default in self.config.items():
            value = presets.get(f"{self.name}.{key}", presets.get(key))
            if isinstance(default, float) and type(value) is int:
                value = float(value)
            if value is not None and type(value) is type(default):
                own[key] = value
        return own

    def on(self, task: Task) -> Self:
        """The part as a task calls it.

        A general policy acts as well where the task calls what acts an agent.
        """
        roles = task.default_agents
        if self.general and "policy" not in roles and "agent" in roles:
            return self.model_copy(update={"role": "agent"})
        return self

    def fits(self, task: Task) -> bool:
        """Whether it works on the task, as far as family, role, actions and data tell."""
        family = self.family in ("", task.family)
        role = not task.default_agents or self.on(task).role in task.default_agents
        world = bool(task.actions) or not self.general
        data = task.acting or self.recorded
        return family and role and world and data and self.actions in ("", task.actions)

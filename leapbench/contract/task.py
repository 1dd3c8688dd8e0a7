"""Tasks as frozen, validated data.

A task folder holds a `task.toml`; its canonical JSON gives the protocol hash
that every result carries. Nothing here imports torch or a simulator.
"""

from __future__ import annotations

import hashlib
import json
from math import isclose, isfinite
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from leapbench.contract.card import Card, Claim
from leapbench.contract.frozen import Frozen

Tier = Literal["smoke", "lite", "paper"]
Actions = Literal["", "discrete", "continuous"]
TIERS: tuple[Tier, ...] = ("smoke", "lite", "paper")


class Budget(Frozen):
    """A limit in one unit, enforced by the suite.

    Attributes:
        unit: what is counted ("samples", "decisions", "steps", ...).
        limit: how much of it may be spent.
    """

    unit: str
    limit: int = Field(gt=0)


class Phase(Frozen):
    """What one part of an agent learns from.

    Attributes:
        name: name of the phase, unique in the protocol.
        role: the part of the agent that learns in it ("model", "policy", "agent").
        budget: limit that the meter enforces.
        artifact: True when the outcome is stored by content, so that several
            agents sharing the part (and its seed) share one training.
        after: name of the earlier phase from whose artifact the part starts; empty to
            start anew. Several phases may start from one, so that phases form a tree.
    """

    name: str
    role: str
    budget: Budget
    artifact: bool = False
    after: str = ""


class Evaluation(Frozen):
    """Held-out episodes.

    Attributes:
        environment: Gymnasium id of the world that is stepped; empty where none is.
        episodes: episodes per budget, each with its own reset seed.
        budgets: the budgets evaluated, in `unit`.
        unit: unit of `budgets`.
    """

    environment: str = ""
    episodes: int = Field(gt=0)
    budgets: tuple[float, ...] = ()
    unit: str = ""


class Anchor(Frozen):
    """One end of the normalised scale and where its value comes from."""

    value: float
    source: str


class Metric(Frozen):
    """The score, and the line from `floor` (0) to `ceiling` (1), which differ."""

    name: str
    floor: Anchor
    ceiling: Anchor
    higher_is_better: bool = True

    @model_validator(mode="after")
    def _apart(self) -> Self:
        low, high = self.floor.value, self.ceiling.value
        if isclose(low, high, rel_tol=1e-12) or not (isfinite(low) and isfinite(high)):
            raise ValueError(
                f"metric {self.name!r} has floor {low:g} and ceiling {high:g}: "
                "expected two finite numbers that differ"
            )
        return self

    def normalise(self, value: float) -> float:
        """Map a raw score to the scale on which floor is 0 and ceiling is 1."""
        return (value - self.floor.value) / (self.ceiling.value - self.floor.value)


class Protocol(Frozen):
    """Everything that decides what a score means, for one task and tier.

    Attributes:
        task: task name, such as "earlyexit/digits".
        tier: "smoke", "lite" or "paper".
        version: raised when the meaning of a score changes.
        phases: in the order in which they are learned.
        evaluation: the held-out episodes.
        metric: the score and its normalisation.
        settings: the family's own constants (data sizes, noise, network, ...).
        presets: "key" to the value of that setting in every agent's part that has one,
            unless the user says otherwise: the agents of a board share a backbone.
            "part.key" is for one part alone.
    """

    task: str
    tier: Tier
    version: int
    phases: tuple[Phase, ...]
    evaluation: Evaluation
    metric: Metric
    settings: dict[str, Any] = {}
    presets: dict[str, bool | int | float | str] = {}

    @model_validator(mode="after")
    def _tree(self) -> Self:
        """Every `after` names an earlier phase of the same role that leaves an artifact."""
        if any(phase.after for phase in self.phases):
            _check_tree(self.phases)
        return self

    def slot(self, phase: Phase) -> str:
        """Where the part that learns in `phase` is filed.

        That is its role, or the phase's name in a tree and where a role learns in several.
        """
        parents = {each.after for each in self.phases}
        several = sum(each.role == phase.role for each in self.phases) > 1
        return phase.name if several or phase.after or phase.name in parents else phase.role

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of what decides a score, 16 hexadecimal digits.

        Defaults are left out, so that a new field with a default changes no hash, and so
        are the sources of the anchors, which are texts for readers.
        """
        source = {"source"}
        data = self.model_dump(
            mode="json",
            exclude_defaults=True,
            exclude={"metric": {"floor": source, "ceiling": source}},
        )
        return hashlib.sha256(canonical(data).encode()).hexdigest()[:16]

    @property
    def seed_key(self) -> str:
        """Entropy of this protocol's seed streams."""
        return f"{self.task}/{self.tier}/v{self.version}"


class Small(Frozen):
    """The smoke protocol made small enough for a unit test; no part of the protocol's hash.

    Attributes:
        settings: what is merged over the protocol's settings.
        limit: budget of every phase; None to keep the protocol's.
        limits: budget of each phase by name, over `limit`.
        episodes: episodes per budget; None to keep the protocol's.
        budgets: the budgets evaluated; empty to keep the protocol's.
        presets: settings of agents' parts, as in `Protocol.presets`.
    """

    settings: dict[str, Any] = {}
    limit: int | None = Field(None, gt=0)
    limits: dict[str, int] = {}
    episodes: int | None = Field(None, gt=0)
    budgets: tuple[float, ...] = ()
    presets: dict[str, bool | int | float | str] = {}


class Task(Frozen):
    """A benchmark task: its card, its protocols and the code that runs them.

    Attributes:
        name: "<family>/<variant>".
        harness: "module:Class" of the `leapbench.contract.harness.Harness` to use.
        default_agents: part used for each role that an agent leaves open.
        actions: kind of actions that its world takes, "discrete" or "continuous"; to be
            said where a family has worlds of either kind.
        acting: whether agents learn by acting; where they do not, they learn from recorded
            sequences, and those that cannot (see `Declaration.recorded`) have nothing to do.
        protocols: one a tier.
        card: the description.
        claims: what the paper says should come out.
        small: how tests run it; None for a task that they only read.
    """

    name: str
    harness: str
    default_agents: dict[str, str] = {}
    actions: Actions = ""
    acting: bool = True
    protocols: dict[Tier, Protocol]
    card: Card
    claims: tuple[Claim, ...] = ()
    small: Small | None = None

    @property
    def family(self) -> str:
        """The part of the name before the slash."""
        return self.name.partition("/")[0]

    @property
    def smallest(self) -> Tier:
        """The quickest tier that there is."""
        return next(tier for tier in TIERS if tier in self.protocols)


def _check_tree(phases: tuple[Phase, ...]) -> None:
    earlier: dict[str, Phase] = {}
    names, roles = [phase.name for phase in phases], {phase.role for phase in phases}
    for phase in phases:
        message, start = f"phase {phase.name!r} starts after {phase.after!r}", phase.after
        if phase.name in earlier or phase.name in roles:
            raise ValueError(f"{phase.name!r} names two phases, or a phase and a role")
        if start and start not in names:
            raise ValueError(f"{message}, which does not exist; there are {', '.join(names)}")
        if start and start not in earlier:
            raise ValueError(f"{message}, which is itself or comes later: phases form a tree")
        if start and earlier[start].role != phase.role:
            raise ValueError(
                f"{message}, in which a {earlier[start].role} learns, not a {phase.role}"
            )
        if start and not earlier[start].artifact:
            raise ValueError(f"{message}, which leaves no artifact: set artifact = true there")
        earlier[phase.name] = phase


def canonical(data: Any) -> str:
    """JSON text that is the same for equal data: sorted keys, no spaces, no NaN."""
    return _CANONICAL.encode(data)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)

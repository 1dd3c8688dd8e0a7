"""Rows of a board: the seeds of one agent together, under a label of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Literal

from leapbench.contract import registry
from leapbench.contract.task import Protocol, canonical
from leapbench.leaderboards.sources import ORIGINS, Entry, Origin, Submission, identity
from leapbench.leaderboards.statistics import Interval, mean_interval
from leapbench.leaderboards.verdict import LEVELS, Badge
from leapbench.results.result import AgentRecord, Part, Result, Scalar

BADGES: tuple[Badge, ...] = ("refused", *LEVELS)


@dataclass(frozen=True)
class Row:
    """All seeds of one agent: same code, same settings, and if submitted, one submission.

    Attributes:
        label: name, settings that were changed and, where it is needed to tell
            rows apart, six digits of the version and the entrant.
        version: hash of code and settings, 16 digits; the same on every task, whatever
            a protocol presets.
        entries: one a seed, by ascending seed; not empty.
        badge: the least of what was verified about its seeds.
        protocol: gives the normalised scores, whatever files say, and the default
            settings; None when it is not known.
    """

    label: str
    version: str
    entries: tuple[Entry, ...]
    badge: Badge = "self-reported"
    protocol: Protocol | None = None

    @property
    def agent(self) -> AgentRecord:
        """The agent that all entries share."""
        return self.entries[0].result.agent

    @property
    def name(self) -> str:
        """Name of the agent with the settings that were changed."""
        return _name(self.entries[0].result, presets(self.protocol))

    @property
    def submission(self) -> Submission | None:
        """What it was submitted in; None for committed rows and one's own."""
        return self.entries[0].submission

    @property
    def entrant(self) -> str:
        """Whoever submitted it, as far as can be told; empty for other rows."""
        return self.submission.entrant.name if self.submission else ""

    @property
    def key(self) -> tuple[str, str]:
        """What an agent is recognised by on another board: version and entrant."""
        return self.version, identity(self.submission)

    @cached_property
    def scores(self) -> dict[int, float]:
        """Score of each seed that was completed."""
        results = (entry.result for entry in self.entries)
        return {r.seed: r.score for r in results if r.score is not None}

    @cached_property
    def normalised_scores(self) -> dict[int, float]:
        """The same on the scale of the task's floor and ceiling."""
        if self.protocol:
            metric = self.protocol.metric
            return {seed: metric.normalise(score) for seed, score in self.scores.items()}
        results = (entry.result for entry in self.entries)
        return {r.seed: r.normalised for r in results if r.normalised is not None}

    @cached_property
    def score(self) -> Interval:
        """Mean score over seeds; only for a row with scores."""
        return mean_interval(list(self.scores.values()))

    @cached_property
    def normalised(self) -> Interval:
        """Mean normalised score over seeds; only for a row with scores."""
        return mean_interval(list(self.normalised_scores.values()))

    @property
    def failures(self) -> tuple[Result, ...]:
        """The seeds that did not end well."""
        return tuple(entry.result for entry in self.entries if entry.result.status != "ok")

    @property
    def plain(self) -> bool:
        """Whether every setting is the protocol's preset or the declared default."""
        family, given = self.entries[0].result.family, presets(self.protocol)
        return not any(changed(part, family, given) for part in self.agent.parts)

    @property
    def cpu(self) -> float:
        """Mean CPU seconds a seed."""
        return fmean(entry.result.timing.cpu for entry in self.entries)

    @property
    def spent(self) -> float | None:
        """Highest share of a phase's budget that any seed used; None without phases."""
        shares = (s.used / s.limit for entry in self.entries for s in entry.result.budget)
        return max(shares, default=None)

    @property
    def origin(self) -> Origin | Literal["both"]:
        """Whose row it is; "both" when seeds of one's own stand beside committed ones."""
        kinds = {entry.origin for entry in self.entries}
        return "both" if len(kinds) > 1 else kinds.pop()


def rows(entries: Iterable[Entry], protocol: Protocol | None = None) -> list[Row]:
    """Group entries by protocol, agent and submission, by ascending label.

    A seed counts once: committed before one's own, then by run id.

    Args:
        entries: of one task and tier.
        protocol: the one that all of them were made under, when it is known.
    """
    given = presets(protocol)
    groups: dict[tuple[str, str, str], dict[int, Entry]] = {}
    for entry in sorted(entries, key=_precedence):
        sent = entry.submission.id if entry.submission else ""
        key = (entry.result.protocol_hash, _version(entry.result, given), sent)
        groups.setdefault(key, {}).setdefault(entry.result.seed, entry)
    made = []
    for (_, version, _), group in groups.items():
        each = tuple(group[seed] for seed in sorted(group))
        name = _name(each[0].result, given)
        made.append(Row(name, version, each, _badge(each), protocol))
    return sorted(told_apart(made), key=lambda row: row.label)


def presets(protocol: Protocol | None) -> dict[str, Scalar]:
    """What a protocol presets; nothing when it is not known."""
    return protocol.presets if protocol else {}


def changed(part: Part, family: str, given: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The settings of a part that differ from its defaults under a protocol's presets."""
    declared = registry.agents_of(family).get(part.name)
    defaults = declared.preset(given).config if declared else {}
    return {k: v for k, v in part.config.items() if k in defaults and defaults[k] != v}


def _precedence(entry: Entry) -> tuple[int, str, str]:
    return ORIGINS.index(entry.origin), entry.result.run_id, str(entry.path or "")


def _badge(entries: Sequence[Entry]) -> Badge:
    """The lowest badge of several entries; one that was refused refuses them all."""
    return min((entry.badge for entry in entries), key=BADGES.index)


def told_apart(made: list[Row]) -> list[Row]:
    """Rows with labels of their own: version, entrant, bundle, protocol where they are needed."""
    tags: tuple[Callable[[Row], str], ...] = (
        lambda row: f"{row.agent.name}@{row.version[:6]}{row.label.removeprefix(row.agent.name)}",
        lambda row: f"{row.label} ({row.entrant})" if row.entrant else row.label,
        _with_bundle,
        lambda row: f"{row.label} under {row.entries[0].result.protocol_hash}",
    )
    for tag in tags:
        made = list(_tagged(made, tag))
    return made


def _with_bundle(row: Row) -> str:
    """A label with entrant and bundle, for entrants who gave one name."""
    if row.submission is None:
        return row.label
    named = row.label.removesuffix(f" ({row.entrant})")
    return f"{named} ({row.entrant}, {row.submission.id[:6]})"


def _tagged(made: Sequence[Row], tag: Callable[[Row], str]) -> Iterator[Row]:
    """Rows with their tags, where rows of one label would differ by them."""
    tags: dict[str, set[str]] = {}
    for row in made:
        tags.setdefault(row.label, set()).add(tag(row))
    for row in made:
        yield replace(row, label=tag(row)) if len(tags[row.label]) > 1 else row


def _name(row: Result, given: Mapping[str, Scalar]) -> str:
    """Name of an agent with the settings that were changed."""
    each = [sorted(changed(part, row.family, given).items()) for part in row.agent.parts]
    settings = [f"{k}={v}" for pairs in each for k, v in pairs]
    return f"{row.agent.name} {' '.join(settings)}".rstrip()


def _own(part: Part, family: str, given: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The settings as though the protocol preset none, so that an agent is known elsewhere.

    A preset value stands for the declared one. A value typed over a preset gets a key of
    its own, as it may happen to be the declared one.
    """
    declared = registry.agents_of(family).get(part.name)
    if declared is None:
        return part.config
    preset = declared.presets(given)
    typed = {k: v for k, v in part.config.items() if k in preset and v != preset[k]}
    kept = part.config | {k: declared.config[k] for k in preset if k in part.config}
    return {k: v for k, v in kept.items() if k not in typed} | {
        f"--set {k}": v for k, v in typed.items()
    }


def _version(row: Result, given: Mapping[str, Scalar]) -> str:
    """Hash of the agent's code, version and settings, 16 digits."""
    agent = row.agent
    parts = tuple(p.model_copy(update={"config": _own(p, row.family, given)}) for p in agent.parts)
    text = canonical(agent.model_copy(update={"parts": parts}).model_dump(mode="json"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]

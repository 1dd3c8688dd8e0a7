"""Rows of a board: the seeds of one agent together, under a label of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Literal

from leapbench.contract.task import Protocol
from leapbench.leaderboards.sources import ORIGINS, BoardEntry, Origin, SubmissionView, identity
from leapbench.leaderboards.statistics import Interval, mean_interval
from leapbench.leaderboards.verdict import LEVELS, Badge
from leapbench.results.result import AgentRecord, Result

BADGES: tuple[Badge, ...] = ("refused", *LEVELS)


@dataclass(frozen=True)
class BoardRow:
    """All seeds of one agent: same version and settings, and if submitted, one submission.

    Attributes:
        label: name, settings that were changed and, where it is needed to tell
            rows apart, six digits of the version and the entrant.
        version: identity of the agent, 16 digits; the same on every task, whatever a
            protocol presets.
        entries: one a seed, by ascending seed; not empty.
        badge: the least of what was verified about its seeds.
        protocol: gives the normalised scores, whatever files say; None when it is not known.
    """

    label: str
    version: str
    entries: tuple[BoardEntry, ...]
    badge: Badge = "self-reported"
    protocol: Protocol | None = None

    @property
    def agent(self) -> AgentRecord:
        """The agent that all entries share."""
        return self.entries[0].result.agent

    @property
    def name(self) -> str:
        """Name of the agent with the settings that were changed."""
        return _name(self.agent)

    @property
    def submission(self) -> SubmissionView | None:
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
        """Whether it is made of declared parts with the protocol's settings."""
        return self.agent.plain

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


def rows(entries: Iterable[BoardEntry], protocol: Protocol | None = None) -> list[BoardRow]:
    """Group entries by protocol, agent and submission, by ascending label.

    A seed counts once: committed before one's own, then by run id.

    Args:
        entries: of one task and tier.
        protocol: the one that all of them were made under, when it is known.
    """
    groups: dict[tuple[str, str, str], dict[int, BoardEntry]] = {}
    known: dict[int, str] = {}  # rows of one file share their agent
    for entry in sorted(entries, key=_precedence):
        agent = entry.result.agent
        version = known.setdefault(id(agent), "") or agent.identity
        known[id(agent)] = version
        sent = entry.submission.id if entry.submission else ""
        key = (entry.result.protocol_hash, version, sent)
        groups.setdefault(key, {}).setdefault(entry.result.seed, entry)
    made = []
    for (_, version, _), group in groups.items():
        each = tuple(group[seed] for seed in sorted(group))
        made.append(BoardRow(_name(each[0].result.agent), version, each, _badge(each), protocol))
    return sorted(told_apart(made), key=lambda row: row.label)


def _precedence(entry: BoardEntry) -> tuple[int, str, str]:
    return ORIGINS.index(entry.origin), entry.result.run_id, str(entry.path or "")


def _badge(entries: Sequence[BoardEntry]) -> Badge:
    """The lowest badge of several entries; one that was refused refuses them all."""
    return min((entry.badge for entry in entries), key=BADGES.index)


def told_apart(made: list[BoardRow]) -> list[BoardRow]:
    """Rows with labels of their own: family, version, entrant, bundle, protocol where needed."""
    tags: tuple[Callable[[BoardRow], str], ...] = (
        lambda row: "/".join(filter(None, (row.agent.family, row.label))),
        _with_version,
        lambda row: f"{row.label} ({row.entrant})" if row.entrant else row.label,
        _with_bundle,
        lambda row: f"{row.label} under {row.entries[0].result.protocol_hash}",
    )
    for tag in tags:
        made = list(_tagged(made, tag))
    return made


def _with_version(row: BoardRow) -> str:
    name = row.agent.name
    return row.label.replace(name, f"{name}@{row.version[:6]}", 1)


def _with_bundle(row: BoardRow) -> str:
    """A label with entrant and bundle, for entrants who gave one name."""
    if row.submission is None:
        return row.label
    named = row.label.removesuffix(f" ({row.entrant})")
    return f"{named} ({row.entrant}, {row.submission.id[:6]})"


def _tagged(made: Sequence[BoardRow], tag: Callable[[BoardRow], str]) -> Iterator[BoardRow]:
    """Rows with their tags, where rows of one label would differ by them."""
    tags: dict[str, set[str]] = {}
    for row in made:
        tags.setdefault(row.label, set()).add(tag(row))
    for row in made:
        yield replace(row, label=tag(row)) if len(tags[row.label]) > 1 else row


def _name(agent: AgentRecord) -> str:
    """Name of an agent with the settings that were changed."""
    each = [sorted(part.settings.items()) for part in agent.parts]
    settings = [f"{k}={v}" for pairs in each for k, v in pairs]
    return f"{agent.name} {' '.join(settings)}".rstrip()

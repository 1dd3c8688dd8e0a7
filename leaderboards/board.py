"""Boards from result files: who stands where on one task and tier."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean

from leapbench import registry
from leapbench.errors import UserError
from leapbench.leaderboards.intervals import Estimate, estimate
from leapbench.result import AgentRecord, Part, Result, Scalar, read
from leapbench.task import Protocol, canonical

COMMITTED = "leapbench.leaderboards"


@dataclass(frozen=True)
class Entry:
    """One result file and where it came from."""

    result: Result
    path: Path
    committed: bool


@dataclass(frozen=True)
class Row:
    """All seeds of one agent: same code, same settings.

    Attributes:
        label: name, settings that were changed and, where it is needed to tell
            rows apart, the start of the code's hash.
        entries: one a seed, by ascending seed; not empty.
    """

    label: str
    entries: tuple[Entry, ...]

    @property
    def agent(self) -> AgentRecord:
        """The agent that all entries share."""
        return self.entries[0].result.agent

    @cached_property
    def scores(self) -> dict[int, float]:
        """Score of each seed that was completed."""
        results = (entry.result for entry in self.entries)
        return {r.seed: r.score for r in results if r.score is not None}

    @cached_property
    def score(self) -> Estimate:
        """Mean score over seeds; only for a row with scores."""
        return estimate(list(self.scores.values()))

    @property
    def failures(self) -> tuple[Result, ...]:
        """The seeds that did not end well."""
        return tuple(entry.result for entry in self.entries if entry.result.status != "ok")

    @property
    def plain(self) -> bool:
        """Whether every setting is the declared default."""
        return not any(changed(part) for part in self.agent.parts)

    @property
    def normalised(self) -> float:
        """Mean normalised score over seeds."""
        values = (entry.result.normalised for entry in self.entries)
        return fmean(value for value in values if value is not None)

    @property
    def cpu(self) -> float:
        """Mean CPU seconds a seed."""
        return fmean(entry.result.timing.cpu for entry in self.entries)

    @property
    def origin(self) -> str:
        """Whose rows they are: "committed", "yours" or "both"."""
        kinds = {entry.committed for entry in self.entries}
        return "both" if len(kinds) == 2 else "committed" if True in kinds else "yours"


@dataclass(frozen=True)
class Board:
    """The rows of one task and tier.

    A row is ranked when it was made under the current protocol, is no oracle
    and no seed of it failed: ranking the seeds that survived would flatter it.

    Attributes:
        protocol: the current protocol.
        ranked: best first.
        unranked: oracles, best first.
        failed: rows with a seed that failed.
        other: rows of another protocol; their scores mean something else.
        problems: one line for each file that could not be read.
    """

    protocol: Protocol
    ranked: tuple[Row, ...]
    unranked: tuple[Row, ...]
    failed: tuple[Row, ...]
    other: tuple[Row, ...]
    problems: tuple[str, ...] = ()

    @property
    def scored(self) -> tuple[Row, ...]:
        """Every row whose scores count, the oracles among them."""
        return (*self.ranked, *self.unranked)

    @property
    def defaults(self) -> dict[str, Row]:
        """Rows with default settings by name; of several versions that with most seeds."""
        plain = [row for row in self.scored if row.plain]
        return {row.agent.name: row for row in sorted(plain, key=lambda row: len(row.entries))}

    def rank(self, agent: AgentRecord) -> int | None:
        """Place of an agent, 1 for the best; None when it is not ranked."""
        places = (i for i, row in enumerate(self.ranked, 1) if row.agent == agent)
        return next(places, None)


def committed_root() -> Path | None:
    """Folder of the rows that come with the package."""
    spec = find_spec(COMMITTED)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) / "results" if folders else None


def load(protocol: Protocol, runs: Path | None = None) -> Board:
    """The board of the committed rows and the user's own.

    Args:
        protocol: task and tier to show; its hash decides which rows are ranked.
        runs: folder given to `leapbench run --out`, which need not exist; None
            for the committed rows alone.
    """
    problems: list[str] = []
    entries: list[Entry] = []
    for root, committed in ((committed_root(), True), (runs, False)):
        if root is None:
            continue
        for path in sorted((root / protocol.task / protocol.tier).glob("*/seed-*.json")):
            try:
                entries.append(Entry(read(path), path, committed))
            except UserError as error:
                problems.append(str(error))
    return assemble(protocol, entries, problems)


def assemble(protocol: Protocol, entries: Iterable[Entry], problems: Sequence[str] = ()) -> Board:
    """Sort entries into rows and rows into a board.

    Args:
        protocol: the current protocol.
        entries: results of the protocol's task and tier.
        problems: carried over to the board.
    """
    current: list[Entry] = []
    other: list[Entry] = []
    for entry in entries:
        same = entry.result.protocol_hash == protocol.hash
        (current if same else other).append(entry)
    groups = rows(current)
    whole = [row for row in groups if not row.failures]
    sign = -1 if protocol.metric.higher_is_better else 1
    whole.sort(key=lambda row: (sign * row.score.mean, row.label))
    return Board(
        protocol=protocol,
        ranked=tuple(row for row in whole if row.agent.ranked),
        unranked=tuple(row for row in whole if not row.agent.ranked),
        failed=tuple(row for row in groups if row.failures),
        other=tuple(rows(other)),
        problems=tuple(problems),
    )


def rows(entries: Iterable[Entry]) -> list[Row]:
    """Group entries by protocol and agent; of two with one seed the first is kept."""
    groups: dict[str, dict[int, Entry]] = {}
    for entry in entries:
        agent = canonical(entry.result.agent.model_dump(mode="json"))
        group = groups.setdefault(entry.result.protocol_hash + agent, {})
        group.setdefault(entry.result.seed, entry)
    made = [tuple(group[seed] for seed in sorted(group)) for group in groups.values()]
    names = [_name(group[0].result.agent) for group in made]
    return [
        Row(name if names.count(name) == 1 else f"{name} @{_code(group[0].result)}", group)
        for name, group in zip(names, made, strict=True)
    ]


def changed(part: Part) -> dict[str, Scalar]:
    """The settings of a part that differ from its declared defaults."""
    declared = registry.agents().get(part.name)
    defaults = declared.config if declared else {}
    return {k: v for k, v in part.config.items() if k in defaults and defaults[k] != v}


def _name(agent: AgentRecord) -> str:
    """Name of an agent with the settings that were changed."""
    settings = [f"{k}={v}" for part in agent.parts for k, v in sorted(changed(part).items())]
    return f"{agent.name} {' '.join(settings)}".rstrip()


def _code(result: Result) -> str:
    """Six digits that tell versions of the code, or of the protocol, apart."""
    hashes = [part.source_hash for part in result.agent.parts]
    text = "".join((result.protocol_hash, *hashes))
    return hashlib.sha256(text.encode()).hexdigest()[:6]

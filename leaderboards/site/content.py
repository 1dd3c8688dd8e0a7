"""What the pages say, as data: families, tasks, agents and claims with their rows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leapbench import registry
from leapbench.leaderboards.board import Board, Row
from leapbench.leaderboards.claims import Finding, findings
from leapbench.leaderboards.render.table import Table
from leapbench.leaderboards.site.episode import Episode
from leapbench.leaderboards.site.markup import slug
from leapbench.task import TIERS, Card, Metric, Protocol, Task

LEADERS = 3


@dataclass(frozen=True)
class Link:
    """A page and what it is called."""

    name: str
    path: str


@dataclass(frozen=True)
class Leader:
    """One of the first of a board."""

    name: str
    path: str
    score: str


@dataclass(frozen=True)
class Picture:
    """A chart in a file, with what it shows in words and in numbers.

    Attributes:
        file: below the site's folder.
        title: heading.
        alt: what the picture shows, in a sentence or two.
        caption: how to read it.
        table: the numbers that it draws.
        width: in CSS pixels.
        height: in CSS pixels.
    """

    file: str
    title: str
    alt: str
    caption: str
    table: Table
    width: int
    height: int


@dataclass(frozen=True)
class ClaimView:
    """A claim on one task and tier, in words."""

    name: str
    agent: str
    over: str
    task: str
    tier: str
    page: str
    anchor: str
    verdict: str
    published: str
    measured: str
    reason: str
    source: str
    command: str


@dataclass
class Section:
    """One tier of a task."""

    tier: str
    protocol: Protocol
    rows: Board
    settings: str
    command: str
    board: Table | None = None
    pictures: list[Picture] = field(default_factory=list)
    claims: list[ClaimView] = field(default_factory=list)


@dataclass
class TaskPage:
    """One task with all its tiers."""

    name: str
    path: str
    card: Card
    metric: Metric
    family: FamilyPage
    sections: list[Section]
    leaders: list[Leader] = field(default_factory=list)
    leaders_tier: str = ""

    @property
    def tiers(self) -> list[str]:
        """The tiers that the task has."""
        return [section.tier for section in self.sections]

    @property
    def count(self) -> int:
        """Agents on the board that the leaders are from."""
        return next(len(s.rows.scored) for s in self.sections if s.tier == self.leaders_tier)


@dataclass
class FamilyPage:
    """One family with its tasks."""

    name: str
    path: str
    title: str
    summary: str
    paper: str
    scarce: str
    tasks: list[TaskPage] = field(default_factory=list)
    episode: Episode | None = None
    board: Table | None = None
    profile: Picture | None = None
    ledger: Table | None = None

    @property
    def boards(self) -> list[Board]:
        """The board of each task with ranked rows, of its dearest tier that has any."""
        shown = [(task, s) for task in self.tasks for s in task.sections]
        return [s.rows for task, s in shown if s.rows.ranked and s.tier == task.leaders_tier]

    @property
    def names(self) -> list[str]:
        """The tasks of these boards."""
        return [board.protocol.task for board in self.boards]

    @property
    def claims(self) -> list[ClaimView]:
        """The claims on all its tasks."""
        return [c for task in self.tasks for section in task.sections for c in section.claims]


def families(boards: Iterable[tuple[Task, Board]]) -> list[FamilyPage]:
    """Pages of every family, from every task and tier with its board.

    Args:
        boards: in the order in which they are to be shown.
    """
    pages: dict[str, FamilyPage] = {}
    tasks: dict[str, TaskPage] = {}
    for task, board in boards:
        family = pages.setdefault(task.family, _family(task))
        if task.name not in tasks:
            tasks[task.name] = _task(task, board.protocol, family)
            family.tasks.append(tasks[task.name])
        tasks[task.name].sections.append(_section(task, board))
    for page in tasks.values():
        _lead(page)
    return list(pages.values())


def agent_path(name: str) -> str:
    """Where the page of an agent lies."""
    return f"agents/{slug(name)}.html"


def task_path(name: str) -> str:
    """Where the page of a task lies."""
    return f"tasks/{slug(name.replace('/', '-'))}.html"


def run_command(row: Row, protocol: Protocol) -> str:
    """What to type to run a row again, safe to paste whatever the agent is called."""
    seeds = [entry.result.seed for entry in row.entries]
    words = ["leapbench", "run", protocol.task, row.agent.name]
    words += ["--tier", protocol.tier, "--seeds", spans(seeds)]
    for part in row.agent.parts:
        declared = registry.agents().get(part.name)
        defaults = declared.config if declared else {}
        for key, value in sorted(part.config.items()):
            if key in defaults and defaults[key] != value:
                words += ["--set", f"{part.name}.{key}={value}"]
    return shlex.join(words)


def spans(seeds: Sequence[int]) -> str:
    """Seeds as `--seeds` takes them: "0-4,7"."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)


def around(mean: float, half_width: float | None) -> str:
    """A mean and its interval for people."""
    return f"{mean:.3f}" + ("" if half_width is None else f" ± {half_width:.3f}")


def _family(task: Task) -> FamilyPage:
    card = task.card
    path = f"families/{slug(task.family)}.html"
    return FamilyPage(task.family, path, card.title, card.summary, card.paper, card.scarce)


def _task(task: Task, protocol: Protocol, family: FamilyPage) -> TaskPage:
    return TaskPage(task.name, task_path(task.name), task.card, protocol.metric, family, [])


def _section(task: Task, board: Board) -> Section:
    protocol = board.protocol
    settings = json.dumps(protocol.settings, indent=2, sort_keys=True) if protocol.settings else ""
    example = task.card.baselines[0] if task.card.baselines else "AGENT"
    words = ["leapbench", "run", task.name, example, "--tier", protocol.tier, "--seeds", "0-4"]
    section = Section(protocol.tier, protocol, board, settings, shlex.join(words))
    if board.scored:
        section.claims = [_claim(found, protocol, board) for found in findings(task, board)]
    return section


def _claim(found: Finding, protocol: Protocol, board: Board) -> ClaimView:
    claim, effect = found.claim, found.effect
    published = (
        "" if claim.effect is None else f"{_minus(f'{claim.effect:+g}')} {claim.unit}".strip()
    )
    measured = ""
    if effect is not None:
        width = "" if effect.half_width is None else f" ± {effect.half_width:.4f}"
        measured = f"{_minus(f'{effect.mean:+.4f}')}{width}, paired over {effect.count} seeds"
    rows = [row for name, row in board.defaults.items() if name in (claim.agent, claim.over)]
    seeds = sorted({entry.result.seed for row in rows for entry in row.entries}) or range(5)
    words = ["leapbench", "run", protocol.task, claim.agent, claim.over]
    words += ["--tier", protocol.tier, "--seeds", spans(seeds)]
    return ClaimView(
        name=claim.name,
        agent=claim.agent,
        over=claim.over,
        task=protocol.task,
        tier=protocol.tier,
        page=task_path(protocol.task),
        anchor=slug(f"{protocol.task}-{protocol.tier}-{claim.name}"),
        verdict=found.verdict,
        published=published,
        measured=measured,
        reason=found.reason,
        source=claim.source,
        command=shlex.join(words),
    )


def _minus(text: str) -> str:
    """A signed number with a true minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")


def _lead(page: TaskPage) -> None:
    """Put the tiers with rows first; name the first of the dearest of them."""
    page.sections.sort(key=lambda s: (not s.rows.scored, TIERS.index(s.protocol.tier)))
    for section in page.sections:
        if section.rows.ranked:
            page.leaders_tier = section.tier
            page.leaders = [_leader(row) for row in section.rows.ranked[:LEADERS]]


def _leader(row: Row) -> Leader:
    score = around(row.score.mean, row.score.half_width)
    return Leader(row.label, agent_path(row.agent.name), score)

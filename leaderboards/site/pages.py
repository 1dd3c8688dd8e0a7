"""What the pages say, as data: families, tasks and claims with their rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from leapbench.contract.card import Card
from leapbench.contract.task import Metric, Protocol
from leapbench.leaderboards.board import Board
from leapbench.leaderboards.claims import ClaimResult
from leapbench.leaderboards.overall import comparable
from leapbench.leaderboards.render.table import Table
from leapbench.leaderboards.site.episode import EpisodePictures
from leapbench.leaderboards.site.paths import claim_anchor, task_path
from leapbench.leaderboards.tables.cells import around, minus


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
    findings: list[ClaimResult] = field(default_factory=list)

    @property
    def claims(self) -> list[ClaimView]:
        """The findings in words."""
        return [_claim(found) for found in self.findings]


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
    episode: EpisodePictures | None = None
    board: Table | None = None
    profile: Picture | None = None
    ledger: Table | None = None

    @property
    def boards(self) -> list[Board]:
        """The board of each task with ranked rows, of its most costly tier that has any.

        Only those that averages may be taken over.
        """
        shown = [(task, s) for task in self.tasks for s in task.sections]
        used, _ = comparable(s.rows for task, s in shown if s.tier == task.leaders_tier)
        return list(used)

    @property
    def findings(self) -> list[ClaimResult]:
        """What the rows say about the claims on all its tasks."""
        return [f for task in self.tasks for section in task.sections for f in section.findings]

    @property
    def claims(self) -> list[ClaimView]:
        """The same in words."""
        return [_claim(found) for found in self.findings]


def _claim(found: ClaimResult) -> ClaimView:
    claim, task, tier = found.claim, found.protocol.task, found.protocol.tier
    measured = ""
    if found.effect is not None:
        effect = around(found.effect, signed=True)
        named = f" in {claim.metric}" if claim.metric else ""
        measured = f"{effect}{named}, paired over {len(found.seeds)} seeds"
    return ClaimView(
        name=claim.name,
        agent=claim.agent,
        over=claim.over,
        task=task,
        tier=tier,
        page=task_path(task),
        anchor=claim_anchor(task, tier, claim.name),
        verdict=found.verdict,
        published=minus(found.published),
        measured=measured,
        reason=found.reason,
        source=claim.source,
        command=found.command,
    )

"""What the pages say, as data: families, tasks and claims with their rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from leapbench.contract.card import Card
from leapbench.contract.task import TIERS, Metric, Protocol
from leapbench.leaderboards.board import Board
from leapbench.leaderboards.claims import ClaimResult
from leapbench.leaderboards.overall import comparable
from leapbench.leaderboards.render.table import Table
from leapbench.leaderboards.site.films import Film
from leapbench.leaderboards.site.forest import Forest, forest
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
class Lead:
    """Who leads a board: one agent, or several that these seeds do not tell apart.

    Attributes:
        tier: of the board.
        agents: how many are ranked.
        tied: the first group of ties, by mean score.
    """

    tier: str
    agents: int
    tied: tuple[Leader, ...]


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
    """A claim on one task and tier, in words.

    Attributes:
        data: data set of others that the task runs on; empty for none.
        simulator: simulator of others in which it runs; empty for none.
        forest: where its marks lie in a plot; None without an interval.
        seeds: how many both agents have.
    """

    name: str
    family: str
    agent: str
    over: str
    task: str
    tier: str
    page: str
    anchor: str
    verdict: str
    effect: str
    metric: str
    unit: str
    published: str
    measured: str
    reason: str
    source: str
    command: str
    data: str
    simulator: str
    forest: Forest | None
    seeds: int

    @property
    def tested(self) -> bool:
        """Whether there is a verdict."""
        return self.forest is not None

    @property
    def ground(self) -> str:
        """Which section of the page of claims it is in."""
        if not self.tested:
            return "untested"
        return "data" if self.data else "simulators" if self.simulator else "drawn"


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
    lead: Lead | None = None
    film: Film | None = None

    @property
    def filmed(self) -> bool:
        """Whether the film is of a world of this task itself."""
        worlds = {section.protocol.evaluation.environment for section in self.sections}
        return self.film is not None and self.film.environment in worlds

    @property
    def dearest(self) -> list[Section]:
        """Its tiers, that of the highest cost first."""
        return sorted(self.sections, key=lambda s: -TIERS.index(s.protocol.tier))

    @property
    def tiers(self) -> list[str]:
        """The tiers that the task has."""
        return [section.tier for section in self.sections]


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
    film: Film | None = None
    board: Table | None = None
    profile: Picture | None = None

    @property
    def boards(self) -> list[Board]:
        """The board of each task with ranked rows, of its most costly tier that has any.

        Only those that averages may be taken over.
        """
        shown = [(task, s) for task in self.tasks for s in task.sections]
        used, _ = comparable(s.rows for task, s in shown if task.lead and s.tier == task.lead.tier)
        return list(used)

    @property
    def claims(self) -> list[ClaimView]:
        """The claims on all its tasks: main kind of agents first, of each the dearest tier."""
        tasks = sorted(self.tasks, key=lambda task: bool(task.card.track))
        return [c for task in tasks for section in task.dearest for c in section.claims]

    @property
    def led(self) -> list[TaskPage]:
        """Tasks with ranked rows: those with several agents first, then those on data of others."""
        led = [(task, task.lead) for task in self.tasks if task.lead]

        def order(pair: tuple[TaskPage, Lead]) -> tuple[bool, ...]:
            task, lead = pair
            return lead.agents < 2, *_aside(task, lead.tier)

        return [task for task, _ in sorted(led, key=order)]

    @property
    def headline(self) -> ClaimView | None:
        """The first claim: one with a verdict before the rest, then by its task."""
        found = [
            ((not claim.tested, *_aside(task, section.tier)), claim)
            for task in self.tasks
            for section in task.dearest
            for claim in section.claims
        ]
        return min(found, key=lambda pair: pair[0])[1] if found else None


def _aside(task: TaskPage, tier: str) -> tuple[bool, bool, bool]:
    """Sorts data and simulators of others to the front, other kinds of agents to the back."""
    return not task.card.data_of(tier), not task.card.simulator, bool(task.card.track)


def claim_view(found: ClaimResult, data: str, simulator: str) -> ClaimView:
    """What the rows say about a claim, in words and as a plot.

    Args:
        found: the finding.
        data: data set of others that the task runs on; empty for none.
        simulator: simulator of others in which it runs; empty for none.
    """
    claim, task, tier = found.claim, found.protocol.task, found.protocol.tier
    measured = ""
    if found.effect is not None:
        measured = around(found.effect, signed=True)
    return ClaimView(
        name=claim.name,
        family=task.partition("/")[0],
        agent=claim.agent,
        over=claim.over,
        task=task,
        tier=tier,
        page=task_path(task),
        anchor=claim_anchor(task, tier, claim.name),
        verdict=found.verdict,
        effect="" if claim.effect is None else minus(f"{claim.effect:+g}"),
        metric=claim.metric,
        unit=claim.unit,
        published=minus(found.published),
        measured=measured,
        reason=found.reason,
        source=claim.source,
        command=found.command,
        data=data,
        simulator=simulator,
        forest=forest(found),
        seeds=len(found.seeds),
    )

"""Builds the whole site into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from leapbench.contract import registry
from leapbench.contract.task import Task
from leapbench.leaderboards.board import Board, load
from leapbench.leaderboards.claims import VERDICTS
from leapbench.leaderboards.overall import overall
from leapbench.leaderboards.render.table import Table
from leapbench.leaderboards.site import agents, content, films, pictures
from leapbench.leaderboards.site.folder import staged
from leapbench.leaderboards.site.markup import environment, slug
from leapbench.leaderboards.site.pages import (
    ClaimView,
    FamilyPage,
    Link,
    Picture,
    Section,
    TaskPage,
)
from leapbench.leaderboards.site.paths import LINKS
from leapbench.leaderboards.sources import Submissions, badges_of
from leapbench.leaderboards.tables import board_table, overall_table

Report = Callable[[float, str], None]
TITLE = "leapbench"
GROUNDS = (
    ("data", "On data that others collected"),
    ("simulators", "In simulators that others made"),
    ("drawn", "On worlds made for this suite"),
    ("untested", "Not tested yet"),
)
MENU = (
    Link("Home", "index.html"),
    Link("Claims", "claims.html"),
    Link("Agents", "agents.html"),
)


@dataclass
class Site:
    """Everything that pages share."""

    title: str
    families: list[FamilyPage]
    agents: list[agents.AgentPage]
    problems: tuple[str, ...] = ()
    overall: Table | None = None
    menu: tuple[Link, ...] = MENU

    @property
    def directory(self) -> Table:
        """All agents."""
        return agents.directory(self.agents)

    @cached_property
    def claims(self) -> list[ClaimView]:
        """All claims."""
        return [claim for family in self.families for claim in family.claims]

    @property
    def ledger(self) -> list[tuple[str, str, list[ClaimView]]]:
        """All claims in sections, each with its anchor and heading."""
        found = [
            (name, text, [c for c in self.claims if c.ground == name]) for name, text in GROUNDS
        ]
        return [section for section in found if section[2]]

    @property
    def titled(self) -> dict[str, str]:
        """Title of every family."""
        return {family.name: family.title for family in self.families}

    @property
    def verdicts(self) -> list[tuple[str, int]]:
        """How often each verdict was found, the most decided first."""
        found = [claim.verdict for claim in self.claims]
        return [(verdict, found.count(verdict)) for verdict in VERDICTS if verdict in found]

    @property
    def pages(self) -> int:
        """Number of pages."""
        return 3 + sum(1 + len(family.tasks) for family in self.families) + len(self.agents)

    @cached_property
    def results(self) -> int:
        """Result files that the pages are made from."""
        return sum(len(row.entries) for page in self.agents for _, row in page.rows)

    @cached_property
    def newest(self) -> str:
        """Day of the newest result."""
        rows = [row for page in self.agents for _, row in page.rows]
        return max((e.result.timing.started[:10] for row in rows for e in row.entries), default="")


def build(
    out: Path,
    runs: Path | None = None,
    tier: str | None = None,
    title: str = TITLE,
    store: Submissions | None = None,
    report: Report = lambda fraction, line: None,
) -> Site:
    """Write the site; the same results give the same bytes.

    Args:
        out: folder that is made or replaced as a whole.
        runs: folder of the user's own results besides the committed ones.
        tier: only boards of this tier; None for all.
        title: what the site is called.
        store: board folder with submissions and what was verified about them.
        report: called with the fraction done in [0, 1] and a short line.

    Raises:
        UserError: when `out` may not be replaced, or Matplotlib is missing.
    """
    with staged(out, {"title": title}) as folder:
        for name in ("families", "tasks", "agents", "images"):
            (folder / name).mkdir()
        report(0.0, "reading results")
        boards = list(_boards(runs, tier, store))
        site = Site(
            title,
            content.families(boards),
            agents.pages(board for _, board in boards),
            tuple(problem for _, board in boards for problem in board.problems),
        )
        _fill(site)
        _draw(site, [task for task, _ in boards], folder, report)
        _static(folder / "static")
        _write(site, folder, report)
    return site


def _boards(
    runs: Path | None, tier: str | None, store: Submissions | None
) -> Iterator[tuple[Task, Board]]:
    badges = badges_of(store)
    for task in registry.tasks().values():
        for name, protocol in task.protocols.items():
            if tier in (None, name):
                yield task, load(protocol, runs, store, badges=badges)


def _draw(site: Site, tasks: list[Task], folder: Path, report: Report) -> None:
    sections = [(page, s) for f in site.families for page in f.tasks for s in page.sections]
    for i, (page, section) in enumerate(sections):
        report(0.1 + 0.5 * i / len(sections), f"{page.name} {section.tier}")
        section.pictures = _pictures(page, section, folder)
    for family in site.families:
        report(0.6, f"films of {family.name}")
        _show(family, [task for task in tasks if task.family == family.name], folder / "images")
        if len(family.boards) > 1:
            name = f"{slug(family.name)}-profile"
            baselines = family.tasks[0].card.baselines
            family.profile = pictures.profile(family.boards, baselines, folder, name)


def _show(family: FamilyPage, tasks: list[Task], folder: Path) -> None:
    """Give the family and each of its tasks the film of its world, or of the family's."""
    family.film = films.of_family(tasks) or films.draw(tasks, folder)
    for page in family.tasks:
        worlds = [section.protocol.evaluation.environment for section in page.sections]
        own = next((films.stored()[world] for world in worlds if world in films.stored()), None)
        page.film = own or family.film
    for film in (family.film, *(page.film for page in family.tasks)):
        if film and film.environment in films.stored():
            films.place(film, folder)


def _pictures(page: TaskPage, section: Section, folder: Path) -> list[Picture]:
    name = f"{slug(page.name.replace('/', '-'))}-{section.tier}-profile"
    drawn = (
        pictures.score_budget(section.rows, page.card.baselines, folder),
        pictures.profile([section.rows], page.card.baselines, folder, name),
    )
    return [picture for picture in drawn if picture is not None]


def _fill(site: Site) -> None:
    """Add the tables that need the rows of more than one page."""
    for family in site.families:
        for section in (section for page in family.tasks for section in page.sections):
            if section.rows.rows:
                section.board = board_table(section.rows, LINKS)
        family.board = _together(family.title, family.boards)
    if len([family for family in site.families if family.boards]) > 1:
        boards = [board for family in site.families for board in family.boards]
        found = overall(boards)
        site.overall = overall_table("All families", found, LINKS) if found.ranked else None


def _together(title: str, boards: list[Board]) -> Table | None:
    """Several boards in one table; None where there are fewer than two."""
    return overall_table(title, overall(boards), LINKS) if len(boards) > 1 else None


def _static(folder: Path) -> None:
    folder.mkdir()
    for file in sorted(files("leapbench.leaderboards.site").joinpath("static").iterdir(), key=str):
        (folder / file.name).write_bytes(file.read_bytes())


def _write(site: Site, folder: Path, report: Report) -> None:
    pages: list[tuple[str, str, dict[str, Any]]] = [
        ("index.html.j2", "index.html", {}),
        ("agents.html.j2", "agents.html", {}),
        ("claims.html.j2", "claims.html", {}),
    ]
    pages += [("family.html.j2", f.path, {"family": f}) for f in site.families]
    pages += [("task.html.j2", t.path, {"task": t}) for f in site.families for t in f.tasks]
    pages += [("agent.html.j2", a.path, {"agent": a}) for a in site.agents]
    templates = environment()
    for i, (template, path, more) in enumerate(pages):
        report(0.7 + 0.3 * i / len(pages), path)
        root = "../" * path.count("/")
        text = templates.get_template(template).render(site=site, path=path, root=root, **more)
        (folder / path).write_text(text, encoding="utf-8", newline="\n")

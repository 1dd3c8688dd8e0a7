"""Fills the pages of families and tasks from the boards."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

from leapbench.contract.task import TIERS, Protocol, Task
from leapbench.leaderboards.board import Board, BoardRow
from leapbench.leaderboards.claims import findings
from leapbench.leaderboards.site.markup import slug
from leapbench.leaderboards.site.pages import (
    FamilyPage,
    Lead,
    Leader,
    Section,
    TaskPage,
    claim_view,
)
from leapbench.leaderboards.site.paths import agent_path, task_path
from leapbench.leaderboards.tables.cells import around


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


def _family(task: Task) -> FamilyPage:
    card = task.card
    path = f"families/{slug(task.family)}.html"
    about = card.family
    title, summary = about.title or card.title, about.summary or card.summary
    return FamilyPage(task.family, path, title, summary, card.paper, about.scarce or card.scarce)


def _task(task: Task, protocol: Protocol, family: FamilyPage) -> TaskPage:
    return TaskPage(task.name, task_path(task.name), task.card, protocol.metric, family, [])


def _section(task: Task, board: Board) -> Section:
    protocol = board.protocol
    settings = json.dumps(protocol.settings, indent=2, sort_keys=True) if protocol.settings else ""
    example = task.card.baselines[0] if task.card.baselines else "AGENT"
    words = ["leapbench", "run", task.name, example, "--tier", protocol.tier, "--seeds", "0-4"]
    section = Section(protocol.tier, protocol, board, settings, shlex.join(words))
    if board.scored:
        card = task.card
        data, simulator = card.data_of(protocol.tier), card.simulator
        section.claims = [claim_view(f, data, simulator) for f in findings(task, board)]
    return section


def _lead(page: TaskPage) -> None:
    """Put the tiers with rows first; name the first of the most costly of them."""
    page.sections.sort(key=lambda s: (not s.rows.scored, TIERS.index(s.protocol.tier)))
    for section in page.sections:
        if section.rows.ranked:
            page.lead = _first(section.rows)


def _first(board: Board) -> Lead:
    """The first group of ties of a board with ranked rows."""
    tied = tuple(_leader(row) for row in board.ties[0])
    return Lead(board.protocol.tier, len(board.ranked), tied)


def _leader(row: BoardRow) -> Leader:
    return Leader(row.label, agent_path(row.agent.name), around(row.score))

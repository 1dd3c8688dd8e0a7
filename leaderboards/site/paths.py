"""Where the pages of a site lie."""

from __future__ import annotations

from leapbench.leaderboards.board import BoardRow
from leapbench.leaderboards.site.markup import slug
from leapbench.leaderboards.tables import Links


def agent_path(name: str) -> str:
    """Where the page of an agent lies."""
    return f"agents/{slug(name)}.html"


def task_path(name: str) -> str:
    """Where the page of a task lies."""
    return f"tasks/{slug(name.replace('/', '-'))}.html"


class SiteLinks(Links):
    """The pages of this site."""

    def agent(self, row: BoardRow) -> str:
        """Page of a row's agent."""
        return agent_path(row.agent.name)

    def task(self, task: str, tier: str) -> str:
        """The tier's section on the task's page."""
        return f"{task_path(task)}#{tier}"

    def claim(self, task: str, tier: str, name: str) -> str:
        """The claim on the page of claims."""
        return f"claims.html#{claim_anchor(task, tier, name)}"


LINKS = SiteLinks()


def claim_anchor(task: str, tier: str, name: str) -> str:
    """Where a claim is on the page of claims."""
    return slug(f"{task}-{tier}-{name}")

"""Where the names in a table lead, for renderings that have pages to lead to."""

from __future__ import annotations

from leapbench.leaderboards.rows import BoardRow


class Links:
    """Leads nowhere; a site has its own."""

    def agent(self, row: BoardRow) -> str:
        """Page of a row's agent; empty for none."""
        return ""

    def task(self, task: str, tier: str) -> str:
        """Place of a task and tier; empty for none."""
        return ""

    def claim(self, task: str, tier: str, name: str) -> str:
        """Place of a claim; empty for none."""
        return ""


NOWHERE = Links()

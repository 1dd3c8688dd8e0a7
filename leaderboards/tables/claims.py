"""The ledger of papers' claims."""

from __future__ import annotations

from collections.abc import Sequence

from leapbench.leaderboards.claims import VERDICTS, Finding
from leapbench.leaderboards.render.table import Cell, Column, Table
from leapbench.leaderboards.render.table import Row as Line
from leapbench.leaderboards.tables import cells
from leapbench.leaderboards.tables.links import NOWHERE, Links

COLUMNS = (
    Column("claim", "Claim"),
    Column("verdict", "Verdict", "badge"),
    Column("of", "Of", help="The difference is the first agent minus the second."),
    Column("task", "Task"),
    Column("tier", "Tier"),
    Column("published", "Published", help="The effect as published."),
    Column("here", "Here", "interval", help="Paired difference over common seeds ± 95 % interval."),
    Column("n", "Seeds", "number", help="Seeds that both agents have."),
    Column("source", "Source", help="Where it was published.", spare=1),
    Column("command", "Again", help="What to type to measure it again.", spare=2),
)


def claims_table(
    findings: Sequence[Finding], links: Links = NOWHERE, title: str = "Claims"
) -> Table:
    """One line a claim and board.

    Args:
        findings: what the rows say about each claim.
        links: where claims and tasks lead.
        title: of the table.
    """
    found = [finding.verdict for finding in findings]
    counted = [f"{found.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in found]
    return Table(
        title=title,
        subtitle="; ".join(counted) or "none",
        columns=COLUMNS,
        rows=tuple(_line(finding, links) for finding in findings),
        notes=("Reproduced or contradicted: the 95 % interval lies on one side of zero.",),
        meta={"kind": "claims"},
    )


def _line(finding: Finding, links: Links) -> Line:
    claim, task, tier = finding.claim, finding.protocol.task, finding.protocol.tier
    found = {
        "claim": cells.text(claim.name, link=links.claim(task, tier, claim.name)),
        "verdict": Cell(finding.verdict, finding.verdict, note=finding.reason),
        "of": cells.text(finding.subject),
        "task": cells.text(task, link=links.task(task, tier)),
        "tier": cells.text(tier),
        "published": Cell(claim.effect, cells.minus(finding.published) or cells.NONE),
        "here": cells.interval(finding.effect, 4, signed=True),
        "n": cells.count(len(finding.seeds)),
        "source": cells.text(claim.source),
        "command": cells.text(finding.command),
    }
    return Line(found, "ranked" if finding.effect else "unranked")

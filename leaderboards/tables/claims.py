"""The ledger of papers' claims."""

from __future__ import annotations

from collections.abc import Sequence

from leapbench.leaderboards.claims import VERDICTS, ClaimResult
from leapbench.leaderboards.render.table import Table, TableCell, TableColumn
from leapbench.leaderboards.render.table import TableRow as Line
from leapbench.leaderboards.tables import cells
from leapbench.leaderboards.tables.links import NOWHERE, Links

COLUMNS = (
    TableColumn("claim", "Claim"),
    TableColumn("verdict", "Verdict", "badge"),
    TableColumn("of", "Of", help="The difference is the first agent minus the second."),
    TableColumn("task", "Task"),
    TableColumn("tier", "Tier"),
    TableColumn("published", "Published", help="The effect as published."),
    TableColumn(
        "here", "Here", "interval", help="Paired difference over common seeds ± 95 % interval."
    ),
    TableColumn("n", "Seeds", "number", help="Seeds that both agents have."),
    TableColumn("source", "Source", help="Where it was published.", spare=1),
    TableColumn("command", "Again", help="What to type to measure it again.", spare=2),
)


def claims_table(
    findings: Sequence[ClaimResult], links: Links = NOWHERE, title: str = "Claims"
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


def _line(finding: ClaimResult, links: Links) -> Line:
    claim, task, tier = finding.claim, finding.protocol.task, finding.protocol.tier
    found = {
        "claim": cells.text(claim.name, link=links.claim(task, tier, claim.name)),
        "verdict": TableCell(finding.verdict, finding.verdict, note=finding.reason),
        "of": cells.text(finding.subject),
        "task": cells.text(task, link=links.task(task, tier)),
        "tier": cells.text(tier),
        "published": TableCell(claim.effect, cells.minus(finding.published) or cells.NONE),
        "here": cells.interval(finding.effect, 4, signed=True),
        "n": cells.count(len(finding.seeds)),
        "source": cells.text(claim.source),
        "command": cells.text(finding.command),
    }
    return Line(found, "ranked" if finding.effect else "unranked")

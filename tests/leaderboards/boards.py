"""A board folder in memory, for tests of what is shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.leaderboards.verdict import Check, Finding, Ledger, Level, Verdict
from leapbench.results.result import Result


@dataclass(frozen=True)
class Sent:
    """One submission."""

    id: str
    entrant: Entrant
    results: tuple[Result, ...]
    attempts: int = 1
    received: str = "2026-03-01T10:00:00.000000+00:00"
    signed_by: str = ""


class Folder:
    """A board folder as `submissions.store.SubmissionStore` gives it, and a way to fill it."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path / "verdicts")
        self.sent: list[Sent] = []

    def add(self, results: Sequence[Result], name: str, url="", notes="", **fields) -> Sent:
        stamped = tuple(r.model_copy(update={"run_id": r.digest()}) for r in results)
        text = f"{name} {len(self.sent)}".encode("utf-8", "surrogatepass")
        entrant = Entrant(name=name, url=url, notes=notes)
        self.sent.append(Sent(sha256(text).hexdigest(), entrant, stamped, **fields))
        return self.sent[-1]

    def submissions(self, task: str, tier: str) -> list[Sent]:
        return [s for s in self.sent if (s.results[0].task, s.results[0].tier) == (task, tier)]

    def judge(
        self,
        sent: Sent,
        levels: Sequence[Level | None],
        date="2026-03-02",
        subject: str | None = None,
    ) -> None:
        rows = tuple(
            Finding(run_id=r.run_id, cell="c", level=level)
            for r, level in zip(sent.results, levels, strict=True)
        )
        check = Check(name="re-run", passed=True)
        about = sent.id if subject is None else subject
        self.ledger.add(Verdict(subject=about, date=date, checks=(check,), rows=rows))

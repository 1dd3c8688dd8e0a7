"""Runs the rows of one agent again, each part of a stranger's in its own process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from leapbench.contract import registry
from leapbench.contract.harness import Report
from leapbench.errors import Unfit, UserError
from leapbench.isolation import sandbox
from leapbench.isolation.limits import Limits, for_tier
from leapbench.leaderboards.submissions.bundle.manifest import BundledPart
from leapbench.leaderboards.submissions.bundle.read import Bundle
from leapbench.leaderboards.submissions.verify.bounds import bounds
from leapbench.leaderboards.submissions.verify.parts import composition
from leapbench.leaderboards.submissions.verify.rerun import SECRET_TOLERANCE, TOLERANCE, compare
from leapbench.leaderboards.verdict import Finding, Level, Measured
from leapbench.results.result import AgentRecord, Result
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.composition import Composition
from leapbench.running.isolated import isolated

TOTAL = 5
"""Wall seconds for all re-runs of one agent's rows, in those of a guest."""
NAME = "submission"
"""What an agent is called while it is verified: no path is made of what a stranger wrote."""
PATIENCE = 2
"""Wall seconds for a whole re-run, in those of a guest: registered parts learn beside it."""


def _measured(again: Result) -> Measured | None:
    if again.score is None or again.normalised is None:
        return None
    return Measured(
        score=again.score,
        normalised=again.normalised,
        metrics=dict(again.metrics),
        budget=again.budget,
        cpu=again.timing.cpu,
    )


@dataclass(frozen=True)
class Wanted:
    """How far to go.

    Attributes:
        rerun: whether to run rows again.
        seeds: the seeds to run again; empty for all.
        tolerance: normalised score allowed between unequal locks.
        secret_tolerance: normalised score that a row may lose on secret seeds.
        salt: secret of a round, to audit under as well; empty for none.
        commitment: hash of the salt, as it was published.
        limits: of the process that a stranger's part runs in; None for those of the tier.
        sandbox: False runs strangers' parts without one; their rows are then *checked* at most.
    """

    rerun: bool = True
    seeds: tuple[int, ...] = ()
    tolerance: float = TOLERANCE
    secret_tolerance: float = SECRET_TOLERANCE
    salt: str = ""
    commitment: str = ""
    limits: Limits | None = None
    sandbox: bool = True

    def unsalted(self) -> Wanted:
        """The same without an audit."""
        return replace(self, salt="", commitment="")


class Runner:
    """Runs rows of one agent again.

    Args:
        folder: where runs and artifacts may lie; shared by runners.
        task: the task that the rows are of.
        agent: as the rows name it.
        parts: how its parts travel.
        bundle: where their files are; None for bare rows.
        wanted: how far to go.

    Attributes:
        isolation: how the agent was kept apart, a line for each way.
    """

    def __init__(
        self,
        folder: Path,
        task: str,
        agent: AgentRecord,
        parts: Sequence[BundledPart],
        bundle: Bundle | None,
        wanted: Wanted,
    ) -> None:
        self.folder, self.task, self.agent, self.parts = folder, task, agent, parts
        self.bundle, self.wanted = bundle, wanted
        self.isolation: list[str] = []
        self._spent, self._stopped = 0.0, ""

    def stop(self, why: str) -> None:
        """Run nothing further."""
        self._stopped = self._stopped or why

    def finding(self, row: Result, label: str, report: Report) -> Finding:
        """What a row is worth whose numbers follow from each other."""
        made = Finding(run_id=row.run_id, cell=label, level=self._unrun, reason="")
        wanted = self.wanted
        if (
            row.status != "ok"
            or not wanted.rerun
            or (wanted.seeds and row.seed not in wanted.seeds)
        ):
            return made
        if self._spent > TOTAL * (wanted.limits or for_tier(row.tier)).wall:
            self.stop("the time for all its seeds is over")
        if self._stopped:
            return made.changed(reason=f"not run again: {self._stopped}")
        try:
            again = self._run(row, "", report)
        except Unfit as error:
            return made.changed(level=None, reason=str(error))
        except UserError as error:  # this machine lacks something; the row may be right
            return made.changed(reason=f"not run again: {error}")
        found = compare(row, again)
        level, reason = found.verdict(wanted.tolerance)
        if level == "reproduced" and self._strange and not wanted.sandbox:
            level, reason = "checked", "run again without a sandbox, which shows nothing"
        changes: dict[str, Any] = {
            "level": level,
            "reason": reason,
            "exact": found.exact,
            "difference": found.difference,
            "measured": _measured(again),
        }
        if level == "reproduced" and wanted.salt:
            changes |= self._audit(again, reason, report)
        return made.changed(**changes)

    @property
    def _strange(self) -> bool:
        """Whether a part is code or a graph of somebody else's."""
        return any(part.kind in ("code", "graph") for part in self.parts)

    @property
    def _unrun(self) -> Level:
        """What a row is worth without a re-run: numbers alone stay what somebody says."""
        return "self-reported" if any(p.kind == "numbers" for p in self.parts) else "checked"

    def _audit(self, public: Result, reason: str, report: Report) -> dict[str, Any]:
        """Run the row on secret seeds too; `public` is its re-run on the public ones."""
        secret = self._run(public, self.wanted.salt, report)
        if secret.normalised is None or public.normalised is None:
            return {"reason": f"not audited: on secret seeds it ended as {secret.status}"}
        gap = secret.normalised - public.normalised
        if gap < -self.wanted.secret_tolerance:
            limit = self.wanted.secret_tolerance
            lost = f"not audited: it loses {-gap:.4f} on secret seeds, allowed are {limit:g}"
            return {"secret": gap, "reason": lost}
        return {"secret": gap, "level": "audited", "reason": reason}

    def _run(self, row: Result, salt: str, report: Report) -> Result:
        again = Cell(row.task, row.tier, NAME, row.seed, (), self.folder)
        limits = self.wanted.limits or for_tier(row.tier)
        limits = limits.model_copy(update={"sandbox": self.wanted.sandbox})
        if self._strange and self.wanted.sandbox:
            sandbox.require()
        shared = cell.harness_of(registry.task(row.task)).shared
        begun = time.monotonic()
        with isolated(self._composition, limits, shared) as agent:
            with bounds(PATIENCE * limits.wall, limits.memory):
                agent.check()
                found = cell.run(again, report, agent=agent, salt=salt)
            self._spent += time.monotonic() - begun
            if agent.isolation and agent.isolation not in self.isolation:
                self.isolation.append(agent.isolation)
        return found

    @cached_property
    def _composition(self) -> Composition:
        place = Path(mkdtemp(prefix="parts-", dir=self.folder))
        return composition(
            NAME, self.agent, self.parts, registry.task(self.task), self.bundle, place
        )

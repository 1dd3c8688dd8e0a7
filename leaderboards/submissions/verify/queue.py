"""The submissions of a board that wait to be verified, shared among processes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from leapbench.contract.harness import Report
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.rounds import Round
from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.leaderboards.submissions.store.claims import Claims
from leapbench.leaderboards.submissions.verify.again import Wanted
from leapbench.leaderboards.submissions.verify.verify import verify_bundle
from leapbench.leaderboards.verdict import Check, Ledger, Verdict, read
from leapbench.results.values import printable

TRIES = 3
"""Times that workers begin a submission which ends them, or fails for want of something."""


@dataclass(frozen=True)
class Job:
    """One submission and how far to go with it.

    Attributes:
        id: of the submission.
        received: when it came, ISO 8601 in UTC.
        asked: what was asked for.
        round: whose salt an audit uses; None without one.
    """

    id: str
    received: str
    asked: Wanted
    round: Round | None

    @property
    def late(self) -> bool:
        """Whether the salt may have been chosen to suit the submission: no audit, then."""
        return self.round is not None and self.received <= self.round.opened

    @property
    def wanted(self) -> Wanted:
        """How far to go."""
        return self.asked.unsalted() if self.late else self.asked


class Looked:
    """What the verdicts of a board say was done; each file is read once."""

    def __init__(self) -> None:
        self._read: set[str] = set()
        self._found: dict[str, list[tuple[bool, str]]] = {}

    def refresh(self, ledger: Ledger) -> None:
        """Read the verdicts that are new."""
        for path in sorted(ledger.folder.glob("[!.]*.json")):
            if path.name not in self._read:
                self._read.add(path.name)
                try:
                    verdict = read(path)
                except UserError as error:
                    warnings.warn(str(error), stacklevel=2)
                else:
                    done = (verdict.ran, verdict.commitment)
                    self._found.setdefault(verdict.subject, []).append(done)

    def covers(self, job: Job) -> bool:
        """Whether a submission was verified as far as is wanted."""
        wanted = job.wanted
        return any(
            ran >= wanted.rerun and (not wanted.salt or commitment == wanted.commitment)
            for ran, commitment in self._found.get(job.id, ())
        )


class Queue:
    """What waits at a board.

    Args:
        board: whose submissions.
        ledgers: where verdicts go.
        lease: seconds, see `Claims`.
        worker: leave alone what was begun `TRIES` times; a person may try it for ever.
    """

    def __init__(
        self, board: SubmissionStore, ledgers: list[Ledger], lease: float, worker: bool
    ) -> None:
        self.board, self.ledgers, self.worker = board, ledgers, worker
        self.claims = Claims(board.kept, lease, TRIES if worker else None)

    def drain(self, jobs: list[Job], looked: Looked | None, report: Report) -> Iterator[Verdict]:
        """Verify one after another, as long as there is one that no other process has.

        Args:
            jobs: in order.
            looked: what was done before, and need not be done; None for all of them.
            report: as for `verify_bundle`.
        """
        waiting = {job.id: job for job in jobs}
        left = self._open(waiting, looked)
        total = len(left)
        while taken := self.claims.take(left):
            job, place = waiting.pop(taken), total - len(left)
            try:
                verdict = self._verified(job, looked, share(report, place, total))
            except Exception as error:  # whatever one of them did, the others have their turn
                known = isinstance(error, UserError)
                line = str(error) if known else f"{type(error).__name__}: {error}"
                warnings.warn(f"{job.id[:16]} was not verified: {printable(line)}", stacklevel=2)
            else:
                if verdict is not None:
                    yield verdict
            left = self._open(waiting, looked)
        self._tell(left)

    def _open(self, waiting: dict[str, Job], looked: Looked | None) -> list[str]:
        """Ids of jobs that are still to be done, in order."""
        if looked is None:
            return list(waiting)
        looked.refresh(self.board.ledger)
        return [job.id for job in waiting.values() if not looked.covers(job)]

    def _verified(self, job: Job, looked: Looked | None, report: Report) -> Verdict | None:
        """Verify one that was claimed, and file the verdict; None when another process did."""
        one = {job.id: job}
        with self.claims.renewed(job.id):
            if not self._open(one, looked):
                return None
            found = verify_bundle(self.board.bundle(job.id), job.wanted, report)
            verdict = _late(found, job) if job.late else found
            mine = self.claims.file(
                job.id, lambda: self._write(verdict), lambda: not self._open(one, looked)
            )
        return verdict if mine else None

    def _write(self, verdict: Verdict) -> None:
        for ledger in self.ledgers:
            ledger.add(verdict)

    def _tell(self, left: list[str]) -> None:
        """Say what is left, and why."""
        if left and not self.worker:
            line = f"{len(left)} more: another process verifies them, or was killed a moment ago."
            warnings.warn(line, stacklevel=2)
        for each in self.claims.left_alone(left) if left and self.worker else []:
            line = f"begun {TRIES} times, and left alone now: leapbench verify {self.board.folder}"
            warnings.warn(f"{each[:16]}: {line}", stacklevel=2)


def _late(verdict: Verdict, job: Job) -> Verdict:
    """Say why there was no audit."""
    opened = job.round.opened if job.round else ""
    detail = f"not audited: it arrived {job.received}, the round opened {opened}"
    check = Check(name="round", passed=True, detail=detail)
    return verdict.model_copy(update={"checks": (*verdict.checks, check)})


def share(report: Report, place: int, total: int) -> Report:
    """The report of one of several things that are done in turn."""
    return lambda fraction, line: report((place + fraction) / max(total, 1), line)

"""What one call of `leapbench verify` does: find the rows, verify them, file the verdicts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leapbench.contract.harness import Report
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.rounds import Round, Rounds
from leapbench.leaderboards.submissions.store import SubmissionStore, is_store
from leapbench.leaderboards.submissions.verify.again import Wanted
from leapbench.leaderboards.submissions.verify.queue import Job, Looked, Queue, share
from leapbench.leaderboards.submissions.verify.rerun import TOLERANCE
from leapbench.leaderboards.submissions.verify.verify import verify_bundle, verify_rows
from leapbench.leaderboards.verdict import Check, Ledger, Verdict
from leapbench.results import packed
from leapbench.results.result import Result
from leapbench.running.sweep import parse_seeds

LEASE = 120.0
"""Seconds after which the claim of a killed process is anybody's."""
POLL = 5.0
"""Seconds between two looks of a worker that has nothing to do."""


@dataclass(frozen=True)
class Asked:
    """What was asked for on the command line.

    Attributes:
        subject: bundle, result file, folder of results, or board.
        rerun: whether to run rows again.
        seeds: which of them, such as "0-4"; empty for all.
        tolerance: normalised score; None for the default.
        audit: whether to run on the secret seeds of the open round too.
        board: board of the round and of the verdicts; None for the subject, if it is one.
        ledger: further folder for the verdicts.
        again: also what was verified this far before.
        sandbox: False runs strangers' code without one.
        worker: wait at a board for what comes, and leave alone what was begun too often.
        lease: seconds after which others take over what a killed process had of a board.
    """

    subject: Path
    rerun: bool = True
    seeds: str = ""
    tolerance: float | None = None
    audit: bool = False
    board: Path | None = None
    ledger: Path | None = None
    again: bool = False
    sandbox: bool = True
    worker: bool = False
    lease: float = LEASE


def verify(asked: Asked, report: Report) -> Iterator[Verdict]:
    """Verify and file; every verdict is filed before it is yielded. A worker never ends.

    Raises:
        UserError: when there is nothing to verify, or no round to audit in.
    """
    if not is_store(asked.subject):
        if asked.worker:
            raise UserError(f"{asked.subject} is no board.", "A worker waits at a board's folder.")
        yield from _once(asked, report)
        return
    if asked.worker and asked.again:
        raise UserError("A worker that verified again what it has verified would never rest.")
    looked = Looked()
    while True:
        yield from _submissions(asked, looked, report)
        if not asked.worker:
            return
        report(0, "waiting for submissions")
        time.sleep(POLL)


def _once(asked: Asked, report: Report) -> Iterator[Verdict]:
    """A bundle or results."""
    store = _store(asked)
    wanted = _wanted(asked, store, _round(asked, store))
    if asked.subject.suffix == ".zip":
        found = iter([verify_bundle(asked.subject, wanted, report)])
    else:
        found = _results(asked.subject, wanted, report)
    for verdict in found:
        for ledger in _ledgers(asked, store):
            ledger.add(verdict)
        yield verdict


def _submissions(asked: Asked, looked: Looked, report: Report) -> Iterator[Verdict]:
    """Every submission of a board that nobody has verified this far, the oldest first."""
    board, filing = SubmissionStore(asked.subject), _store(asked)
    now = _round(asked, filing)
    wanted = _wanted(asked, filing, now)
    todo = [Job(*each, wanted, now) for each in board.arrivals()]
    queue = Queue(board, _ledgers(asked, filing), asked.lease, asked.worker)
    yield from queue.drain(todo, None if asked.again else looked, report)


def _ledgers(asked: Asked, store: SubmissionStore | None) -> list[Ledger]:
    named = [Ledger(asked.ledger)] if asked.ledger else []
    return named if store is None else [*named, store.ledger]


def _store(asked: Asked) -> SubmissionStore | None:
    if asked.board is not None:
        return SubmissionStore(asked.board)
    return SubmissionStore(asked.subject) if is_store(asked.subject) else None


def _round(asked: Asked, store: SubmissionStore | None) -> Round | None:
    if not asked.audit:
        return None
    if store is None:
        raise UserError("An audit needs a board with an open round.", "Name it: --board DIR")
    now = Rounds(store.folder).current()
    if now is None:
        raise UserError(
            f"No round is open in {store.folder}.", f"First: leapbench round open {store.folder}"
        )
    return now


def _wanted(asked: Asked, store: SubmissionStore | None, now: Round | None) -> Wanted:
    salt = Rounds(store.folder).salt(now) if store and now else ""
    return Wanted(
        rerun=asked.rerun,
        seeds=tuple(parse_seeds(asked.seeds)) if asked.seeds else (),
        tolerance=TOLERANCE if asked.tolerance is None else asked.tolerance,
        salt=salt,
        commitment=now.commitment if now else "",
        sandbox=asked.sandbox,
    )


def _results(subject: Path, wanted: Wanted, report: Report) -> Iterator[Verdict]:
    """One verdict a task and tier; a file that is no result is one more thing found wrong."""
    paths = [subject] if subject.is_file() else packed.below(subject)
    if not paths:
        raise UserError(
            f"{subject} is no bundle, no board and has no results in it.",
            "Expected a .zip, a result file, or a folder given to --out or --to.",
        )
    groups: dict[tuple[str, str], list[Result]] = {}
    broken = []
    for path in paths:
        try:
            found = packed.read_all(path)
        except UserError as error:
            broken.append(Check(name="results", passed=False, detail=str(error)))
        else:
            for row in found:
                groups.setdefault((row.task, row.tier), []).append(row)
    for place, rows in enumerate(groups.values()):
        yield verify_rows(rows, wanted, share(report, place, len(groups)))
    if broken:
        yield Verdict.of(broken)

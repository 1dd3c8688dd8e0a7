"""What one call of `leapbench verify` does: find the rows, verify them, file the verdicts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leapbench.contract.harness import Report
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.rounds import Round, Rounds
from leapbench.leaderboards.submissions.store import Submission, SubmissionStore, is_store
from leapbench.leaderboards.submissions.verify.again import Wanted
from leapbench.leaderboards.submissions.verify.rerun import TOLERANCE
from leapbench.leaderboards.submissions.verify.verify import verify_bundle, verify_rows
from leapbench.leaderboards.verdict import Check, Ledger, Verdict
from leapbench.results import packed
from leapbench.results.result import Result
from leapbench.results.values import printable
from leapbench.running.sweep import parse_seeds


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


def verify(asked: Asked, report: Report) -> Iterator[Verdict]:
    """Verify and file; every verdict is filed before it is yielded.

    Raises:
        UserError: when there is nothing to verify, or no round to audit in.
    """
    store = _store(asked)
    now = _round(asked, store)
    wanted = _wanted(asked, store, now)
    ledgers = [Ledger(asked.ledger)] if asked.ledger else []
    if store is not None:
        ledgers.append(store.ledger)
    if is_store(asked.subject):
        found = _board(SubmissionStore(asked.subject), asked, wanted, now, report)
    elif asked.subject.suffix == ".zip":
        found = iter([verify_bundle(asked.subject, wanted, report)])
    else:
        found = _results(asked.subject, wanted, report)
    for verdict in found:
        for ledger in ledgers:
            ledger.add(verdict)
        yield verdict


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


def _board(
    store: SubmissionStore, asked: Asked, wanted: Wanted, now: Round | None, report: Report
) -> Iterator[Verdict]:
    """Every submission that was not verified this far before, the oldest first."""
    before = [] if asked.again else store.ledger.verdicts()
    for problem in store.ledger.problems:
        warnings.warn(problem, stacklevel=2)
    todo = []
    for each in store.submissions():
        late = now is not None and each.received <= now.opened
        chosen = wanted.unsalted() if late else wanted
        if not _done(each.id, before, chosen):
            todo.append((each, chosen, late))
    for place, (submission, chosen, late) in enumerate(todo):
        staged = _share(report, place, len(todo))
        try:
            verdict = verify_bundle(store.bundle(submission.id), chosen, staged)
        except Exception as error:  # whatever one of them did, the others have their turn
            known = isinstance(error, UserError)
            line = str(error) if known else f"{type(error).__name__}: {error}"
            warnings.warn(f"{submission.id[:16]} was not verified: {printable(line)}", stacklevel=2)
            continue
        yield _late(verdict, submission, now) if late and now else verdict


def _done(subject: str, before: list[Verdict], wanted: Wanted) -> bool:
    return any(
        verdict.subject == subject
        and verdict.ran >= wanted.rerun
        and (not wanted.salt or verdict.commitment == wanted.commitment)
        for verdict in before
    )


def _late(verdict: Verdict, submission: Submission, now: Round) -> Verdict:
    """Say why there was no audit: the salt may have been chosen to suit the submission."""
    detail = f"not audited: it arrived {submission.received}, the round opened {now.opened}"
    check = Check(name="round", passed=True, detail=detail)
    return verdict.model_copy(update={"checks": (*verdict.checks, check)})


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
        yield verify_rows(rows, wanted, _share(report, place, len(groups)))
    if broken:
        yield Verdict.of(broken)


def _share(report: Report, place: int, total: int) -> Report:
    return lambda fraction, line: report((place + fraction) / total, line)

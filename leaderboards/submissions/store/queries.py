"""What is asked of an index and written to it, inside a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from leapbench.leaderboards.submissions.store.records import Head, IndexedSubmission, Seeded
from leapbench.leaderboards.submissions.store.tables import results, submissions

ATTEMPTS = sa.func.count().over(partition_by=[submissions.c.task, submissions.c.identity])
OLDEST = (submissions.c.received, submissions.c.id)


def insert(db: sa.Connection, row: IndexedSubmission) -> None:
    """Add a submission, unless it is there; of a writer."""
    identity = row.head.id
    if db.scalar(sa.select(submissions.c.id).where(submissions.c.id == identity)) is None:
        remove(db, identity)  # results that somebody left without their submission
        db.execute(sa.insert(submissions).values(row.head._asdict()))
        if row.results:
            values = [each._asdict() | {"submission": identity} for each in row.results]
            db.execute(sa.insert(results), values)


def remove(db: sa.Connection, identity: str) -> None:
    """Take a submission out."""
    db.execute(sa.delete(results).where(results.c.submission == identity))
    db.execute(sa.delete(submissions).where(submissions.c.id == identity))


def clear(db: sa.Connection) -> None:
    """Take everything out."""
    db.execute(sa.delete(results))
    db.execute(sa.delete(submissions))


def ids(db: sa.Connection) -> set[str]:
    """Ids of all submissions."""
    return set(db.scalars(sa.select(submissions.c.id)))


def arrivals(db: sa.Connection) -> list[tuple[str, str]]:
    """Id and time of arrival of all submissions, the oldest first."""
    asked = sa.select(submissions.c.id, submissions.c.received).order_by(*OLDEST)
    return [(identity, received) for identity, received in db.execute(asked)]


def equal(db: sa.Connection, row: IndexedSubmission) -> tuple[str, str] | None:
    """Id and arrival of the oldest submission with this manifest and signer."""
    asked = (
        sa.select(submissions.c.id, submissions.c.received)
        .where(submissions.c.manifest == row.head.manifest)
        .where(submissions.c.signed_by == row.head.signed_by)
        .order_by(*OLDEST)
        .limit(1)
    )
    found = db.execute(asked).first()
    return (found.id, found.received) if found else None


def attempt(db: sa.Connection, identity: str) -> int:
    """Which of its entrant's attempts a submission is, from 1 on."""
    one, other = submissions.alias(), submissions.alias()
    asked = (
        sa.select(sa.func.count())
        .select_from(one)
        .join(other, (one.c.task == other.c.task) & (one.c.identity == other.c.identity))
        .where(one.c.id == identity)
        .where(sa.tuple_(other.c.received, other.c.id) <= sa.tuple_(one.c.received, one.c.id))
    )
    return db.execute(asked).scalar_one()


def select(
    db: sa.Connection, task: str | None = None, tier: str | None = None
) -> Iterator[tuple[IndexedSubmission, int]]:
    """Submissions to a task and tier, the oldest first, and how many attempts each has."""
    asked = _heads(task, tier)
    found = _results(db, sa.select(asked.subquery().c.id))
    for *columns, attempts in db.execute(asked):
        head = Head(*columns)
        yield IndexedSubmission(head, found.get(head.id, ())), attempts


def page(
    db: sa.Connection, task: str | None, tier: str | None, skip: int, count: int
) -> list[tuple[Head, int, dict[str, float | None]]]:
    """Some submissions, the oldest first: attempts and scores by seed; no result is read."""
    heads = db.execute(_heads(task, tier).limit(count).offset(skip)).all()
    asked = (
        sa.select(results.c.submission, results.c.seed, results.c.score)
        .where(results.c.submission.in_([head.id for head in heads]))
        .order_by(results.c.seed)
    )
    scores: dict[str, dict[str, float | None]] = {head.id: {} for head in heads}
    for submission, seed, score in db.execute(asked):
        scores[submission][str(seed)] = score
    return [(Head(*columns), n, scores[columns[0]]) for *columns, n in heads]


def row(db: sa.Connection, identity: str) -> IndexedSubmission | None:
    """One submission; None when it is not there."""
    head = db.execute(sa.select(submissions).where(submissions.c.id == identity)).first()
    if head is None:
        return None
    return IndexedSubmission(Head(*head), _results(db, [identity]).get(identity, ()))


def _heads(task: str | None, tier: str | None) -> sa.Select[*tuple[Any, ...]]:
    """Columns of submissions and the attempts of their entrants, counted before the choice."""
    counted = sa.select(*submissions.c, ATTEMPTS.label("attempts")).subquery()
    asked = sa.select(counted).order_by(counted.c.received, counted.c.id)
    for column, value in ((counted.c.task, task), (counted.c.tier, tier)):
        if value is not None:
            asked = asked.where(column == value)
    return asked


def _results(
    db: sa.Connection, identities: list[str] | sa.Select[str]
) -> dict[str, tuple[Seeded, ...]]:
    """Results by submission, each in ascending order of seeds."""
    columns = (results.c.seed, results.c.result, results.c.score)
    asked = (
        sa.select(results.c.submission, *columns)
        .where(results.c.submission.in_(identities))
        .order_by(results.c.submission, results.c.seed)
    )
    groups = groupby(db.execute(asked), key=lambda found: found.submission)
    return {name: tuple(Seeded(*rest) for _, *rest in rows) for name, rows in groups}

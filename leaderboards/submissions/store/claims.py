"""Who is verifying what: claims in the index, each by one worker and for so long.

What waits to be verified follows from the files: it is what has no verdict. A claim only keeps two
workers from the same submission. When it is lost with the index, or its worker is killed, nothing
is: somebody else begins anew. Clocks of workers on several machines agree to a few seconds.
"""

from __future__ import annotations

import os
import platform
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.store.kept import KeptIndex
from leapbench.leaderboards.submissions.store.tables import claims

PAUSE = 1.0  # seconds before a database that was away is asked again


class Claims:
    """The claims of one worker.

    Args:
        kept: index of the board.
        lease: seconds after which a claim that is not renewed is anybody's.
        tries: how often a submission is begun, before workers leave it alone; None for no end.
    """

    def __init__(self, kept: KeptIndex, lease: float, tries: int | None = None) -> None:
        self.kept, self.lease, self.tries = kept, lease, tries
        self.worker = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(8)}"

    def take(self, submissions: Sequence[str]) -> str | None:
        """Claim the first that nobody has; None when there is none.

        Raises:
            UserError: when the index cannot be used.
        """

        def first(db: sa.Connection) -> str | None:
            rows = {row.submission: row for row in db.execute(sa.select(claims))}
            for each in submissions:
                if self._free(rows.get(each)):
                    self._drop(db, each)
                    tried = rows[each].tries if each in rows else 0
                    row = {"submission": each, "tries": tried + 1} | self._mine()
                    db.execute(sa.insert(claims).values(row))
                    return each
            return None

        return self.kept.alone(first) if submissions else None

    @contextmanager
    def renewed(self, submission: str) -> Iterator[None]:
        """Keep a claim for as long as it takes; it is given back at the end, if it is still there.

        A claim that ends with an exception of the verification's waits for one lease.
        """
        over = threading.Event()
        thread = threading.Thread(target=self._renew, args=(submission, over), daemon=True)
        thread.start()
        try:
            yield
        except Exception:
            over.set()
            with suppress(UserError):
                self._update(submission, {"worker": "", "until": time.time() + self.lease})
            raise
        finally:
            over.set()
            thread.join()
            with suppress(UserError):  # then it ends by itself
                self.kept.alone(lambda db: self._drop(db, submission, self.worker))

    def file(self, submission: str, write: Callable[[], object], filed: Callable[[], bool]) -> bool:
        """Write a verdict, while the claim is held; it ends with that.

        A database that is away is waited for, as long as a claim lasts.

        Args:
            submission: which was claimed.
            write: writes it.
            filed: whether somebody has written one; asked where there is no claim at all.

        Returns:
            False where another worker has taken over, and nothing was written.

        Raises:
            UserError: when the index cannot be used.
        """

        def change(db: sa.Connection) -> bool:
            holder = db.scalar(sa.select(claims.c.worker).where(claims.c.submission == submission))
            if (holder is not None and holder != self.worker) or (holder is None and filed()):
                return False
            write()
            self._drop(db, submission)
            return True

        until = time.monotonic() + self.lease
        while True:
            try:
                return self.kept.alone(change)
            except UserError:
                if time.monotonic() > until:
                    raise
                time.sleep(PAUSE)

    def left_alone(self, submissions: Sequence[str]) -> list[str]:
        """Those that were begun so often that workers do not take them any more."""
        rows = self.kept.read(lambda db: db.execute(sa.select(claims)).all())
        spent = {row.submission for row in rows if self._spent(row) and row.until <= time.time()}
        return [each for each in submissions if each in spent]

    def _free(self, row: sa.Row[*tuple[object, ...]] | None) -> bool:
        """Whether a claim can be had: of one that failed, by a person at once."""
        if row is None:
            return True
        waits = row.until > time.time() and (row.worker != "" or self.tries is not None)
        return not waits and not self._spent(row)

    def _spent(self, row: sa.Row[*tuple[object, ...]]) -> bool:
        return self.tries is not None and row.tries >= self.tries

    def _mine(self) -> dict[str, object]:
        return {"worker": self.worker, "until": time.time() + self.lease}

    def _renew(self, submission: str, over: threading.Event) -> None:
        while not over.wait(self.lease / 3):
            with suppress(UserError, MemoryError):  # the next time, then
                self._update(submission, self._mine())

    def _update(self, submission: str, values: dict[str, object]) -> None:
        own = (claims.c.submission == submission) & (claims.c.worker == self.worker)
        self.kept.alone(lambda db: db.execute(sa.update(claims).where(own).values(values)))

    def _drop(self, db: sa.Connection, submission: str, worker: str | None = None) -> None:
        chosen = sa.delete(claims).where(claims.c.submission == submission)
        db.execute(chosen if worker is None else chosen.where(claims.c.worker == worker))

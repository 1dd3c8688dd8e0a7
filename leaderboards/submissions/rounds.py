"""Rounds of a board: a secret salt whose hash is published before anyone submits.

An audit runs rows again on seeds that come from the salt. That the hash stood
on the board before a submission arrived shows that the salt was not chosen to
suit it; the salt itself is published when the round closes, so that everybody
can run the audit again.

    rounds/<first 16 digits>.json         {commitment, opened}
    rounds/<first 16 digits>.salt.json    {salt, closed}, when the round is closed

While a round is open, its salt lies outside the board, in the user's own data
folder, readable by nobody else.
"""

from __future__ import annotations

import json
import os
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from platformdirs import user_data_path

from leapbench.contract.frozen import Frozen
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.manifest import Digest
from leapbench.results import atomic

PREFIX = b"leapbench salt v1\0"


class Round(Frozen):
    """One round of a board.

    Attributes:
        commitment: SHA-256 of the salt, 64 hexadecimal digits.
        opened: ISO 8601 in UTC.
        salt: once the round is closed; else empty.
        closed: ISO 8601 in UTC; empty while the round is open.
    """

    commitment: Digest
    opened: str
    salt: str = ""
    closed: str = ""


class Rounds:
    """Rounds of one board.

    Args:
        board: folder of the board.
        secrets: folder of the salts of open rounds; None for the user's own.
    """

    def __init__(self, board: Path, secrets: Path | None = None) -> None:
        self.folder = board / "rounds"
        self.secrets = secrets or user_data_path("leapbench") / "salts"

    def all(self) -> list[Round]:
        """Every round, the oldest first."""
        found = [
            self._read(path) for path in self.folder.glob("*.json") if path.suffixes[0] != ".salt"
        ]
        return sorted(found, key=lambda each: each.opened)

    def current(self) -> Round | None:
        """The open round, if there is one."""
        return next((each for each in self.all() if not each.closed), None)

    def open(self) -> Round:
        """Draw a salt, keep it secret and publish its hash.

        Raises:
            UserError: when a round is open already.
        """
        if self.current():
            raise UserError("A round is open already.", "`leapbench round close` ends it.")
        salt = secrets.token_hex(32)
        made = Round(commitment=commit(salt), opened=_now())
        self.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._secret(made), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(salt)
        _publish(self._path(made), {"commitment": made.commitment, "opened": made.opened})
        return made

    def close(self) -> Round:
        """Publish the salt of the open round.

        Raises:
            UserError: when none is open, or its salt is not here.
        """
        now = self.current()
        if now is None:
            raise UserError("No round is open.", "`leapbench round open` begins one.")
        salt = self.salt(now)
        _publish(self._path(now).with_suffix(".salt.json"), {"salt": salt, "closed": _now()})
        self._secret(now).unlink()
        return self._read(self._path(now))

    def salt(self, of: Round) -> str:
        """The salt of a round, open ones only for whoever opened them.

        Raises:
            UserError: when it is not here.
        """
        if of.salt:
            return of.salt
        try:
            salt = self._secret(of).read_text(encoding="utf-8")
        except OSError:
            raise UserError(
                f"The salt of round {of.commitment[:16]} is not on this machine.",
                "Audits of an open round run where it was opened.",
            ) from None
        if commit(salt) != of.commitment:
            raise UserError(f"{self._secret(of)} is not the salt whose hash was published.")
        return salt

    def _path(self, of: Round) -> Path:
        return self.folder / f"{of.commitment[:16]}.json"

    def _secret(self, of: Round) -> Path:
        return self.secrets / f"{of.commitment}.txt"

    def _read(self, path: Path) -> Round:
        """A round; a published salt that does not fit its hash is refused."""
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            revealed = path.with_suffix(".salt.json")
            more = json.loads(revealed.read_text(encoding="utf-8")) if revealed.exists() else {}
            found = Round.model_validate(record | more)
        except (OSError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{path} is not a round: {reason}.") from None
        if found.salt and commit(found.salt) != found.commitment:
            raise UserError(f"{path}: the salt that was published does not give its hash.")
        return found


def commit(salt: str) -> str:
    """The hash that is published before the salt, 64 hexadecimal digits."""
    return sha256(PREFIX + salt.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _publish(path: Path, record: dict[str, str]) -> None:
    atomic.write(path, (json.dumps(record) + "\n").encode())

"""What a verification found out, kept apart from the rows that it is about.

A row cannot vouch for itself, so result files carry no level. Verdicts lie in
a folder of their own, one immutable file each; the badge of a row is what the
latest verdict about its run id says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from leapbench.contract.frozen import Frozen
from leapbench.contract.task import canonical
from leapbench.errors import UserError
from leapbench.results import atomic
from leapbench.results.provenance import provenance
from leapbench.results.result import Seconds, Spent, content, invalid
from leapbench.results.values import Number, Numbers, Text, Told, Values

Level = Literal["self-reported", "checked", "reproduced", "audited"]
Badge = Literal["self-reported", "checked", "reproduced", "audited", "refused"]
LEVELS: tuple[Level, ...] = ("self-reported", "checked", "reproduced", "audited")
MAX_BYTES = 40_000_000  # more than a thousand rows with the longest reasons have


class Check(Frozen):
    """One thing that was looked at.

    Attributes:
        name: short name, such as "hashes" or "re-run".
        passed: whether it was as it should be.
        detail: what was found; needed where it did not pass.
    """

    name: Told
    passed: bool
    detail: Told = ""


class Measured(Frozen):
    """What a verifier measured itself when it ran a row again.

    Attributes:
        score: the task's metric.
        normalised: the same on the scale of floor and ceiling.
        metrics: every metric.
        budget: what each phase spent.
        cpu: CPU seconds.
    """

    score: Number
    normalised: Number
    metrics: Numbers
    budget: tuple[Spent, ...]
    cpu: Seconds


class Finding(Frozen):
    """What was found about one row.

    Attributes:
        run_id: the row.
        cell: "<task> <tier> <agent> seed <n>", for people.
        level: the highest level that the row has reached; None when refused.
        exact: whether every episode of a re-run was equal; None without a re-run.
        difference: normalised score of the re-run minus that of the row.
        secret: normalised score on secret seeds minus that of the row; None without an audit.
        reason: why it was refused, or why its level is no higher; else empty.
        measured: the re-run's numbers, which boards show of a submission; None without one.
    """

    run_id: Text
    cell: Told
    level: Level | None
    exact: bool | None = None
    difference: Number | None = None
    secret: Number | None = None
    reason: Told = ""
    measured: Measured | None = None


class Verdict(Frozen):
    """Outcome of one verification.

    Attributes:
        subject: SHA-256 of the bundle, or empty for bare results.
        date: when it was made, ISO 8601 in UTC.
        checks: everything that was looked at, in order.
        rows: one finding a row.
        isolation: how the agent was kept apart; empty where nothing was run.
        commitment: hash of the salt that the secret seeds came from; else empty.
        verifier: versions, commit and machine of whoever verified.
    """

    schema_version: Literal[1] = 1
    subject: Text = ""
    date: Text
    checks: tuple[Check, ...] = Field(min_length=1)
    rows: tuple[Finding, ...] = ()
    isolation: Told = ""
    commitment: Text = ""
    verifier: Values = {}

    @classmethod
    def of(cls, checks: Sequence[Check], **fields: Any) -> Verdict:
        """A verdict of this moment, by this machine."""
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        return cls(date=now, checks=tuple(checks), verifier=provenance(), **fields)

    @property
    def ran(self) -> bool:
        """Whether a row was run again."""
        return any(row.exact is not None for row in self.rows)

    @property
    def passed(self) -> bool:
        """Whether nothing was found wrong."""
        return all(c.passed for c in self.checks) and all(r.level for r in self.rows)

    @property
    def level(self) -> Badge:
        """The lowest level among the rows; "refused" when anything was found wrong."""
        if not self.passed:
            return "refused"
        return min((r.level for r in self.rows if r.level), key=LEVELS.index, default="checked")


class Ledger:
    """Folder of verdicts.

    Args:
        folder: where the files lie; made when first needed.

    Attributes:
        problems: a line for each file that was no verdict when they were read last.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []

    def add(self, verdict: Verdict) -> Path:
        """Write a verdict under the hash of its content; it is there whole or not at all.

        Raises:
            UserError: when no reader would take it, for its size.
        """
        text = canonical(verdict.model_dump(mode="json")) + "\n"
        if len(text) > MAX_BYTES:
            raise UserError(f"The verdict has {len(text)} bytes, {MAX_BYTES} are allowed.")
        path = self.folder / f"{sha256(text.encode()).hexdigest()[:16]}.json"
        atomic.write(path, text.encode())
        self.__dict__.pop("badges", None)
        return path

    def verdicts(self) -> list[Verdict]:
        """Every verdict, the oldest first; `problems` tells of other files."""
        found, self.problems = [], []
        for path in sorted(self.folder.glob("[!.]*.json")):
            try:
                found.append(read(path))
            except UserError as error:
                self.problems.append(str(error))
        return sorted(found, key=lambda verdict: verdict.date)

    @cached_property
    def badges(self) -> dict[str, Badge]:
        """Badge of each run id: a refusal stands until a later verdict passes."""
        found: dict[str, Badge] = {}
        for verdict in self.verdicts():
            for row in verdict.rows:
                before = found.get(row.run_id)
                if row.level is None:
                    found[row.run_id] = "refused"
                elif before is None or before == "refused":
                    found[row.run_id] = row.level
                else:
                    found[row.run_id] = max(before, row.level, key=LEVELS.index)
        return found

    def badge(self, run_ids: Iterable[str]) -> Badge:
        """Lowest badge of several rows; one refused row refuses them all."""
        each = [self.badges.get(run_id, "self-reported") for run_id in run_ids]
        return "refused" if "refused" in each else min(each, key=LEVELS.index)  # type: ignore[arg-type]


def read(path: Path) -> Verdict:
    """Read and validate a verdict.

    Raises:
        UserError: when the file cannot be read, is too large, or is no verdict.
    """
    data = content(path, MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise UserError(f"{path} is larger than {MAX_BYTES} bytes: not a verdict.")
    try:
        return Verdict.model_validate_json(data)
    except ValidationError as error:
        raise invalid(str(path), error, "verdict") from None

"""Result files: per-episode truth and provenance, validated on read and write."""

from __future__ import annotations

import hashlib
import json
import os
from math import isclose, isfinite
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from leapbench.contract.frozen import Frozen
from leapbench.contract.task import Tier, canonical
from leapbench.errors import UserError

SCHEMA = 1
MAX_BYTES = 200_000
Scalar = bool | int | float | str
Status = Literal["ok", "failed", "timeout", "budget_exceeded", "invalid"]
# Left out of the run id: what the same command may change on the same machine.
VOLATILE = ("run_id", "timing", "provenance")


class Part(Frozen):
    """One part of the agent that ran: declaration name, code and settings."""

    name: str
    role: str
    version: int
    source_hash: str
    config: dict[str, Scalar]


class AgentRecord(Frozen):
    """The agent: its name as typed, and its parts."""

    name: str
    parts: tuple[Part, ...]
    ranked: bool = True


class Spent(Frozen):
    """What a phase used of its budget; `reused` when an artifact served."""

    phase: str
    unit: str
    used: int = Field(ge=0)
    limit: int = Field(gt=0)
    reused: bool = False

    @model_validator(mode="after")
    def _within(self) -> Spent:
        if self.used > self.limit:
            raise ValueError(f"phase {self.phase!r} used {self.used} of {self.limit}")
        return self


class Timing(Frozen):
    """Seconds; not part of the run id. `cpu` counts reused phases as when they ran."""

    started: str = ""
    wall: float = Field(default=0.0, allow_inf_nan=False)
    cpu: float = Field(default=0.0, allow_inf_nan=False)


class Result(Frozen):
    """One (task, tier, agent, seed, config) cell.

    Attributes:
        episodes: one flat record an episode, columns by name, one list each.
        metrics: aggregates, all recomputable from `episodes`.
        score: the task's metric; None unless `status` is "ok".
        normalised: score on the scale of the task's floor and ceiling.
    """

    schema_version: Literal[1] = 1
    run_id: str = ""
    status: Status = "ok"
    message: str = ""
    task: str
    tier: Tier
    protocol_hash: str
    agent: AgentRecord
    seed: int = Field(ge=0, lt=2**63)
    budget: tuple[Spent, ...] = ()
    episodes: dict[str, list[Scalar]] = {}
    metrics: dict[str, float] = {}
    score: float | None = None
    normalised: float | None = None
    details: dict[str, Any] = {}
    provenance: dict[str, Scalar] = {}
    timing: Timing = Timing()

    @model_validator(mode="after")
    def _consistent(self) -> Result:
        if len({len(column) for column in self.episodes.values()}) > 1:
            raise ValueError("episode columns differ in length")
        if not all(isfinite(v) for v in self.metrics.values()):
            raise ValueError("metrics must be finite")
        if (self.status == "ok") != (self.score is not None):
            raise ValueError("a score goes with status 'ok', and only with it")
        canonical(self.details)  # pydantic would turn a NaN in here into null
        canonical(self.provenance)  # and this is not part of the digest
        identity = self.digest()  # fails on NaN and infinities anywhere else
        if self.run_id and self.run_id != identity:
            raise ValueError(f"run_id {self.run_id} does not match the content {identity}")
        return self

    @property
    def family(self) -> str:
        """The part of the task's name before the slash."""
        return self.task.partition("/")[0]

    def digest(self) -> str:
        """SHA-256 of the content without what varies between equal runs, 16 digits."""
        data = self.model_dump(mode="json", exclude=set(VOLATILE))
        for spent in data["budget"]:
            spent.pop("reused")
        return hashlib.sha256(canonical(data).encode()).hexdigest()[:16]

    def rows(self) -> list[dict[str, Scalar]]:
        """The episodes as one record each."""
        names = list(self.episodes)
        return [dict(zip(names, v, strict=True)) for v in zip(*self.episodes.values(), strict=True)]


def columns(rows: list[dict[str, Scalar]]) -> dict[str, list[Scalar]]:
    """Records with equal keys as one list a column; the inverse of `Result.rows`."""
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def same_metrics(a: dict[str, float], b: dict[str, float]) -> bool:
    """Whether two sets of metrics agree up to rounding of the last digits."""
    return a.keys() == b.keys() and all(isclose(a[k], b[k], rel_tol=1e-9, abs_tol=1e-12) for k in a)


def serialise(result: Result) -> bytes:
    """The content of a result file, with the run id."""
    stamped = result.model_copy(update={"run_id": result.digest()})
    return (json.dumps(stamped.model_dump(mode="json"), allow_nan=False) + "\n").encode()


def write(result: Result, path: Path) -> None:
    """Write a result so that the file is there whole or not at all.

    Raises:
        UserError: when it would be larger than `MAX_BYTES`.
    """
    data = serialise(result)
    if len(data) > MAX_BYTES:
        raise UserError(f"The result for {path.name} has {len(data)} bytes, {MAX_BYTES} allowed.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: Path) -> Result:
    """Read and validate a result file.

    Raises:
        UserError: when the file cannot be read, is too large, or is not a valid result.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # never more, whatever the size is said to be
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{str(path)!r} cannot be read: {error}.") from None
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Result:
    """Validate the content of a result file.

    Args:
        data: the file's bytes.
        name: what messages call it.

    Raises:
        UserError: when it is too large or not a valid result.
    """
    if len(data) > MAX_BYTES:
        raise UserError(f"{name} is larger than {MAX_BYTES} bytes: not a result file.")
    try:
        found = Result.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(p)[:40] for p in first["loc"]) or "content"
        raise UserError(f"{name} is not a valid result: {where}: {first['msg']}.") from None
    if not found.run_id:
        raise UserError(f"{name} is not a valid result: it has no run_id.")
    return found

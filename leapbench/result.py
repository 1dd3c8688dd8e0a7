"""Result files: per-episode truth and provenance, validated on read and write."""

from __future__ import annotations

import hashlib
import json
import os
from math import isclose, isfinite
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from leapbench.errors import UserError
from leapbench.task import Frozen, Tier, canonical

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
    wall: float = 0.0
    cpu: float = 0.0


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
    seed: int = Field(ge=0)
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
        identity = self.digest()  # fails on NaN and infinities anywhere else
        if self.run_id and self.run_id != identity:
            raise ValueError(f"run_id {self.run_id} does not match the content {identity}")
        return self

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


def write(result: Result, path: Path) -> None:
    """Write a result so that the file is there whole or not at all.

    Raises:
        UserError: when it would be larger than `MAX_BYTES`.
    """
    stamped = result.model_copy(update={"run_id": result.digest()})
    text = json.dumps(stamped.model_dump(mode="json"), allow_nan=False) + "\n"
    if len(text) > MAX_BYTES:
        raise UserError(f"The result for {path.name} has {len(text)} bytes, {MAX_BYTES} allowed.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
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
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} is larger than {MAX_BYTES} bytes: not a result file.")
        found = Result.model_validate_json(path.read_text(encoding="utf-8"))
        if not found.run_id:
            raise ValueError("it has no run_id")
        return found
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValidationError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            where = ".".join(str(p) for p in first["loc"]) or "content"
            raise UserError(f"{path} is not a valid result: {where}: {first['msg']}.") from None
        raise UserError(f"{path} is not a valid result: {error}.") from None

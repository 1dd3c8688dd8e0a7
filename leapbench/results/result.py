"""Results: per-episode truth and provenance, validated whenever one is made or read.

What a row is *about* (task, protocol, agent, version, settings, seed) and what it *found*
(episodes, budget, metrics, status, score) make its run id. What it was made with (code,
machine, seconds, the settings in full) stands beside them and can be told in another form
without a new run.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from math import isclose
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from leapbench.contract.frozen import Frozen
from leapbench.contract.task import Tier, canonical
from leapbench.errors import UserError
from leapbench.results import atomic
from leapbench.results.values import (
    LARGEST,
    Columns,
    Digests,
    Number,
    Numbers,
    Text,
    Values,
    checked_columns,
    checked_curves,
    column_digest,
    json_only,
)
from leapbench.results.values import Scalar as Scalar

SCHEMA = 2
MAX_BYTES = 200_000
Status = Literal["ok", "failed", "timeout", "budget_exceeded", "invalid"]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Seconds = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]
CHUNK = 2**17  # bytes read at once
FOLDER = 100  # characters of an agent's name in a path


class Part(Frozen):
    """One part of the agent that ran.

    Attributes:
        name: of the declaration, or what the user typed without the folder of the file.
        role: "model", "policy" or "agent".
        family: in which the name is looked up; empty for a part of any family.
        version: of the declaration; raised when its behaviour changes.
        file_hash: SHA-256 of the file that the part is, 16 hexadecimal digits; empty for a
            declared part, which its name and version identify.
        settings: those that differ from the defaults under the protocol.
        config: every setting as it ran, for readers; the fields above decide it.
    """

    name: Text
    role: Text
    family: Text = ""
    version: Count = 1
    file_hash: str = Field(default="", pattern=r"^([0-9a-f]{16})?$")
    settings: Values = {}
    config: Values = {}

    @model_validator(mode="after")
    def _among(self) -> Part:
        """The settings are among all settings, where these are told."""
        if self.config and not self.settings.items() <= self.config.items():
            raise ValueError(f"part {self.name!r} has settings that it did not run with")
        return self


class AgentRecord(Frozen):
    """The agent: its name as typed, and its parts."""

    name: Text
    parts: tuple[Part, ...]
    ranked: bool = True

    @property
    def identity(self) -> str:
        """SHA-256 of what tells this agent from every other, 16 hexadecimal digits."""
        return _identity(self.name, self.ranked, tuple(map(_part, self.parts)))

    @property
    def family(self) -> str:
        """The family that its parts are of; empty where they work on any."""
        return next((part.family for part in self.parts if part.family), "")

    @property
    def plain(self) -> bool:
        """Whether it is made of declared parts with the protocol's settings."""
        return not any(part.settings or part.file_hash for part in self.parts)

    @property
    def folder(self) -> str:
        """Name of its folder: readable, bounded, and of no other agent.

        It is the agent's name; digits of the identity follow where the name does not say all.
        """
        readable = re.sub(r"[^\w.+-]", "-", self.name, flags=re.ASCII)[:FOLDER].lstrip(".")
        if self.plain and readable == self.name:
            return readable
        return f"{readable}--{self.identity[:8]}"


def _part(part: Part) -> tuple[Any, ...]:
    """What identifies a part; the settings as text, in which 1, 1.0 and true differ."""
    settings = canonical(part.settings) if part.settings else "{}"
    return part.name, part.role, part.family, part.version, part.file_hash, settings


@lru_cache(maxsize=4096)
def _identity(name: str, ranked: bool, parts: tuple[tuple[Any, ...], ...]) -> str:
    content = [name, ranked, [[*rest, json.loads(settings)] for *rest, settings in parts]]
    return hashlib.sha256(canonical(content).encode()).hexdigest()[:16]


class Spent(Frozen):
    """What a phase used of its budget; `reused` when an artifact served."""

    phase: Text
    unit: Text
    used: Count
    limit: int = Field(gt=0, le=LARGEST)
    reused: bool = False

    @model_validator(mode="after")
    def _within(self) -> Spent:
        if self.used > self.limit:
            raise ValueError(f"phase {self.phase!r} used {self.used} of {self.limit}")
        return self


class Timing(Frozen):
    """Seconds; not part of the run id. `cpu` counts reused phases as when they ran."""

    started: Text = ""
    wall: Seconds = 0.0
    cpu: Seconds = 0.0


class Result(Frozen):
    """One (task, tier, agent, settings, seed) cell.

    Attributes:
        run_id: `digest`; empty before the result is written.
        episodes: one flat record an episode, columns by name, one list each.
        metrics: aggregates, all recomputable from `episodes`.
        score: the task's metric; None unless `status` is "ok".
        normalised: score on the scale of the task's floor and ceiling.
        details: what the family shows beside the score, plain JSON.
        curves: what was logged while it learned, by phase and name: steps and values. Not
            part of the run id.
        provenance: what it was made with; "code" is the hash of the code that ran.
    """

    schema_version: Literal[2] = 2
    run_id: str = ""
    status: Status = "ok"
    message: Text = ""
    task: Text
    tier: Tier
    protocol_hash: Text
    agent: AgentRecord
    seed: int = Field(ge=0, lt=2**63)
    budget: tuple[Spent, ...] = ()
    episodes: Annotated[Columns, PlainValidator(checked_columns)] = {}
    metrics: Numbers = {}
    score: Number | None = None
    normalised: Number | None = None
    details: Annotated[dict[str, Any], AfterValidator(json_only)] = {}
    curves: Annotated[dict[str, dict[str, Any]], PlainValidator(checked_curves)] = {}
    provenance: Values = {}
    timing: Timing = Timing()

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Result:
        if (self.status == "ok") != (self.score is not None):
            raise ValueError("a score goes with status 'ok', and only with it")
        if self.run_id and self.run_id != (identity := self.digest(info.context)):
            raise ValueError(f"run_id {self.run_id} does not match the content {identity}")
        return self

    @property
    def family(self) -> str:
        """The part of the task's name before the slash."""
        return self.task.partition("/")[0]

    def digest(self, known: Digests | None = None) -> str:
        """SHA-256 of the evidence, 16 hexadecimal digits.

        Canonical JSON of what the row is about and what it found, in which each column of
        episodes stands as its own digest.

        Args:
            known: digests that are at hand.
        """
        known = known or {}
        episodes = {n: known.get(id(c)) or column_digest(c) for n, c in self.episodes.items()}
        evidence = {
            "task": self.task,
            "tier": self.tier,
            "protocol": self.protocol_hash,
            "agent": self.agent.identity,
            "seed": self.seed,
            "status": self.status,
            "budget": [[s.phase, s.unit, s.used, s.limit] for s in self.budget],
            "episodes": episodes,
            "metrics": self.metrics,
            "score": self.score,
            "details": self.details,
        }
        return hashlib.sha256(canonical(evidence).encode()).hexdigest()[:16]

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


def stamped(result: Result) -> dict[str, Any]:
    """The fields of a result as JSON data, with the run id."""
    return result.model_dump(mode="json") | {"run_id": result.digest()}


def serialise(result: Result) -> bytes:
    """The content of a result file, with the run id."""
    return (json.dumps(stamped(result), allow_nan=False) + "\n").encode()


def write(result: Result, path: Path) -> None:
    """Write a result so that the file is there whole or not at all.

    Raises:
        UserError: when it would be larger than `MAX_BYTES`.
    """
    data = serialise(result)
    if len(data) > MAX_BYTES:
        raise UserError(f"The result for {path.name} has {len(data)} bytes, {MAX_BYTES} allowed.")
    atomic.write(path, data)


def read(path: Path) -> Result:
    """Read and validate a result file.

    Raises:
        UserError: when the file cannot be read, is too large, or is not a valid result.
    """
    return parse(content(path, MAX_BYTES), str(path))


def content(path: Path, limit: int) -> bytes:
    """The bytes of a file, few more than `limit` at most, whatever its size is said to be.

    Raises:
        UserError: when it cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            data = file.read(CHUNK)
            while data and len(data) <= limit and (piece := file.read(CHUNK)):
                data += piece
            return data
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{str(path)!r} cannot be read: {error}.") from None


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
        found = Result.model_validate_json(data, context={})
    except ValidationError as error:
        raise invalid(name, error) from None
    if not found.run_id:
        raise UserError(f"{name} is not a valid result: it has no run_id.")
    return found


def invalid(name: str, error: ValidationError, kind: str = "result") -> UserError:
    """What is wrong with a file of a kind, in one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(p)[:40] for p in first["loc"]) or "content"
    return UserError(f"{name} is not a valid {kind}: {where}: {first['msg']}.")

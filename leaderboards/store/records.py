"""What a store says about its submissions."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from pydantic import Field

from leapbench.leaderboards.bundle.manifest import Digest, Entrant
from leapbench.leaderboards.bundle.read import Bundle
from leapbench.result import Result
from leapbench.task import Frozen


class Stamp(Frozen):
    """`receipts/<id>.json`: that and when a bundle arrived.

    Attributes:
        id: SHA-256 of the bundle.
        received: ISO 8601 in UTC, with microseconds.
        bytes: size of the bundle.
    """

    id: Digest
    received: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$")
    bytes: int = Field(ge=0)


@dataclass(frozen=True)
class Receipt:
    """What whoever submits is told.

    Attributes:
        id: SHA-256 of the bundle.
        received: when it came first, ISO 8601 in UTC.
        attempt: 1 for the first submission of this agent by this entrant to
            this task and tier, 2 for the second, ...
        new: False when it was there before.
    """

    id: str
    received: str
    attempt: int
    new: bool


@dataclass(frozen=True)
class Submission:
    """One bundle and what is in it.

    Attributes:
        id: SHA-256 of the bundle.
        task: task name.
        tier: tier name.
        agent: name of the agent.
        entrant: who submitted, in their own words.
        signed_by: fingerprint of the key; empty for an unsigned bundle.
        received: when it came, ISO 8601 in UTC.
        attempts: how many submissions of this agent this entrant made to this
            task and tier, this one and later ones among them.
        results: one a seed, in ascending order of seeds.
    """

    id: str
    task: str
    tier: str
    agent: str
    entrant: Entrant
    signed_by: str
    received: str
    attempts: int
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Row:
    """A submission as the index holds it: text and numbers, all from the files.

    Attributes:
        head: id, task, tier, agent, identity, entrant as JSON, key, SHA-256 of the
            manifest, time of arrival.
        results: seed and validated JSON of each result, in ascending order of seeds.
    """

    head: tuple[str, ...]
    results: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, bundle: Bundle, received: str) -> Row:
        """The row of a bundle that arrived at some time."""
        manifest = bundle.manifest
        head = (
            bundle.id,
            manifest.task,
            manifest.tier,
            manifest.agent,
            identity(bundle.signed_by, manifest.entrant),
            manifest.entrant.model_dump_json(),
            bundle.signed_by,
            sha256(manifest.text()).hexdigest(),
            received,
        )
        results = sorted((one.seed, one.model_dump_json()) for one in bundle.results())
        return cls(head, tuple(results))


def identity(signed_by: str, entrant: Entrant) -> str:
    """Who submits: the key, else the name; no name looks like a key."""
    return signed_by or f"name {entrant.name}"

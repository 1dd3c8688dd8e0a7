"""What a store says about its submissions."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from pydantic import Field

from leapbench.contract.frozen import Frozen
from leapbench.leaderboards.submissions.bundle.manifest import Digest, Entrant, identity
from leapbench.leaderboards.submissions.bundle.read import Bundle
from leapbench.results.result import Result


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
        attempt: 1 for the first submission of this entrant to this task, 2 for the second, ...
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
        attempts: how many submissions this entrant made to this task, this one and
            later ones among them, whatever the agent and its file are called.
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


class Head(NamedTuple):
    """The columns of a submission in the index, all from its files.

    Attributes:
        id: SHA-256 of the bundle.
        task: task name.
        tier: tier name.
        agent: name of the agent.
        identity: see `identity`.
        entrant: as JSON.
        signed_by: fingerprint of the key; empty for an unsigned bundle.
        manifest: SHA-256 of the manifest.
        received: when it came, ISO 8601 in UTC.
    """

    id: str
    task: str
    tier: str
    agent: str
    identity: str
    entrant: str
    signed_by: str
    manifest: str
    received: str


class Seeded(NamedTuple):
    """A result in the index.

    Attributes:
        seed: of the agent.
        result: validated JSON.
        score: as the result has it; None without one.
    """

    seed: int
    result: str
    score: float | None


@dataclass(frozen=True)
class IndexedSubmission:
    """A submission as the index holds it.

    Attributes:
        head: what it is.
        results: in ascending order of seeds.
    """

    head: Head
    results: tuple[Seeded, ...]

    @classmethod
    def of(cls, bundle: Bundle, received: str) -> IndexedSubmission:
        """The row of a bundle that arrived at some time."""
        manifest = bundle.manifest
        head = Head(
            id=bundle.id,
            task=manifest.task,
            tier=manifest.tier,
            agent=manifest.agent,
            identity=identity(bundle.signed_by, manifest.entrant),
            entrant=manifest.entrant.model_dump_json(),
            signed_by=bundle.signed_by,
            manifest=sha256(manifest.text()).hexdigest(),
            received=received,
        )
        found = (Seeded(one.seed, one.model_dump_json(), one.score) for one in bundle.results())
        return cls(head, tuple(sorted(found, key=lambda one: one.seed)))

    def submission(self, attempts: int) -> Submission:
        """The submission, which has this many attempts.

        Raises:
            pydantic.ValidationError: when the text is not what the files gave.
        """
        head = self.head
        return Submission(
            id=head.id,
            task=head.task,
            tier=head.tier,
            agent=head.agent,
            entrant=Entrant.model_validate_json(head.entrant),
            signed_by=head.signed_by,
            received=head.received,
            attempts=attempts,
            results=tuple(Result.model_validate_json(one.result) for one in self.results),
        )

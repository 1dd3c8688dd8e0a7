"""Bundles for the tests: good ones, and the pieces to make bad ones of."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from leapbench.leaderboards.submissions.bundle.manifest import BundledPart, Entrant, Manifest
from leapbench.leaderboards.submissions.bundle.pack import described, pack
from leapbench.results import result
from leapbench.results.result import AgentRecord, Part, Result

HASH = "0123456789abcdef"
CODE = b"class Policy:\n    pass\n"
CODE_HASH = sha256(CODE).hexdigest()[:16]


def made_result(seed: int = 0, score: float = 0.5, **changes: Any) -> Result:
    part = Part(name="toy.py:Policy", role="policy", file_hash=CODE_HASH, config={"rate": 0.5})
    fields: dict[str, Any] = {
        "task": "toy/one",
        "tier": "smoke",
        "protocol_hash": HASH,
        "agent": AgentRecord(name="toy.py:Policy", parts=(part,)),
        "seed": seed,
        "episodes": {"score": [score, score], "seed": [1, 2]},
        "metrics": {"score": score},
        "score": score,
        "normalised": score,
    }
    return Result.model_validate(fields | changes)


def made_files(*results: Result, code: bytes | None = CODE) -> dict[str, bytes]:
    rows = results or (made_result(0), made_result(1))
    files = {f"results/seed-{n}.json": result.serialise(one) for n, one in enumerate(rows)}
    return files | ({"code/policy.py": code} if code is not None else {})


def made_manifest(files: dict[str, bytes], **changes: Any) -> Manifest:
    code = next((name for name in files if name.startswith("code/")), "")
    part = BundledPart(
        role="policy",
        kind="code" if code else "registered",
        name="toy.py:Policy",
        entry="Policy" if code else "",
        file=code,
        file_hash=CODE_HASH,
        config={"rate": 0.5},
    )
    fields: dict[str, Any] = {
        "task": "toy/one",
        "tier": "smoke",
        "protocol_hash": HASH,
        "agent": "toy.py:Policy",
        "parts": (part,),
        "entrant": Entrant(name="Ada"),
        "results": tuple(name for name in files if name.startswith("results/")),
        "files": described(files),
    }
    return Manifest(**(fields | changes))


def made_bundle(*results: Result, key: Any = None, **changes: Any) -> bytes:
    files = made_files(*results)
    return pack(made_manifest(files, **changes), files, key)


def noted(notes: str, name: str = "Ada", key: Any = None) -> bytes:
    """A bundle that differs from others by its notes."""
    return made_bundle(entrant=Entrant(name=name, notes=notes), key=key)


def files_of(folder: Path) -> set[str]:
    """Every file of a store but its index, relative to its folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(folder).as_posix() for p in found if not p.name.startswith("index.")}

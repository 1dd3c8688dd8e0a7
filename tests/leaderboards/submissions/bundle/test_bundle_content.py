"""Well-formed bundles whose content does not hold together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bundles import CODE, made_bundle, made_files, made_manifest, made_result
from forge import archive, contents, member, resealed, sealed
from pydantic import ValidationError

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.keys import SigningKey
from leapbench.leaderboards.submissions.bundle.manifest import MANIFEST, BundledPart
from leapbench.leaderboards.submissions.bundle.read import open_bundle
from leapbench.leaderboards.submissions.bundle.refusal import Refused
from leapbench.results import result
from leapbench.results.result import AgentRecord

GOOD = made_bundle()
POLICY, FIRST = "code/policy.py", "results/seed-0.json"
ADA, BOB = SigningKey.from_private_bytes(b"a" * 32), SigningKey.from_private_bytes(b"b" * 32)


def edited(**fields: Any) -> bytes:
    """A result whose JSON was changed by hand, in a bundle with hashes made right."""
    data = json.loads(contents(GOOD)[FIRST]) | fields
    return resealed(GOOD, {FIRST: json.dumps(data).encode()})


def rerun(**fields: Any) -> bytes:
    """A result made anew with other fields and its right run id."""
    return resealed(GOOD, {FIRST: result.serialise(made_result(0, **fields))})


def other_part(**fields: Any) -> dict[str, Any]:
    part = made_result().agent.parts[0].model_copy(update=fields)
    return {"agent": AgentRecord(name="toy.py:Policy", parts=(part,))}


@pytest.mark.parametrize(
    "fields",
    [
        {"episodes": {"score": [0.5, 0.9], "seed": [1, 2]}},
        {"score": 0.9},
        {"run_id": ""},
        {"run_id": "0" * 16},
        {"score": float("nan"), "run_id": ""},
        {"score": float("inf")},
        {"normalised": float("-inf")},
        {"metrics": {"score": float("nan")}},
        {"episodes": {"score": [float("nan"), 0.5], "seed": [1, 2]}},
        {"timing": {"started": "", "wall": float("nan"), "cpu": float("inf")}},
        {"provenance": {"load": float("nan")}},
        {"seed": 10**300},
        {"seed": -1},
        {"colour": "red"},
        {"episodes": {"a": [1], "b": [1, 2]}},
    ],
)
def test_results_edited_by_hand(fields: dict[str, Any], check: Callable) -> None:
    assert check(edited(**fields)) == "results"


@pytest.mark.parametrize(
    "fields",
    [
        {"task": "toy/two"},
        {"tier": "lite"},
        {"protocol_hash": "f" * 16},
        {"agent": AgentRecord(name="other", parts=made_result().agent.parts)},
        {"agent": AgentRecord(name="toy.py:Policy", parts=made_result().agent.parts * 2)},
        {"agent": AgentRecord(name="toy.py:Policy", parts=made_result().agent.parts, ranked=False)},
        other_part(name="other"),
        other_part(role="agent"),
        other_part(version=2),
        other_part(file_hash="f" * 16),
        other_part(settings={"rate": 0.5}),
        other_part(family="urlb"),
        other_part(config={"rate": 0.6}),
        other_part(config={"rate": 0.5, "more": True}),
        other_part(config={}),
    ],
)
def test_results_of_something_else_than_the_manifest_says(
    fields: dict[str, Any], check: Callable
) -> None:
    assert check(rerun(**fields)) == "results"


@pytest.mark.parametrize("seeds", [(0, 0), (1,), (0, 2), (5, 6), (1, 0, 3), (7, 15, 23), (0, 1, 1)])
def test_seeds_are_all_from_0_on(seeds: tuple[int, ...], check: Callable) -> None:
    rows = [made_result(seed, score=0.5 + n / 10) for n, seed in enumerate(seeds)]
    assert check(made_bundle(*rows)) == "results"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 30_000,
        b'{"seed": 1' + b"0" * 100_000 + b"}",
        b'{"details": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
    ],
)
def test_results_that_are_none(text: bytes, check: Callable) -> None:
    assert check(resealed(GOOD, {FIRST: text})) == "results"


def test_a_result_that_says_one_thing_twice(check: Callable) -> None:
    text = contents(GOOD)[FIRST].rstrip()
    assert check(resealed(GOOD, {FIRST: b'{"score": 0.99, ' + text[1:]})) == "results"


def test_a_changed_file_is_noticed_by_its_hash(check: Callable) -> None:
    held = contents(GOOD)
    for name in (POLICY, FIRST):
        data = bytearray(held[name])
        data[10] ^= 1
        changed = archive([member(n, bytes(data) if n == name else d) for n, d in held.items()])
        assert check(changed) == "hashes"


def test_files_are_exactly_those_of_the_manifest(check: Callable) -> None:
    held = contents(GOOD)
    assert check(archive([member(n, d) for n, d in held.items() if n != POLICY])) == "files"
    assert check(archive([member(n, d) for n, d in (held | {"more": b""}).items()])) == "files"
    assert check(archive([member(n, d) for n, d in held.items() if n != MANIFEST])) == "manifest"
    longer = held | {POLICY: CODE + b"#"}
    assert check(archive([member(n, d) for n, d in longer.items()])) == "size"


def in_manifest(**fields: Any) -> bytes:
    return sealed(json.loads(contents(GOOD)[MANIFEST]) | fields, made_files())


PART = json.loads(contents(GOOD)[MANIFEST])["parts"][0]
FILES = json.loads(contents(GOOD)[MANIFEST])["files"]


@pytest.mark.parametrize(
    "fields",
    [
        {"schema_version": 1},
        {"task": "../etc"},
        {"tier": "huge"},
        {"agent": ""},
        {"parts": []},
        {"parts": [PART] * 2},
        {"parts": [PART | {"kind": "pickle"}]},
        {"parts": [PART | {"file": "code/policy.pkl"}]},
        {"parts": [PART | {"entry": "os.system"}]},
        {"parts": [PART | {"config": {"rate": float("nan")}}]},
        {"parts": [PART | {"config": {"rate": [1]}}]},
        {"entrant": {"name": ""}},
        {"entrant": {"name": "Ada", "url": "javascript:alert(1)"}},
        {"entrant": {"name": "Ada", "url": "https://a b"}},
        {"entrant": {"name": "x" * 101}},
        {"results": []},
        {"results": [FIRST, FIRST]},
        {"files": {}},
        {"files": FILES | {"more": {"sha256": "0" * 64, "bytes": -1}}},
        {"files": FILES | {MANIFEST: {"sha256": "0" * 64, "bytes": 1}}},
        {"colour": "red"},
    ],
)
def test_manifests_that_make_no_sense(fields: dict[str, Any], check: Callable) -> None:
    assert check(in_manifest(**fields)) == "manifest"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"kind": "registered", "entry": ""}, "has no file"),
        ({"file": ""}, "has a file"),
        ({"file": "code/policy.pkl"}, "is a .py file"),
        ({"kind": "weights"}, "is a .safetensors file"),
        ({"entry": ""}, "entry of a part"),
        ({"kind": "graph", "file": "net.onnx"}, "entry of a part"),
        ({"config": {"rate": float("nan")}}, "finite"),
        ({"config": {"rate": float("inf")}}, "finite"),
        ({"file": "../policy.py"}, "file"),
    ],
)
def test_parts_that_make_no_sense(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        BundledPart.model_validate(PART | fields)


def test_two_files_with_one_name_on_some_systems() -> None:
    data = result.serialise(made_result(0))
    for twin in ("results/SEED-0.json", "Manifest.json", "SIGNATURE.JSON"):
        with pytest.raises(ValidationError, match="one name on some file systems"):
            made_manifest({FIRST: data, twin: data}, results=(FIRST, twin))


def test_a_manifest_has_one_spelling(check: Callable) -> None:
    text = contents(GOOD)[MANIFEST]
    for other in (
        text + b"\n",
        b" " + text,
        b'{"agent":"other",' + text[1:],
        text.replace(b'"Ada"', b'"\\u0041da"'),
        b"\xef\xbb\xbf" + text,
        text[:-1],
        b"[" * 100_000,
    ):
        assert check(sealed(other, made_files())) == "manifest"


@pytest.mark.parametrize("method", [0, 8])
def test_a_bundle_that_changes_after_it_was_opened(method: int, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    held = contents(GOOD)
    stored = [member(n, d) if method else member(n, d, data=d, method=0) for n, d in held.items()]
    other = held | {FIRST: held[FIRST].replace(b"0.5", b"0.6")}
    changed = [member(n, d) if method else member(n, d, data=d, method=0) for n, d in other.items()]
    path.write_bytes(archive(stored))
    bundle = open_bundle(path)
    assert bundle.read(FIRST) == held[FIRST]
    for data in (archive(changed), archive(stored)[:100], b""):
        path.write_bytes(data)
        with pytest.raises(Refused):
            bundle.read(FIRST)
        with pytest.raises(Refused):
            bundle.write(FIRST, tmp_path / "out.json")
    with pytest.raises(UserError, match="no file in the bundle 'nothing'"):
        bundle.read("nothing")
    assert [file.name for file in tmp_path.iterdir()] == ["bundle.zip"]
    path.unlink()
    with pytest.raises(UserError, match="cannot be read: No such file"):
        bundle.read(FIRST)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        open_bundle(tmp_path / "none.zip")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        open_bundle(tmp_path)
    with pytest.raises(UserError, match="cannot be read: embedded null byte"):
        open_bundle(tmp_path / "a\0b")
    with pytest.raises(Refused, match="not a regular file"):
        open_bundle(Path("/dev/zero"))


def test_made_manifests_are_valid() -> None:
    assert made_manifest(made_files()).text() == contents(GOOD)[MANIFEST]

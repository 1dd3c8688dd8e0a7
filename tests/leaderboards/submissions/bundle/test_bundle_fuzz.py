"""Whatever the bytes are, opening a bundle ends in a bundle or in a refusal."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from bundles import made_bundle, made_files, made_result
from forge import archive, contents, members, resealed, sealed
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leapbench.leaderboards.submissions.bundle.keys import SigningKey
from leapbench.leaderboards.submissions.bundle.manifest import MANIFEST
from leapbench.leaderboards.submissions.bundle.read import Bundle, open_bundle
from leapbench.leaderboards.submissions.bundle.refusal import Refused

KEY = SigningKey.from_private_bytes(b"k" * 32)
GOOD = made_bundle(key=KEY)
UNSIGNED = made_bundle()
CHECKS = {
    "archive", "paths", "duplicates", "modes", "encryption", "compression", "layout", "size",
    "manifest", "files", "hashes", "signature", "parts", "results",
}  # fmt: skip
FIRST = "results/seed-0.json"


def tried(data: bytes) -> Bundle | None:
    """The bundle, or None when it was refused; anything else escapes and fails the test."""
    handle, name = tempfile.mkstemp(suffix=".zip")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    try:
        return open_bundle(Path(name))
    except Refused as error:
        if error.check not in CHECKS:
            raise
        return None
    finally:
        Path(name).unlink()


def mutated(data: bytes, edits: list[tuple[str, float, int]]) -> bytes:
    """`data` with bytes flipped, inserted and deleted at relative positions."""
    found = bytearray(data)
    for what, where, value in edits:
        place = int(where * (len(found) - 1)) if found else 0
        if what == "flip" and found:
            found[place] ^= value or 1
        elif what == "insert":
            found.insert(place, value)
        elif found:
            del found[place : place + 1 + value % 4]
    return bytes(found)


edits = st.lists(
    st.tuples(
        st.sampled_from(["flip", "flip", "flip", "insert", "delete"]),
        st.floats(0, 1),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.binary(max_size=600) | st.binary(max_size=200).map(lambda b: GOOD[:300] + b + GOOD[-22:]))
@example(GOOD[-22:])
@example(b"PK\5\6" * 10)
def test_random_bytes_are_refused(data: bytes) -> None:
    assert tried(data) is None


@settings(max_examples=1000)
@given(edits)
def test_no_changed_byte_goes_unnoticed(changes: list[tuple[str, float, int]]) -> None:
    data = mutated(GOOD, changes)
    found = tried(data)
    if found is None or data == GOOD:
        return
    # What no reader looks at may change (a date, a permission), what the bundle says may not.
    assert found.signed_by == tried(GOOD).signed_by
    assert found.manifest == tried(GOOD).manifest
    assert {n: found._entries[n].crc for n in found._entries} == {
        n: entry.crc for n, entry in tried(GOOD)._entries.items()
    }


@settings(max_examples=300)
@given(changes=edits)
def test_changed_manifests_in_sound_archives(changes: list[tuple[str, float, int]]) -> None:
    text = mutated(contents(UNSIGNED)[MANIFEST], changes)
    found = tried(sealed(text, made_files()))
    assert found is None or found.manifest.text() == text


@settings(max_examples=300)
@given(changes=edits)
def test_changed_results_under_right_hashes(changes: list[tuple[str, float, int]]) -> None:
    original = contents(UNSIGNED)[FIRST]
    found = tried(resealed(UNSIGNED, {FIRST: mutated(original, changes)}))
    if found is not None:  # time and provenance may say anything, and space is free
        assert found.results()[0].digest() == made_result(0).digest()


@settings(max_examples=300)
@given(
    field=st.sampled_from([*json.loads(contents(UNSIGNED)[MANIFEST]), "other"]),
    value=trees,
)
def test_random_fields_of_a_manifest(field: str, value: Any) -> None:
    manifest = json.loads(contents(UNSIGNED)[MANIFEST])
    before = manifest.get(field)
    found = tried(sealed(manifest | {field: value}, made_files()))
    assert found is None or value == before or field in ("entrant", "results")


numbers = st.sampled_from([0, 1, 8, 22, 0xFFFF, 0xFFFFFFFF, 2**31]) | st.integers(0, 2**32 - 1)
shorts = numbers.map(lambda number: number & 0xFFFF)
texts = st.sampled_from(["", "manifest.json", FIRST, "../x", "x\0y", "\ud7ff", "a/b"]) | st.text()
lies = st.fixed_dictionaries(
    {},
    optional={
        "name": texts.map(lambda text: text.encode()[:1000]) | st.binary(max_size=20),
        "data": st.binary(max_size=50),
        "size": numbers,
        "crc": numbers,
        "method": shorts,
        "flags": shorts,
        "extra": st.binary(max_size=40),
        "comment": st.binary(max_size=40),
        "mode": numbers,
        "packed": numbers,
        "offset": numbers,
        "gap": st.binary(max_size=5),
        "local": st.fixed_dictionaries(
            {}, optional={"flags": shorts, "method": shorts, "size": numbers, "packed": numbers}
        ),
    },
)
ends = st.fixed_dictionaries(
    {},
    optional={
        "start": st.binary(max_size=30),
        "before_directory": st.binary(max_size=30),
        "before_end": st.binary(max_size=30),
        "after": st.binary(max_size=30),
        "comment": st.binary(max_size=30),
    },
)
HONEST = {"mode": 0o100600 << 16, "flags": 0x800}


@settings(max_examples=600)
@given(lies=st.lists(lies, min_size=5, max_size=5), end=ends)
@example(lies=[HONEST] * 5, end={})
def test_lies_in_every_field(lies: list[dict[str, Any]], end: dict[str, bytes]) -> None:
    held = [replace(one, **said) for one, said in zip(members(GOOD), lies, strict=True)]
    found = tried(archive(held, **end))
    if lies == [HONEST] * 5:
        assert found is not None
    assert found is None or found.manifest == tried(GOOD).manifest


@settings(max_examples=200)
@given(trees)
def test_random_manifests(tree: Any) -> None:
    assert tried(sealed(json.dumps(tree).encode(), made_files())) is None

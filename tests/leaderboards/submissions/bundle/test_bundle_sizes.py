"""Bundles that are larger than they say, or larger than anybody needs."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from bundles import made_bundle, made_files
from forge import archive, changed, contents, deflate, member, quoted, resealed, sealed

from leapbench.leaderboards.submissions.bundle.keys import SigningKey
from leapbench.leaderboards.submissions.bundle.manifest import MANIFEST
from leapbench.leaderboards.submissions.bundle.read import open_bundle
from leapbench.leaderboards.submissions.bundle.refusal import Refused
from leapbench.results import result

GOOD = made_bundle()
POLICY, FIRST = "code/policy.py", "results/seed-0.json"
SIGNED = made_bundle(key=SigningKey.generate())
MIB = 2**20
Made = Callable[[], bytes]
ZEROS = deflate(bytes(64 * MIB))


def of_kind(kind: str, file: str, data: bytes) -> bytes:
    """A bundle whose part is of some kind, with some content."""
    held = contents(GOOD)
    held.pop(POLICY)
    manifest = json.loads(held.pop(MANIFEST))
    part = manifest["parts"][0] | {"kind": kind, "file": file}
    part["entry"] = "Net" if kind == "weights" else ""
    return resealed(sealed(manifest, held), {file: data}, parts=[part])


def claims(size: int) -> bytes:
    manifest = json.loads(contents(GOOD)[MANIFEST])
    manifest["files"][POLICY]["bytes"] = size
    return sealed(manifest, made_files())


def header(size: int) -> bytes:
    return struct.pack("<Q", size)


BOMBS: dict[str, tuple[str, Made]] = {
    "manifest that inflates to more than it says": (
        "size",
        lambda: changed(GOOD, MANIFEST, data=ZEROS),
    ),
    "manifest that says that it is large": (
        "size",
        lambda: changed(GOOD, MANIFEST, data=ZEROS, size=64 * MIB, crc=0),
    ),
    "manifest of a little too much": ("size", lambda: sealed(b" " * (MIB + 1), made_files())),
    "manifest that says 4 GiB": ("size", lambda: changed(GOOD, MANIFEST, size=2**32 - 2)),
    "manifest that says 10 GiB for a file": ("size", lambda: claims(10 * 2**30)),
    "manifest with a number without end": ("manifest", lambda: claims(10**4000)),
    "file that inflates to more than it says": (
        "size",
        lambda: changed(GOOD, POLICY, data=ZEROS),
    ),
    "result that inflates to more than it says": (
        "size",
        lambda: changed(GOOD, FIRST, data=ZEROS),
    ),
    "code of 64 MiB": ("size", lambda: resealed(GOOD, {POLICY: b"#" * (64 * MIB)})),
    "code of a little too much": ("size", lambda: resealed(GOOD, {POLICY: b"#" * (MIB + 1)})),
    "result of a little too much": (
        "size",
        lambda: resealed(GOOD, {FIRST: b" " * (result.MAX_BYTES + 1)}),
    ),
    "graph of 64 MiB of nothing": (
        "size",
        lambda: of_kind("graph", "model/net.onnx", bytes(64 * MIB)),
    ),
    "many that are too much together": (
        "size",
        lambda: archive([member(f"f{n}", b"", data=ZEROS, size=64 * MIB) for n in range(9)]),
    ),
    "results that are too much together": (
        "size",
        lambda: resealed(
            GOOD,
            more := {f"results/seed-{n}.json": bytes(result.MAX_BYTES) for n in range(90)},
            results=list(more),
        ),
    ),
    "archive in an archive as code": ("parts", lambda: resealed(GOOD, {POLICY: quoted(GOOD)})),
    "archive in an archive as a result": ("results", lambda: resealed(GOOD, {FIRST: quoted(GOOD)})),
    "archive in an archive as weights": (
        "parts",
        lambda: of_kind("weights", "model/net.safetensors", quoted(GOOD)),
    ),
    "weights with a header of 100 GB": (
        "parts",
        lambda: of_kind("weights", "model/n.safetensors", header(10**11) + b"{}"),
    ),
    "weights with a header of 90 MB": (
        "parts",
        lambda: of_kind("weights", "model/n.safetensors", header(90 * 10**6) + b"{}"),
    ),
    "weights with a header of 2 MiB, otherwise sound": (
        "parts",
        lambda: of_kind("weights", "model/n.safetensors", header(2 * MIB) + b"{}".ljust(2 * MIB)),
    ),
    "weights without the tensors": (
        "parts",
        lambda: of_kind(
            "weights",
            "model/n.safetensors",
            header(64) + b'{"w":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'.ljust(64),
        ),
    ),
    "weights that are a pickle": (
        "parts",
        lambda: of_kind("weights", "model/n.safetensors", b"\x80\x04\x95" + bytes(40)),
    ),
    "no weights": ("parts", lambda: of_kind("weights", "model/n.safetensors", b"")),
    "code with a NUL": ("parts", lambda: resealed(GOOD, {POLICY: b"a = 1\0"})),
    "code in another encoding": ("parts", lambda: resealed(GOOD, {POLICY: b"# \xff\xfe"})),
}


@pytest.mark.parametrize("case", BOMBS)
def test_what_is_large_or_not_what_it_says(case: str, refused: Callable) -> None:
    check, made = BOMBS[case]
    assert refused(made()).check == check


def test_a_file_that_is_too_large_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leapbench.leaderboards.submissions.bundle.read.FILE_BYTES", 4 * MIB)
    path = tmp_path / "bundle.zip"
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse: a terabyte of nothing
    with pytest.raises(Refused, match="at most") as caught:
        open_bundle(path)
    assert caught.value.check == "size"


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("archive.UNPACKED_BYTES", "unpacked has"),
        ("archive.ENTRIES", "5 entries"),
        ("read.FILE_BYTES", "it has"),
        ("read.MANIFEST_BYTES", "manifest.json has"),
        ("read.SIGNATURE_BYTES", "signature.json has"),
        ("parts.CODE_BYTES", "policy.py' has"),
        ("parts.MAX_BYTES", "seed-0.json' has"),
        ("parts.RESULTS_BYTES", "results together"),
    ],
)
def test_every_limit_holds(
    limit: str, told: str, refused: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"leapbench.leaderboards.submissions.bundle.{limit}", 4)
    error = refused(SIGNED)
    assert error.check == "size"
    assert told in error.message


@pytest.mark.parametrize(
    ("limit", "told"), [("UNPACKED_BYTES", "bundle unpacked has"), ("FILE_BYTES", "bundle has")]
)
def test_what_is_too_large_is_not_packed(
    limit: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"leapbench.leaderboards.submissions.bundle.pack.{limit}", 100)
    with pytest.raises(Refused, match=told):
        made_bundle()

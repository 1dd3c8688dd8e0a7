"""Bundles that lie. Each is refused by name, in bounded memory, and leaves nothing."""

from __future__ import annotations

import json
import struct
import tempfile
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import CODE, made_bundle, made_files, made_manifest, made_result
from forge import (
    Member,
    added,
    archive,
    changed,
    contents,
    deflate,
    member,
    members,
    resealed,
    sealed,
)

from leapbench import result
from leapbench.leaderboards.bundle import refusal
from leapbench.leaderboards.bundle.manifest import MANIFEST
from leapbench.leaderboards.bundle.read import open_bundle
from leapbench.leaderboards.bundle.refusal import Refused

GOOD = made_bundle()
POLICY, FIRST = "code/policy.py", "results/seed-0.json"
MIB = 2**20
Made = Callable[[], bytes]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Refused]:
    """Opens a bundle that must be refused, and looks at what that left and took."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(work))

    def attempt(data: bytes) -> Refused:
        path = tmp_path / "bundle.zip"
        path.write_bytes(data)
        tracemalloc.start()
        try:
            with pytest.raises(Refused) as caught:
                open_bundle(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 8 * MIB, f"{peak} bytes"
        assert list(work.iterdir()) == []
        assert [file.name for file in sorted(tmp_path.iterdir())] == ["bundle.zip", "work"]
        assert len(caught.value.subject) == 64
        assert "\n" not in caught.value.message
        assert len(caught.value.message) < 1000
        return caught.value

    return attempt


def test_what_the_forger_leaves_alone_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    for good in (archive(members(GOOD)), changed(GOOD, POLICY, flags=0x800), resealed(GOOD, {})):
        path.write_bytes(good)
        assert len(open_bundle(path).results()) == 2
    stored = [replace(m, method=0, data=contents(GOOD)[m.name.decode()]) for m in members(GOOD)]
    path.write_bytes(archive(stored))
    assert open_bundle(path).read(POLICY) == CODE


NAMES: list[str | bytes] = [
    "../evil.py", "code/../../evil.py", "/etc/passwd", "//host/share", "C:/evil.py", "C:evil.py",
    "code\\policy.py", "..\\evil.py", "a\nb.py", "a\tb.py", "a\x7fb", "", ".", "..", "./a", "a//b",
    "code/", "code/.hidden", "~root/x", "a b", "caf\u00e9.py", "cafe\u0301.py", "\u202egnp.py",
    "\uff0e\uff0e/x", "\u2024\u2024/x", "x" * 201, b"nul\0.py", b"policy.py\0.txt", b"\x82.py",
    "a:b", "a*", "-rf", "a\u2044b", "results/seed-0.json/",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_could_lead_elsewhere(name: str | bytes, refused: Callable) -> None:
    flags = 0x800 if isinstance(name, str) and not name.isascii() else 0
    assert refused(added(GOOD, member(name, b"x", flags=flags))).check == "paths"


@pytest.mark.parametrize("name", ["../evil.py", "/abs.py", "a\\b.py", "caf\u00e9.py", "C:/a.py"])
def test_names_that_the_manifest_must_not_have_either(name: str, refused: Callable) -> None:
    manifest = json.loads(contents(GOOD)[MANIFEST])
    manifest["files"][name] = manifest["files"].pop(POLICY)
    manifest["parts"][0]["file"] = name
    assert refused(sealed(manifest, made_files(code=None) | {"x.py": CODE})).check == "manifest"


END = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)
LOCATOR = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
ZIP64_EXTRA = struct.pack("<2H2Q", 1, 16, 10 * 2**30, 10 * 2**30)
ZEROS = deflate(bytes(64 * MIB))


def swapped_end() -> bytes:
    """Another archive, whole, behind the first."""
    return GOOD + made_bundle(made_result(7))


def shifted() -> bytes:
    """A script in front, with every offset made right, as self-extracting files have it."""
    script = b"#!/bin/sh\nexit 1\n"
    found = members(GOOD)
    return archive(found, start=script)


def quoted() -> bytes:
    """Two entries that share data: the first quotes the header of the second in a stored block."""
    data = deflate(bytes(MIB))
    inner = Member(b"inner.py", data, MIB, zlib.crc32(bytes(MIB)))
    head = inner.head()
    block = struct.pack("<BHH", 0, len(head), len(head) ^ 0xFFFF)
    whole = head + bytes(MIB)
    outer = Member(b"outer.py", block + head + data, len(whole), zlib.crc32(whole))
    others = members(GOOD)
    body = sum(len(m.head()) + len(m.data) for m in others)
    start = body + len(outer.head()) + len(block)
    packed = archive([*others, outer])
    # The record of the second points into the first; nothing is written for it.
    cut = struct.unpack("<L", packed[-6:-2])[0]
    records = packed[cut:-22] + inner.record(start)
    count = len(others) + 2
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(records), cut, 0)
    return packed[:cut] + records + end


ARCHIVES: dict[str, tuple[str, Made]] = {
    "nothing": ("archive", lambda: b""),
    "text": ("archive", lambda: b"not an archive at all, only some words"),
    "empty archive": ("manifest", lambda: END),
    "half of it": ("archive", lambda: GOOD[: len(GOOD) // 2]),
    "last byte gone": ("archive", lambda: GOOD[:-1]),
    "first byte gone": ("layout", lambda: GOOD[1:]),
    "trailing byte": ("archive", lambda: GOOD + b"\0"),
    "trailing program": ("archive", lambda: GOOD + b"MZ" + bytes(1000)),
    "leading program": ("layout", lambda: b"MZ" + bytes(1000) + GOOD),
    "leading script, offsets right": ("layout", shifted),
    "archive behind archive": ("layout", swapped_end),
    "image in front": ("layout", lambda: b"\x89PNG\r\n\x1a\n" + GOOD),
    "data before the directory": (
        "layout",
        lambda: archive(members(GOOD), before_directory=b"hidden"),
    ),
    "data after the directory": ("layout", lambda: archive(members(GOOD), before_end=b"hidden")),
    "gap between entries": ("layout", lambda: changed(GOOD, POLICY, gap=b"hidden")),
    "comment": ("archive", lambda: archive(members(GOOD), comment=b"hello")),
    "huge comment": ("archive", lambda: archive(members(GOOD), comment=b"PK\5\6" * 16_000)),
    "comment that is an end": ("layout", lambda: archive(members(GOOD), comment=END)),
    "comment that is cut off": ("archive", lambda: archive(members(GOOD), comment=b"") + b"x" * 9),
    "several volumes": ("archive", lambda: archive(members(GOOD), disk=1)),
    "fewer entries than there are": ("archive", lambda: archive(members(GOOD), count=2, here=2)),
    "more entries than there are": ("archive", lambda: archive(members(GOOD), count=9, here=9)),
    "directory elsewhere": ("layout", lambda: archive(members(GOOD), offset=0)),
    "directory without end": ("archive", lambda: archive(members(GOOD), length=2**32 - 1)),
    "directory of a gigabyte": ("size", lambda: archive(members(GOOD), length=2**30)),
    "ZIP64 by count": ("archive", lambda: archive(members(GOOD), count=0xFFFF, here=0xFFFF)),
    "ZIP64 locator": ("archive", lambda: archive(members(GOOD), before_end=LOCATOR)),
    "ZIP64 sizes": (
        "archive",
        lambda: changed(GOOD, POLICY, size=0xFFFFFFFF, packed=0xFFFFFFFF, extra=ZIP64_EXTRA),
    ),
    "broken extra field": ("archive", lambda: changed(GOOD, POLICY, extra=b"\1\0\xff\xff1")),
    "extra field": ("archive", lambda: changed(GOOD, POLICY, extra=b"UT\1\0x")),
    "extra field in front of the data": (
        "layout",
        lambda: changed(GOOD, POLICY, local={"extra": b"UT\1\0x"}),
    ),
    "comment of an entry": ("archive", lambda: changed(GOOD, POLICY, comment=b"hello")),
    "sizes behind the data": ("archive", lambda: changed(GOOD, POLICY, flags=0x8)),
    "encrypted": ("encryption", lambda: changed(GOOD, POLICY, flags=0x1)),
    "strongly encrypted": ("encryption", lambda: changed(GOOD, POLICY, flags=0x41)),
    "encrypted in one header only": ("layout", lambda: changed(GOOD, POLICY, local={"flags": 1})),
    "bzip2": ("compression", lambda: changed(GOOD, POLICY, method=12)),
    "LZMA": ("compression", lambda: changed(GOOD, POLICY, method=14)),
    "Deflate64": ("compression", lambda: changed(GOOD, POLICY, method=9)),
    "AES": ("compression", lambda: changed(GOOD, POLICY, method=99)),
    "other method in its own header": (
        "layout",
        lambda: changed(GOOD, POLICY, local={"method": 0}),
    ),
    "other name in its own header": (
        "layout",
        lambda: changed(GOOD, POLICY, local={"name": b"code/policX.py"}),
    ),
    "other size in its own header": ("layout", lambda: changed(GOOD, POLICY, local={"size": 5})),
    "symbolic link": ("modes", lambda: changed(GOOD, POLICY, mode=0o120777 << 16)),
    "folder by mode": ("modes", lambda: changed(GOOD, POLICY, mode=0o040755 << 16)),
    "folder by attribute": ("modes", lambda: changed(GOOD, POLICY, mode=0x10)),
    "device": ("modes", lambda: changed(GOOD, POLICY, mode=0o020666 << 16)),
    "pipe": ("modes", lambda: changed(GOOD, POLICY, mode=0o010666 << 16)),
    "runs as its owner": ("modes", lambda: changed(GOOD, POLICY, mode=0o104755 << 16)),
    "one name twice": ("duplicates", lambda: added(GOOD, member(POLICY, b"evil"))),
    "one name in two cases": ("duplicates", lambda: added(GOOD, member("CODE/Policy.PY", b"evil"))),
    "two manifests": ("duplicates", lambda: added(GOOD, member(MANIFEST, b"{}"))),
    "one entry in another": ("layout", quoted),
    "two entries on one header": ("layout", lambda: added(GOOD, member("x", b"x", offset=0))),
    "entry that is not there": ("layout", lambda: added(GOOD, member("x", b"x", offset=2**31))),
    "more entries than allowed": (
        "size",
        lambda: archive([member(f"f{n}", b"", data=b"") for n in range(refusal.ENTRIES + 1)]),
    ),
    "wrong CRC": ("hashes", lambda: changed(GOOD, POLICY, crc=1)),
    "not deflated": ("archive", lambda: changed(GOOD, POLICY, data=b"\xff" * 30)),
    "deflated data cut off": (
        "archive",
        lambda: changed(GOOD, POLICY, data=deflate(CODE)[:-3]),
    ),
    "data after deflated data": (
        "layout",
        lambda: changed(GOOD, POLICY, data=deflate(CODE) + b"hidden"),
    ),
    "stored data of another size": ("size", lambda: changed(GOOD, POLICY, method=0)),
    "no data": ("archive", lambda: changed(GOOD, POLICY, data=b"")),
}  # fmt: skip


@pytest.mark.parametrize("case", ARCHIVES)
def test_archives_that_two_programs_could_read_differently(case: str, refused: Callable) -> None:
    check, made = ARCHIVES[case]
    assert refused(made()).check == check


def graph(data: bytes) -> dict[str, object]:
    """Fields of a manifest with a graph part; its content is nobody's business here."""
    found = made_manifest(made_files()).model_dump(mode="json")
    found["parts"][0] |= {"kind": "graph", "entry": "", "file": "model/net.onnx"}
    return found


def of_kind(kind: str, file: str, data: bytes) -> bytes:
    fields = graph(b"")["parts"][0] | {"kind": kind, "file": file}
    fields["entry"] = "Net" if kind == "weights" else ""
    held = contents(GOOD)
    held.pop(POLICY)
    held.pop(MANIFEST)
    bundle = sealed(json.loads(contents(GOOD)[MANIFEST]), held)
    return resealed(bundle, {file: data}, parts=[fields])


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
    "archive in an archive as code": ("parts", lambda: resealed(GOOD, {POLICY: quoted()})),
    "archive in an archive as a result": ("results", lambda: resealed(GOOD, {FIRST: quoted()})),
    "archive in an archive as weights": (
        "parts",
        lambda: of_kind("weights", "model/net.safetensors", quoted()),
    ),
    "weights with a header of 100 GB": (
        "parts",
        lambda: of_kind("weights", "model/n.safetensors", header(10**11) + b"{}"),
    ),
    "weights with a header of 90 MB": (
        "parts",
        lambda: of_kind("weights", "model/n.safetensors", header(90 * 10**6) + b"{}"),
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
    monkeypatch.setattr("leapbench.leaderboards.bundle.read.FILE_BYTES", 4 * MIB)
    path = tmp_path / "bundle.zip"
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse: a terabyte of nothing
    with pytest.raises(Refused, match="at most") as caught:
        open_bundle(path)
    assert caught.value.check == "size"


@pytest.mark.parametrize("share", [n / 23 for n in range(23)])
def test_cut_off_anywhere(share: float, refused: Callable) -> None:
    assert refused(GOOD[: int(len(GOOD) * share)]).check == "archive"

"""Bundles that lie. Each is refused by name, in bounded memory, and leaves nothing."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import CODE, made_bundle, made_files, made_result
from forge import (
    added,
    archive,
    changed,
    contents,
    deflate,
    member,
    members,
    quoted,
    resealed,
    sealed,
)

from leapbench.leaderboards.submissions.bundle import refusal
from leapbench.leaderboards.submissions.bundle.manifest import MANIFEST
from leapbench.leaderboards.submissions.bundle.read import open_bundle

GOOD = made_bundle()
POLICY, FIRST = "code/policy.py", "results/seed-0.json"
Made = Callable[[], bytes]


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


def swapped_end() -> bytes:
    """Another archive, whole, behind the first."""
    return GOOD + made_bundle(made_result(7))


def shifted() -> bytes:
    """A script in front, with every offset made right, as self-extracting files have it."""
    script = b"#!/bin/sh\nexit 1\n"
    found = members(GOOD)
    return archive(found, start=script)


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
    "one entry in another": ("layout", lambda: quoted(GOOD)),
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


@pytest.mark.parametrize("share", [n / 23 for n in range(23)])
def test_cut_off_anywhere(share: float, refused: Callable) -> None:
    assert refused(GOOD[: int(len(GOOD) * share)]).check == "archive"

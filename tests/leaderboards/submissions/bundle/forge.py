"""Archives in which every field can lie."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

from leapbench.leaderboards.submissions.bundle.manifest import MANIFEST, SIGNATURE
from leapbench.leaderboards.submissions.bundle.pack import described

REGULAR = 0o100644 << 16


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


@dataclass(frozen=True)
class Member:
    """One entry as it is to be written; `local` overrides what its own header says."""

    name: bytes
    data: bytes
    size: int
    crc: int
    method: int = 8
    flags: int = 0
    extra: bytes = b""
    comment: bytes = b""
    mode: int = REGULAR
    packed: int | None = None
    offset: int | None = None
    local: dict[str, Any] = field(default_factory=dict)
    gap: bytes = b""

    def head(self) -> bytes:
        """The local header."""
        said = {"flags": self.flags, "method": self.method, "crc": self.crc, "size": self.size}
        said |= {"packed": self.length, "name": self.name, "extra": b""} | self.local
        numbers = (said["flags"], said["method"], 0, 33, said["crc"], said["packed"], said["size"])
        lengths = (len(said["name"]), len(said["extra"]))
        packed = struct.pack("<4s5H3L2H", b"PK\3\4", 20, *numbers, *lengths)
        return packed + said["name"] + said["extra"]

    @property
    def length(self) -> int:
        return len(self.data) if self.packed is None else self.packed

    def record(self, offset: int) -> bytes:
        """The record in the directory."""
        return (
            struct.pack(
                "<4s4B4HL2L5H2L",
                b"PK\1\2", 20, 3, 20, 0, self.flags, self.method, 0, 33, self.crc, self.length,
                self.size, len(self.name), len(self.extra), len(self.comment), 0, 0, self.mode,
                offset if self.offset is None else self.offset,
            )
            + self.name + self.extra + self.comment
        )  # fmt: skip


def member(name: str | bytes, plain: bytes, /, **changes: Any) -> Member:
    raw = name.encode() if isinstance(name, str) else name
    made = Member(raw, deflate(plain), len(plain), zlib.crc32(plain))
    return replace(made, **changes)


def archive(
    members: list[Member],
    *,
    start: bytes = b"",
    before_directory: bytes = b"",
    before_end: bytes = b"",
    after: bytes = b"",
    comment: bytes = b"",
    **end: int,
) -> bytes:
    """An archive of members, one after the other."""
    body, records = start, b""
    for one in members:
        offset = len(body)
        body += one.head() + one.data + one.gap
        records += one.record(offset)
    body += before_directory
    said = {"count": len(members), "here": len(members), "length": len(records), "disk": 0}
    said |= {"offset": len(body), "comment": len(comment)} | end
    order = ("disk", "disk", "here", "count", "length", "offset", "comment")
    tail = struct.pack("<4s4H2LH", b"PK\5\6", *(said[key] for key in order))
    return body + records + before_end + tail + comment + after


def contents(bundle: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(bundle)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def members(bundle: bytes) -> list[Member]:
    return [member(name, data) for name, data in contents(bundle).items()]


def changed(bundle: bytes, name: str, **changes: Any) -> bytes:
    """The bundle with one entry's fields changed."""
    return archive(
        [replace(m, **changes) if m.name == name.encode() else m for m in members(bundle)]
    )


def added(bundle: bytes, *more: Member, **end: Any) -> bytes:
    return archive([*members(bundle), *more], **end)


def resealed(bundle: bytes, files: dict[str, bytes], **changes: Any) -> bytes:
    """The bundle with other files and fields, its manifest's hashes made right again."""
    held = contents(bundle)
    manifest = json.loads(held.pop(MANIFEST))
    held.pop(SIGNATURE, None)
    held |= files
    hashes = {name: one.model_dump() for name, one in described(held).items()}
    return sealed(manifest | {"files": hashes} | changes, held)


def sealed(manifest: dict[str, Any] | bytes, files: dict[str, bytes]) -> bytes:
    """Any manifest, valid or not, with any files."""
    if not isinstance(manifest, bytes):
        manifest = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    return archive([member(n, d) for n, d in sorted({**files, MANIFEST: manifest}.items())])


def quoted(bundle: bytes) -> bytes:
    """A bundle and two entries that share data: one quotes the header of the other.

    D. Fifield, "A better zip bomb", WOOT 2019, section 3.
    """
    data = deflate(bytes(2**20))
    inner = Member(b"inner.py", data, 2**20, zlib.crc32(bytes(2**20)))
    head = inner.head()
    block = struct.pack("<BHH", 0, len(head), len(head) ^ 0xFFFF)
    whole = head + bytes(2**20)
    outer = Member(b"outer.py", block + head + data, len(whole), zlib.crc32(whole))
    others = members(bundle)
    body = sum(len(m.head()) + len(m.data) for m in others)
    start = body + len(outer.head()) + len(block)
    packed = archive([*others, outer])
    # The record of the second points into the first; nothing is written for it.
    cut = struct.unpack("<L", packed[-6:-2])[0]
    records = packed[cut:-22] + inner.record(start)
    count = len(others) + 2
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(records), cut, 0)
    return packed[:cut] + records + end

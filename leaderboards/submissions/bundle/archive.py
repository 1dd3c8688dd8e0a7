"""ZIP archives of strangers, read strictly and never unpacked by their own names.

`zipfile` reads the directory. What it tolerates is refused here: two programs
could see different content in such a file. Entries lie one after the other from
the first byte to the directory, and every local header says what the directory
says. Data is inflated in pieces, so that what a header claims costs nothing.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from leapbench.leaderboards.submissions.bundle.manifest import FILE_NAME
from leapbench.leaderboards.submissions.bundle.refusal import (
    ENTRIES,
    RATIO,
    RATIO_FREE_BYTES,
    UNPACKED_BYTES,
    Refused,
    limit,
)

CHUNK = 2**16  # bytes read or inflated at once
NAME_BYTES = 200  # bytes of a name
ENCRYPTED = 0x1 | 0x40 | 0x2000  # flag bits: encrypted, strongly, with a masked directory
UTF8 = 0x800  # flag bit; makes no difference to ASCII names
END = struct.Struct("<4s4H2LH")  # end of central directory
CENTRAL = struct.Struct("<4s4B4HL2L5H2L")  # one record of the central directory
LOCAL = struct.Struct("<4s5H3L2H")  # local file header
ZIP64 = struct.Struct("<4sLQL")  # locator of a ZIP64 directory, before END


@dataclass(frozen=True)
class ArchiveEntry:
    """One file of an archive.

    Attributes:
        name: relative POSIX path in ASCII.
        start: offset of its data, in bytes.
        packed: bytes of its data in the archive.
        size: bytes that it says it has when unpacked.
        deflated: whether the data is deflated; else it is stored.
        crc: CRC-32 that it says it has.
    """

    name: str
    start: int
    packed: int
    size: int
    deflated: bool
    crc: int


def entries(file: BinaryIO) -> dict[str, ArchiveEntry]:
    """The entries of an archive by name, after every check that needs no inflating.

    Args:
        file: the archive, open for reading.

    Raises:
        Refused: with the check "archive", "paths", "duplicates", "modes",
            "encryption", "compression", "layout" or "size".
    """
    count, directory = _end(file)
    try:
        with ZipFile(file) as archive:
            found = archive.infolist()
    except (BadZipFile, NotImplementedError, ValueError, struct.error, EOFError) as error:
        raise Refused("archive", f"its directory is broken: {error}.") from None
    if len(found) != count:
        raise Refused("archive", f"its directory has {len(found)} entries and claims {count}.")
    for info in found:
        _check(info)
    _distinct([info.filename for info in found])
    _sizes(found, directory)
    return {info.filename: entry for info, entry in _laid_out(file, found, directory)}


def contents(file: BinaryIO, entry: ArchiveEntry) -> Iterator[bytes]:
    """The data of an entry in pieces of at most `CHUNK` bytes.

    Raises:
        Refused: when there is more or less than it says ("size"), it does not
            inflate ("archive"), or its CRC is wrong ("hashes").
    """
    size = crc = 0
    file.seek(entry.start)
    for piece in _inflated(file, entry) if entry.deflated else _stored(file, entry):
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        limit(f"{entry.name!r}", size, entry.size)
        yield piece
    if size < entry.size:
        raise Refused("size", f"{entry.name!r} claims {entry.size:,} bytes and has {size:,}.")
    if crc != entry.crc:
        raise Refused("hashes", f"the CRC of {entry.name!r} is wrong.")


def _end(file: BinaryIO) -> tuple[int, int]:
    """Number of entries and offset of the directory, from the last bytes of the file."""
    total = file.seek(0, os.SEEK_END)
    size = min(total, END.size + ZIP64.size)
    file.seek(total - size)
    tail = file.read(size)
    if len(tail) < END.size or tail[-END.size :][:4] != b"PK\5\6":
        raise Refused("archive", "it does not end as a ZIP archive does: cut off, or no archive.")
    _, disk, other, here, count, length, offset, comment = END.unpack(tail[-END.size :])
    if tail[:4] == b"PK\6\7" or 0xFFFF in (here, count) or 0xFFFFFFFF in (length, offset):
        raise Refused("archive", "it uses ZIP64, which no bundle needs.")
    if comment or disk or other or here != count:
        raise Refused("archive", "it has a comment or several volumes.")
    limit("it", count, ENTRIES, "entries")
    limit("its directory", length, ENTRIES * (CENTRAL.size + NAME_BYTES))
    if offset + length + END.size != total:
        raise Refused("layout", "there is data before, between or after the parts of the archive.")
    return count, offset


def _check(info: ZipInfo) -> None:
    """One record of the directory."""
    name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
    if len(name) > NAME_BYTES or not re.fullmatch(FILE_NAME, name):
        raise Refused("paths", f"the name {name[:NAME_BYTES]!r} is not a plain relative path.")
    if kind not in (0, stat.S_IFREG) or info.external_attr & 0x10:
        raise Refused("modes", f"{name!r} is not a regular file.")
    if info.external_attr >> 16 & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
        raise Refused("modes", f"{name!r} has a special mode.")
    if info.flag_bits & ENCRYPTED:
        raise Refused("encryption", f"{name!r} is encrypted.")
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise Refused("compression", f"{name!r} is neither stored nor deflated.")
    if info.flag_bits & ~UTF8 or info.extra or info.comment or info.volume:
        raise Refused("archive", f"{name!r} has flags, fields or comments that no bundle needs.")


def _distinct(names: Sequence[str]) -> None:
    """No name twice, on file systems that ignore case neither (all names are ASCII)."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise Refused("duplicates", f"{name!r} is there twice.")
        seen.add(name.lower())


def _sizes(found: Sequence[ZipInfo], packed: int) -> None:
    """What the entries claim to unpack to; `contents` holds them to it."""
    total = sum(info.file_size for info in found)
    limit("it unpacked", total, UNPACKED_BYTES)
    limit("it unpacked", total, max(RATIO_FREE_BYTES, RATIO * packed))


def _laid_out(
    file: BinaryIO, found: Sequence[ZipInfo], end: int
) -> Iterator[tuple[ZipInfo, ArchiveEntry]]:
    """The entries where they lie, one after the other without gap or overlap."""
    position = 0
    for info in sorted(found, key=lambda info: info.header_offset):
        name = info.filename.encode()
        start = position + LOCAL.size + len(name)
        if info.header_offset != position or start + info.compress_size > end:
            raise Refused("layout", f"{info.filename!r} overlaps another entry or leaves a gap.")
        file.seek(position)
        header = file.read(LOCAL.size + len(name))
        local = LOCAL.unpack(header[: LOCAL.size])
        numbers = (info.CRC, info.compress_size, info.file_size, len(name), 0)
        same = (
            local[2] == info.flag_bits and local[3] == info.compress_type and local[6:] == numbers
        )
        if local[0] != b"PK\3\4" or header[LOCAL.size :] != name or not same:
            raise Refused("layout", f"the local header of {info.filename!r} says something else.")
        deflated = info.compress_type == ZIP_DEFLATED
        yield (
            info,
            ArchiveEntry(
                info.filename, start, info.compress_size, info.file_size, deflated, info.CRC
            ),
        )
        position = start + info.compress_size
    if position != end:
        raise Refused("layout", "there is data between the entries and their directory.")


def _stored(file: BinaryIO, entry: ArchiveEntry) -> Iterator[bytes]:
    left = entry.packed
    while left:
        piece = file.read(min(CHUNK, left))
        if not piece:
            raise Refused("archive", f"{entry.name!r} is cut off.")
        left -= len(piece)
        yield piece


def _inflated(file: BinaryIO, entry: ArchiveEntry) -> Iterator[bytes]:
    """Deflated data, which must end exactly where the entry ends."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    packed = _stored(file, entry)
    while not inflate.eof:
        data = inflate.unconsumed_tail or next(packed, b"")
        try:
            piece = inflate.decompress(data, CHUNK)
        except zlib.error as error:
            raise Refused("archive", f"{entry.name!r} does not inflate: {error}.") from None
        if piece:
            yield piece
        elif not data:
            raise Refused("archive", f"{entry.name!r} is cut off.")
    if inflate.unused_data or next(packed, b""):
        raise Refused("layout", f"there is data after the end of {entry.name!r}.")

"""Opens bundles of strangers: everything is verified before anything is believed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from leapbench.errors import UserError, unknown
from leapbench.leaderboards.submissions.bundle.archive import ArchiveEntry, contents, entries
from leapbench.leaderboards.submissions.bundle.manifest import MANIFEST, SIGNATURE, Manifest
from leapbench.leaderboards.submissions.bundle.parts import check_limits, check_part, checked
from leapbench.leaderboards.submissions.bundle.refusal import (
    FILE_BYTES,
    MANIFEST_BYTES,
    SIGNATURE_BYTES,
    Refused,
    limit,
)
from leapbench.leaderboards.submissions.bundle.signature import signer
from leapbench.leaderboards.verdict import Check
from leapbench.results.result import Result

LONGEST = 500  # characters of a message, which may quote what strangers wrote


@dataclass(frozen=True)
class Bundle:
    """A bundle that passed every check.

    Attributes:
        path: the file.
        id: SHA-256 of the file, 64 hexadecimal digits.
        size: bytes of the file.
        manifest: what it says about itself.
        signed_by: fingerprint of the key; empty for an unsigned bundle.
        checks: what was looked at, for verdicts.
    """

    path: Path
    id: str
    size: int
    manifest: Manifest
    signed_by: str
    checks: tuple[Check, ...]
    _entries: Mapping[str, ArchiveEntry] = field(repr=False)
    _results: tuple[Result, ...] = field(repr=False)

    def results(self) -> list[Result]:
        """The results in the manifest's order, validated when the bundle was opened."""
        return list(self._results)

    def read(self, name: str) -> bytes:
        """Content of one file, verified again.

        Raises:
            UserError: when the manifest names no such file.
            Refused: when the bundle changed since it was opened.
        """
        return b"".join(self._chunks(name))

    def write(self, name: str, target: Path) -> None:
        """Write one verified file to `target`, which is there whole or not at all.

        Raises:
            UserError: when the manifest names no such file.
            Refused: when the bundle changed since it was opened.
        """
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with partial.open("wb") as file:
                file.writelines(self._chunks(name))
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def _chunks(self, name: str) -> Iterator[bytes]:
        if name not in self.manifest.files:
            raise unknown("file in the bundle", name, self.manifest.files)
        try:
            with self.path.open("rb") as file:
                yield from _verified(file, name, self.manifest, self._entries)
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error.strerror}.") from None


def open_bundle(path: Path) -> Bundle:
    """Open and verify a bundle.

    Memory and time are bounded by the limits in `refusal.py`, whatever the
    headers claim. Nothing is unpacked to disk but weights, to a temporary file
    for the moment in which their header is read.

    Raises:
        UserError: when the file cannot be read.
        Refused: when something about it is wrong; `check` names what.
    """
    subject = ""
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Refused("archive", "it is not a regular file.")
            subject, size = _hashed(file)
            limit("it", size, FILE_BYTES)
            return _opened(path, file, subject, size)
    except Refused as error:
        message = (
            error.message if len(error.message) <= LONGEST else f"{error.message[:LONGEST]}..."
        )
        raise Refused(error.check, f"{path} is refused: {message}", error.hint, subject) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{str(path)!r} cannot be read: {why}.") from None


def _hashed(file: BinaryIO) -> tuple[str, int]:
    """SHA-256 and size of the file, as far as it may be read."""
    digest, size = hashlib.sha256(), 0
    while size <= FILE_BYTES and (piece := file.read(2**20)):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def _opened(path: Path, file: BinaryIO, identity: str, size: int) -> Bundle:
    held = entries(file)
    manifest = _manifest(file, held)
    _check_files(held, manifest)
    signed_by = ""
    if SIGNATURE in held:
        limit(SIGNATURE, held[SIGNATURE].size, SIGNATURE_BYTES)
        signature = b"".join(contents(file, held[SIGNATURE]))
        signed_by = signer(manifest.text(), signature)
    for part in manifest.parts:
        if part.file:
            check_part(part, _verified(file, part.file, manifest, held))
            if manifest.files[part.file].sha256[:16] != part.file_hash:
                raise Refused("parts", f"{part.file!r} is not what {part.name!r} was made from.")
    texts = {n: b"".join(_verified(file, n, manifest, held)) for n in manifest.results}
    results = checked(manifest, texts)
    passed = (
        ("archive", f"{len(held)} files in {size:,} bytes"),
        ("manifest", f"{manifest.task} {manifest.tier} {manifest.agent}"),
        ("hashes", f"{len(manifest.files)} files"),
        ("signature", signed_by or "unsigned"),
        ("parts", " + ".join(f"{part.name} ({part.kind})" for part in manifest.parts)),
        ("results", f"{len(results)} seeds"),
    )
    checks = tuple(Check(name=name, passed=True, detail=detail) for name, detail in passed)
    return Bundle(path, identity, size, manifest, signed_by, checks, held, results)


def _manifest(file: BinaryIO, held: Mapping[str, ArchiveEntry]) -> Manifest:
    if MANIFEST not in held:
        raise Refused("manifest", f"it has no {MANIFEST}.")
    limit(MANIFEST, held[MANIFEST].size, MANIFEST_BYTES)
    data = b"".join(contents(file, held[MANIFEST]))
    try:
        manifest = Manifest.model_validate_json(data)
        same = manifest.text() == data
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(p)[:40] for p in first["loc"]) or "content"
        raise Refused("manifest", f"its manifest is not valid: {where}: {first['msg']}.") from None
    if not same:  # a key twice, for one, could mean two things to two readers
        raise Refused("manifest", "its manifest is not in canonical form.")
    return manifest


def _check_files(held: Mapping[str, ArchiveEntry], manifest: Manifest) -> None:
    """The files are those of the manifest, and no larger than their kind may be."""
    present, named = held.keys() - {MANIFEST, SIGNATURE}, manifest.files.keys()
    if present != named:
        wrong = sorted(present ^ named)[0]
        which = "that the manifest does not name" if wrong in present else "missing"
        raise Refused("files", f"the file {wrong!r} is {which}.")
    for name, file in manifest.files.items():
        if file.bytes != held[name].size:
            raise Refused(
                "size",
                f"{name!r} has {held[name].size:,} bytes, the manifest says {file.bytes:,}.",
            )
    check_limits(manifest)


def _verified(
    file: BinaryIO, name: str, manifest: Manifest, held: Mapping[str, ArchiveEntry]
) -> Iterator[bytes]:
    """Content of a file in pieces; the last step fails when the hash is wrong."""
    digest = hashlib.sha256()
    for piece in contents(file, held[name]):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != manifest.files[name].sha256:
        raise Refused("hashes", f"{name!r} has another hash than the manifest says.")

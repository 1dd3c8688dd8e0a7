"""Writes a bundle: equal content and key give equal bytes, for one build of zlib."""

from __future__ import annotations

import hashlib
import io
import stat
from collections.abc import Mapping
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.archive import entries
from leapbench.leaderboards.submissions.bundle.keys import SigningKey
from leapbench.leaderboards.submissions.bundle.manifest import (
    MANIFEST,
    SIGNATURE,
    BundleFile,
    Manifest,
)
from leapbench.leaderboards.submissions.bundle.refusal import FILE_BYTES, UNPACKED_BYTES, limit
from leapbench.leaderboards.submissions.bundle.signature import sign

LEVEL = 6
EPOCH = (1980, 1, 1, 0, 0, 0)
MODE = stat.S_IFREG | 0o644


def described(files: Mapping[str, bytes]) -> dict[str, BundleFile]:
    """Size and hash of each file, as `Manifest.files` wants them."""
    return {
        name: BundleFile(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        for name, data in sorted(files.items())
    }


def pack(manifest: Manifest, files: Mapping[str, bytes], key: SigningKey | None = None) -> bytes:
    """One file with the manifest, everything that it names and perhaps a signature.

    Args:
        manifest: what the bundle says about itself.
        files: content by path, as in `manifest.files`.
        key: signs the manifest; None for an unsigned bundle.

    Raises:
        UserError: when the files are not those of the manifest, or too large.
    """
    if described(files) != dict(manifest.files):
        raise UserError("The files are not those that the manifest names, with their hashes.")
    limit("the bundle unpacked", sum(map(len, files.values())), UNPACKED_BYTES)
    text = manifest.text()
    signature = {SIGNATURE: sign(text, key)} if key else {}
    held = {**files, MANIFEST: text, **signature}
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name in sorted(held):
            info = ZipInfo(name, date_time=EPOCH)
            info.create_system, info.external_attr = 3, MODE << 16
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, held[name], compresslevel=LEVEL)
    limit("the bundle", buffer.tell(), FILE_BYTES)
    entries(buffer)  # what is written can be read
    return buffer.getvalue()

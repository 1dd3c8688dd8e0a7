"""Signature of a manifest, which in turn holds the hash of every file."""

from __future__ import annotations

import base64
import binascii
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from leapbench.contract.frozen import Frozen
from leapbench.contract.task import canonical
from leapbench.leaderboards.submissions.bundle.keys import SigningKey, fingerprint, raw
from leapbench.leaderboards.submissions.bundle.refusal import Refused

PREFIX = b"leapbench bundle v1\0"  # a signature of something else never fits a bundle


class Signature(Frozen):
    """`signature.json` of a bundle.

    Attributes:
        algorithm: "ed25519".
        public_key: its 32 bytes in base64.
        signature: 64 bytes over the prefix and the manifest's bytes, in base64.
    """

    algorithm: Literal["ed25519"]
    public_key: str
    signature: str

    def text(self) -> bytes:
        """The bytes of `signature.json`."""
        return canonical(self.model_dump(mode="json")).encode()


def sign(manifest: bytes, key: SigningKey) -> bytes:
    """The bytes of `signature.json` for the bytes of `manifest.json`."""
    made = Signature(
        algorithm="ed25519",
        public_key=base64.b64encode(raw(key.public_key())).decode(),
        signature=base64.b64encode(key.sign(PREFIX + manifest)).decode(),
    )
    return made.text()


def signer(manifest: bytes, signature: bytes) -> str:
    """Fingerprint of the key that signed.

    Raises:
        Refused: with the check "signature", when it is malformed or wrong.
    """
    try:
        found = Signature.model_validate_json(signature)
        # One spelling alone: else the same bundle could be sent again as another.
        if found.text() != signature:
            raise ValueError
        key = Ed25519PublicKey.from_public_bytes(_decoded(found.public_key))
        proof = _decoded(found.signature)
    except (ValidationError, ValueError):
        raise Refused("signature", "its signature.json is malformed.") from None
    try:
        key.verify(proof, PREFIX + manifest)
    except InvalidSignature:
        raise Refused("signature", "its signature does not fit its manifest.") from None
    return fingerprint(key)


def _decoded(text: str) -> bytes:
    """Base64 in its one canonical spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError from None
    if base64.b64encode(data).decode() != text:
        raise ValueError
    return data

"""Signatures that hold, and the ways in which they do not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bundles import made_bundle, made_result
from forge import archive, contents, member, resealed

from leapbench.contract.task import canonical
from leapbench.leaderboards.submissions.bundle.keys import SigningKey, fingerprint
from leapbench.leaderboards.submissions.bundle.manifest import MANIFEST, SIGNATURE
from leapbench.leaderboards.submissions.bundle.read import open_bundle
from leapbench.leaderboards.submissions.bundle.signature import PREFIX

GOOD = made_bundle()
POLICY = "code/policy.py"
ADA, BOB = SigningKey.from_private_bytes(b"a" * 32), SigningKey.from_private_bytes(b"b" * 32)


def signed(text: bytes, key: SigningKey = ADA, bundle: bytes = GOOD, **fields: Any) -> bytes:
    """`bundle` with a signature by `key` of `text`, with other fields."""
    found: dict[str, Any] = {
        "algorithm": "ed25519",
        "public_key": base64.b64encode(key.public_key().public_bytes_raw()).decode(),
        "signature": base64.b64encode(key.sign(text)).decode(),
    }
    return with_signature(canonical(found | fields).encode(), bundle)


def with_signature(signature: bytes, bundle: bytes = GOOD) -> bytes:
    held = contents(bundle) | {SIGNATURE: signature}
    return archive([member(n, d) for n, d in sorted(held.items())])


MANIFEST_TEXT = contents(GOOD)[MANIFEST]
SIGNED = contents(made_bundle(key=ADA))[SIGNATURE]


def test_a_signature_by_whoever_holds_the_key(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    for key in (ADA, BOB):
        path.write_bytes(signed(PREFIX + MANIFEST_TEXT, key))
        assert open_bundle(path).signed_by == fingerprint(key.public_key())
    assert fingerprint(ADA.public_key()) != fingerprint(BOB.public_key())
    path.write_bytes(GOOD)
    assert open_bundle(path).signed_by == ""


@pytest.mark.parametrize(
    "bundle",
    [
        signed(MANIFEST_TEXT),  # of the manifest alone, as it might stand elsewhere
        signed(PREFIX + b"{}"),
        signed(b"leapbench bundle v2\0" + MANIFEST_TEXT),
        with_signature(contents(made_bundle(made_result(9), key=ADA))[SIGNATURE]),  # swapped
        signed(
            PREFIX + MANIFEST_TEXT,
            public_key=base64.b64encode(BOB.public_key().public_bytes_raw()).decode(),
        ),
        signed(PREFIX + MANIFEST_TEXT, signature=base64.b64encode(bytes(64)).decode()),
        signed(PREFIX + MANIFEST_TEXT, signature=""),
        signed(PREFIX + MANIFEST_TEXT, public_key="AAAA"),
        signed(PREFIX + MANIFEST_TEXT, public_key="no base64"),
        signed(PREFIX + MANIFEST_TEXT, algorithm="none"),
        signed(PREFIX + MANIFEST_TEXT, note="more"),
        with_signature(SIGNED + b"\n"),  # the same, spelled otherwise
        with_signature(SIGNED.replace(b'"algorithm":', b'"algorithm": ')),
        with_signature(b""),
        with_signature(b"[]"),
    ],
)
def test_signatures_that_do_not_hold(bundle: bytes, check: Callable) -> None:
    assert check(bundle) == "signature"


def test_a_signature_covers_every_file(check: Callable) -> None:
    signed_bundle = made_bundle(key=ADA)
    held = contents(signed_bundle)
    other = contents(resealed(GOOD, {POLICY: b"evil = 1\n"}))
    assert check(archive([member(n, d) for n, d in (held | other).items()])) == "signature"
    assert check(with_signature(b" " * 2000)) == "size"

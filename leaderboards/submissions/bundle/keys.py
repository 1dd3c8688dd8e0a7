"""Ed25519 keys: a signature shows that two bundles come from one entrant."""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from platformdirs import user_config_dir

from leapbench.errors import UserError

SigningKey = Ed25519PrivateKey
MAX_BYTES = 10_000  # of a key file


def default_path() -> Path:
    """Where the user's private key lies unless they say otherwise."""
    return Path(user_config_dir("leapbench")) / "signing-key.pem"


def public_path(path: Path) -> Path:
    """Where the public key beside the private key `path` lies."""
    return path.with_suffix(".pub")


def generate(path: Path) -> SigningKey:
    """Make a key; the private half is for its owner's eyes alone.

    Args:
        path: a new file for the private key (PEM, PKCS #8, mode 0600). The
            public key goes beside it.

    Raises:
        UserError: when either file exists or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    beside = public_path(path)
    for file in (path, beside):
        if file.exists():
            raise UserError(
                f"{file} exists; a lost key cannot be made again.", "Give another name."
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path, private, 0o600)
        _create(beside, public, 0o644)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    return key


def load_private(path: Path) -> SigningKey:
    """Read a private key; warns when others may read it too.

    Raises:
        UserError: when there is none, or it is another kind of file or key.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
            mode = os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        raise UserError(f"There is no key {path}.", "`leapbench keygen` makes one.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    if b"PUBLIC KEY" in data:
        raise UserError(f"{path} is a public key; signing needs the private one.")
    if b"ENCRYPTED" in data:
        raise UserError(
            f"{path} has a passphrase, which is not supported.", "`leapbench keygen` makes another."
        )
    try:
        key = load_pem_private_key(data if len(data) <= MAX_BYTES else b"", password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UserError(f"{path} is not a private key in PEM format.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{path} is not an Ed25519 key.", "`leapbench keygen` makes one.")
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        warnings.warn(f"{path} can be read by others; `chmod 600 {path}`.", stacklevel=2)
    return key


def raw(public: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(public: Ed25519PublicKey) -> str:
    """Short name of a public key: "ed25519:" and 16 digits of its SHA-256."""
    return f"ed25519:{hashlib.sha256(raw(public)).hexdigest()[:16]}"


def _create(path: Path, data: bytes, mode: int) -> None:
    """Write a file that does not exist; never with a wider mode, not even for a moment."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

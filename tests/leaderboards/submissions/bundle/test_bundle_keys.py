"""Keys: made once, kept from others, told apart; and `leapbench keygen`."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from leapbench.cli.keygen import command
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle import keys
from leapbench.leaderboards.submissions.bundle.keys import (
    SigningKey,
    fingerprint,
    generate,
    load_private,
    raw,
)


def test_a_key_is_read_as_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "below" / "key.pem"
    made = generate(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = load_private(path)
    assert raw(found.public_key()) == raw(made.public_key())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert "PUBLIC KEY" in keys.public_path(path).read_text()
    assert raw(generate(tmp_path / "other.pem").public_key()) != raw(made.public_key())


def test_openssl_agrees_about_the_files(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    generate(path)
    try:
        found = subprocess.run(
            ["openssl", "pkey", "-in", path, "-pubout"], capture_output=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("needs the openssl command")
    assert found.stdout == keys.public_path(path).read_bytes()


def test_the_public_key_and_the_signature_are_those_of_rfc_8032() -> None:
    # RFC 8032, section 7.1, test 1
    key = SigningKey.from_private_bytes(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert raw(key.public_key()).hex() == public
    assert key.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a")
    # printf <public> | xxd -r -p | sha256sum
    assert fingerprint(key.public_key()) == "ed25519:21fe31dfa154a261"


@pytest.mark.parametrize("which", ["key.pem", "key.pub"])
def test_no_key_is_overwritten(tmp_path: Path, which: str) -> None:
    (tmp_path / which).write_text("mine")
    with pytest.raises(UserError, match="exists"):
        generate(tmp_path / "key.pem")
    assert [file.name for file in tmp_path.iterdir()] == [which]
    assert (tmp_path / which).read_text() == "mine"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        generate(tmp_path / "file" / "key.pem")


def test_a_key_that_others_can_read_warns(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    generate(path)
    path.chmod(0o640)
    with pytest.warns(UserWarning, match="chmod 600"):
        load_private(path)


def pem(key: rsa.RSAPrivateKey | SigningKey, secret: bytes | None = None) -> bytes:
    lock = BestAvailableEncryption(secret) if secret else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a private key"),
        (b"\xff\xfe", "not a private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a private key"),
        (b"-----BEGIN PRIVATE KEY-----\n" * 10_000, "not a private key"),
        (pem(SigningKey.generate(), b"secret"), "passphrase, which is not supported"),
        (pem(rsa.generate_private_key(65537, 2048)), "not an Ed25519 key"),
    ],
)
def test_other_files_are_told_apart(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(data)
    with pytest.raises(UserError, match=message):
        load_private(path)


def test_the_public_half_does_not_sign(tmp_path: Path) -> None:
    generate(tmp_path / "key.pem")
    with pytest.raises(UserError, match="is a public key"):
        load_private(tmp_path / "key.pub")


def test_a_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="leapbench keygen"):
        load_private(tmp_path / "key.pem")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        load_private(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(command, list(words))


def test_keygen_tells_the_fingerprint_and_what_is_secret(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    told = run("--out", str(path))
    assert told.exit_code == 0
    assert fingerprint(load_private(path).public_key()) in told.output
    assert "keep it secret" in told.output
    assert path.read_text().splitlines()[1] not in told.output
    assert isinstance(run("--out", str(path)).exception, UserError)


def test_keygen_puts_the_key_among_the_users_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "user_config_dir", lambda name: str(tmp_path / name))
    assert run().exit_code == 0
    assert load_private(tmp_path / "leapbench" / "signing-key.pem")
    assert keys.default_path() == tmp_path / "leapbench" / "signing-key.pem"

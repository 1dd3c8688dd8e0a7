"""What is packed is read, and equal content gives equal bytes."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from bundles import CODE, made_bundle, made_files, made_manifest, made_result
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.keys import SigningKey, fingerprint
from leapbench.leaderboards.submissions.bundle.manifest import BundledPart, Entrant
from leapbench.leaderboards.submissions.bundle.pack import described, pack
from leapbench.leaderboards.submissions.bundle.read import Bundle, open_bundle
from leapbench.results.result import AgentRecord
from leapbench.results.values import LARGEST

KEY = SigningKey.from_private_bytes(b"k" * 32)
entrants = st.builds(
    Entrant,
    name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=100),
    url=st.sampled_from(["", "https://example.org/a?b=c"]),
    notes=st.text(st.characters(codec="utf-8"), max_size=200),
)


def opened(data: bytes) -> Bundle:
    handle, name = tempfile.mkstemp(suffix=".zip")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    try:
        return open_bundle(Path(name))
    finally:
        Path(name).unlink()


@settings(max_examples=40)
@given(
    seeds=st.integers(1, 4).flatmap(lambda n: st.permutations(range(n))),
    score=st.floats(-LARGEST, LARGEST),
    entrant=entrants,
    key=st.sampled_from([None, KEY]),
)
def test_what_is_packed_is_read(
    seeds: list[int], score: float, entrant: Entrant, key: SigningKey | None
) -> None:
    results = [made_result(seed, score) for seed in seeds]
    files = made_files(*results)
    manifest = made_manifest(files, entrant=entrant)
    data = pack(manifest, files, key)
    shuffled = dict(sorted(files.items(), reverse=True))
    assert pack(manifest, shuffled, key) == data
    bundle = opened(data)
    assert bundle.manifest == manifest
    assert [one.digest() for one in bundle.results()] == [one.digest() for one in results]
    assert bundle.id == hashlib.sha256(data).hexdigest()
    assert bundle.size == len(data)
    assert bundle.signed_by == (fingerprint(key.public_key()) if key else "")
    assert all(check.passed for check in bundle.checks)
    assert [c.name for c in bundle.checks] == [
        "archive", "manifest", "hashes", "signature", "parts", "results",
    ]  # fmt: skip


def test_every_file_is_read_and_written_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(made_bundle())
    bundle, files = open_bundle(path), made_files()
    for name, data in files.items():
        assert bundle.read(name) == data
        bundle.write(name, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == data
    assert {file.name for file in tmp_path.iterdir()} == {"bundle.zip", "out"}
    assert bundle.read("code/policy.py") == CODE


def test_archives_say_nothing_about_when_and_by_whom_they_were_made(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(made_bundle(key=KEY))
    with zipfile.ZipFile(path) as archive:
        found = archive.infolist()
    assert [info.filename for info in found] == sorted(info.filename for info in found)
    assert {info.date_time for info in found} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.external_attr >> 16 for info in found} == {0o100644}
    assert {info.create_system for info in found} == {3}


def test_weights_and_graphs_travel(tmp_path: Path) -> None:
    weights = save({"layer": np.arange(12, dtype=np.float32).reshape(3, 4)})
    for kind, entry, name, data in (
        ("weights", "msdnet", "model/net.safetensors", weights),
        ("graph", "", "model/net.onnx", b"any bytes"),
    ):
        digest = hashlib.sha256(data).hexdigest()[:16]
        part = made_result().agent.parts[0].model_copy(update={"file_hash": digest})
        row = made_result(agent=AgentRecord(name=part.name, parts=(part,)))
        fields = {"role": "policy", "kind": kind, "name": part.name, "entry": entry, "file": name}
        fields |= {"file_hash": part.file_hash, "config": part.config}
        files = made_files(row, code=None) | {name: data}
        manifest = made_manifest(files, parts=(BundledPart(**fields),))
        assert opened(pack(manifest, files)).manifest.parts[0].file == name


def test_other_files_than_the_manifest_names_are_not_packed() -> None:
    files = made_files()
    manifest = made_manifest(files)
    for wrong in (
        files | {"more.py": b""},
        files | {"code/policy.py": b"other"},
        {"code/policy.py": CODE},
    ):
        with pytest.raises(UserError, match="not those that the manifest names"):
            pack(manifest, wrong)


def test_what_could_not_be_read_is_not_packed() -> None:
    files = made_files(code=None) | {"model/net.onnx": bytes(40 * 2**20)}
    part = made_manifest(made_files(code=None)).parts[0]
    part = part.model_copy(update={"kind": "graph", "file": "model/net.onnx"})
    with pytest.raises(UserError, match="at most"):
        pack(made_manifest(files, parts=(part,)), files)


def test_sizes_and_hashes_are_those_of_the_content() -> None:
    found = described({"b": b"abc", "a": b""})
    assert list(found) == ["a", "b"]
    assert found["b"].bytes == 3
    assert found["b"].sha256 == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    )

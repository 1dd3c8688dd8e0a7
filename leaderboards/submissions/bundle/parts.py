"""Looks at the files of a bundle as what they are: parts of an agent, and results."""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from leapbench.contract.task import canonical
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.manifest import BundledPart, Manifest
from leapbench.leaderboards.submissions.bundle.refusal import (
    CODE_BYTES,
    RESULTS_BYTES,
    Refused,
    limit,
)
from leapbench.results.result import MAX_BYTES, Result, parse

HEADER_BYTES = 2**20  # of a safetensors file: names and shapes of its tensors


def check_limits(manifest: Manifest) -> None:
    """Hold the sizes that the manifest claims to the limits of each kind of file.

    Raises:
        Refused: with the check "size".
    """
    for part in manifest.parts:
        if part.kind == "code":
            limit(f"{part.file!r}", manifest.files[part.file].bytes, CODE_BYTES)
    sizes = {name: manifest.files[name].bytes for name in manifest.results}
    for name, size in sizes.items():
        limit(f"{name!r}", size, MAX_BYTES)
    limit("all results together", sum(sizes.values()), RESULTS_BYTES)


def check_part(part: BundledPart, chunks: Iterable[bytes]) -> None:
    """Check that a part that travels is the kind of file that it says.

    Code is not imported, compiled or parsed here, and a graph not loaded.

    Args:
        part: of the manifest, with a file.
        chunks: the file's content.

    Raises:
        Refused: with the check "parts".
    """
    if part.kind == "code":
        try:
            text = b"".join(chunks).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("parts", f"{part.file!r} is not Python code in UTF-8.") from None
        if "\0" in text:
            raise Refused("parts", f"{part.file!r} is not Python code: it has a NUL.")
    elif part.kind == "weights":
        _check_weights(part.file, chunks)
    else:
        for _ in chunks:  # so that what is wrong with the data itself comes to light
            pass


def _check_weights(name: str, chunks: Iterable[bytes]) -> None:
    from safetensors import SafetensorError, safe_open

    with tempfile.TemporaryDirectory(prefix="leapbench-") as folder:
        path = Path(folder) / "weights"
        with path.open("wb") as file:
            file.writelines(chunks)
        with path.open("rb") as file:
            start = file.read(8)
        # The library's own limit on the header would let it take gigabytes of memory.
        if len(start) < 8 or struct.unpack("<Q", start)[0] > HEADER_BYTES:
            raise Refused("parts", f"{name!r} is not a safetensors file of this size.")
        try:
            with safe_open(path, framework="numpy") as opened:
                opened.keys()
        except (SafetensorError, OSError, ValueError) as error:
            raise Refused("parts", f"{name!r} is not a safetensors file: {error}.") from None


def checked(manifest: Manifest, files: Mapping[str, bytes]) -> tuple[Result, ...]:
    """The results of a bundle, each valid and about what the manifest says.

    Args:
        manifest: of the bundle.
        files: content of each result file by path.

    Raises:
        Refused: with the check "results".
    """
    found = []
    for name in manifest.results:
        try:
            one = parse(files[name], repr(name))
            json.loads(files[name], object_pairs_hook=_once)
        except UserError as error:
            raise Refused("results", error.message) from None
        except ValueError as error:
            raise Refused("results", f"{name!r} is not a valid result: {error}.") from None
        _agree(one, manifest, name)
        found.append(one)
    seeds = sorted(one.seed for one in found)
    if seeds != list(range(len(seeds))):  # else the best of many could be picked
        raise Refused("results", f"the seeds are {seeds[:20]}, expected 0 to {len(seeds) - 1}.")
    if len({one.agent.ranked for one in found}) > 1:
        raise Refused("results", "some results are ranked and some are not.")
    return tuple(found)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object without duplicate keys: of two, readers take one or the other."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key is there twice")
    return made


def _agree(one: Result, manifest: Manifest, name: str) -> None:
    """Compare what a result says about task and agent with the manifest."""
    keys = ("name", "role", "family", "version", "file_hash", "settings", "config")
    for what, given, expected in (
        ("task", one.task, manifest.task),
        ("tier", one.tier, manifest.tier),
        ("protocol", one.protocol_hash, manifest.protocol_hash),
        ("agent", one.agent.name, manifest.agent),
        ("number of parts", len(one.agent.parts), len(manifest.parts)),
    ):
        if given != expected:
            raise Refused(
                "results", f"{name!r} has {what} {given!r}, the manifest says {expected!r}."
            )
    for part, bundled in zip(one.agent.parts, manifest.parts, strict=True):
        for key in keys:
            given, expected = getattr(part, key), getattr(bundled, key)
            if canonical(given) != canonical(expected):  # where 1, 1.0 and true differ
                raise Refused(
                    "results",
                    f"{name!r} has {key} {given!r} for part {part.name!r}, "
                    f"the manifest says {expected!r}.",
                )

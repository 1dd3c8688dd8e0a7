"""Folders of video clips, decoded once into frames of one size.

Layouts that people have: a folder a class, or a list file beside the clips as
Something-Something, Mini-Kinetics and Diving48 have them. PyAV decodes.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from leapbench.data.locate import cache_root
from leapbench.data.video_list import Entry, entries
from leapbench.errors import UserError

Report = Callable[[float, str], None]
LONGEST, WIDEST = 200_000, 8192
"""Frames and pixels of a side up to which a file is taken for a clip."""
CHECKED = 2_000_000_000
"""Bytes of decoded frames up to which their checksum is compared on every reading."""
_DECODER = "v1"  # raised when the same file gives other frames


def silent(fraction: float, line: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Videos:
    """Decoded clips.

    Attributes:
        frames: uint8 (N, T, size, size, 3), in a file that is read where it is needed.
        labels: int64 (N,).
        names: path of each clip relative to its folder.
        classes: name of each class.
        broken: names of files that could not be decoded, which are left out.
    """

    frames: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    classes: tuple[str, ...]
    broken: tuple[str, ...]


def read(root: Path, split: str, count: int, size: int, report: Report = silent) -> Videos:
    """Decode a split, or read what was decoded before.

    Args:
        root: folder that holds the clips, and the list files if there are any.
        split: "train", "test" and so on; see `video_list.entries`.
        count: frames of a clip, sampled evenly.
        size: rows and columns of a frame.
        report: called with the fraction decoded in [0, 1] and a short line.

    Raises:
        UserError: when PyAV is not installed, there are no clips, or none can be decoded.
    """
    found, classes = entries(root, split)
    key = hashlib.sha256(json.dumps([_DECODER, count, size, *_stamps(root, found)]).encode())
    kept = cache_root() / "videos" / key.hexdigest()[:32]
    kept.mkdir(parents=True, exist_ok=True)
    with FileLock(kept / ".lock"):
        record = _recalled(kept)
        if record is None:
            record = _decode_all(root, found, kept, count, size, report)
    frames = np.load(kept / "frames.npy", mmap_mode="r", allow_pickle=False)
    for name in record["broken"]:
        warnings.warn(f"{root / name} cannot be decoded and is left out.", stacklevel=2)
    by_name = {each.name: each.label for each in found}
    labels = np.array([by_name[name] for name in record["names"]], np.int64)
    return Videos(frames, labels, tuple(record["names"]), classes, tuple(record["broken"]))


def sampled(total: int, count: int) -> NDArray[np.int64]:
    """Middle frame of each of `count` equal parts of a clip, int64 (count,); short clips repeat."""
    return np.minimum(((np.arange(count) + 0.5) * total / count).astype(np.int64), total - 1)


def decode(path: Path, count: int, size: int) -> NDArray[np.uint8]:
    """Evenly sampled frames of a clip, uint8 (count, size, size, 3).

    The shorter side is scaled to 256 / 224 of `size` and the middle is cut out, as the
    released AdaFocusV2 code does for tests.

    Raises:
        UserError: when PyAV is not installed.
        ValueError: when the file is no clip.
    """
    av = _av()
    try:
        total = _length(av, path)
        wanted = sampled(total, count).tolist()
        frames = dict(_frames(av, path, set(wanted), size))
    except (av.FFmpegError, OSError, RuntimeError, MemoryError) as error:
        raise ValueError(str(error)) from error
    if not frames:
        raise ValueError("it has no frames")
    at = sorted(frames)
    # A container may promise more frames than it holds: the nearest earlier one stands in.
    have = [max((i for i in at if i <= index), default=at[0]) for index in wanted]
    return np.stack([frames[i] for i in have])


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise UserError(
            "Decoding videos needs PyAV.", "`pip install 'leapbench[video]'` brings it."
        ) from error
    av.logging.set_level(av.logging.PANIC)
    return av


def _length(av: Any, path: Path) -> int:
    """Frames of the first video stream: what the container says, or its packets counted."""
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise ValueError("it has no video stream")
        stream = container.streams.video[0]
        if not (0 < stream.width <= WIDEST and 0 < stream.height <= WIDEST):
            raise ValueError(f"its frames are {stream.width}x{stream.height}")
        total = stream.frames or sum(1 for each in container.demux(stream) if each.size)
    if not 0 < total <= LONGEST:
        raise ValueError(f"it has {total} frames")
    return int(total)


def _frames(
    av: Any, path: Path, wanted: set[int], size: int
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    last = max(wanted)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for index, frame in enumerate(container.decode(stream)):
            if index in wanted:
                yield index, _squared(frame, size)
            if index >= last:
                return


def _squared(frame: Any, size: int) -> NDArray[np.uint8]:
    side = round(size * 256 / 224)
    scale = side / min(frame.width, frame.height)
    width, height = round(frame.width * scale), round(frame.height * scale)
    pixels = frame.reformat(width, height, "rgb24").to_ndarray()
    top, left = (height - size) // 2, (width - size) // 2
    return np.ascontiguousarray(pixels[top : top + size, left : left + size])


def _stamps(root: Path, found: Sequence[Entry]) -> list[Any]:
    """What tells whether a file is the one that was decoded: name, bytes, time of change."""
    stamps = []
    for each in found:
        try:
            status = (root / each.name).stat()
            stamps.append([each.name, status.st_size, status.st_mtime_ns])
        except OSError:
            stamps.append([each.name, -1, 0])
    return stamps


def _recalled(kept: Path) -> dict[str, Any] | None:
    """What was decoded before; None when it is not there, or not what it was."""
    try:
        record = json.loads((kept / "record.json").read_text())
        file = kept / "frames.npy"
        if file.stat().st_size == record["bytes"] and record["checksum"] == _checksum(file):
            return dict(record)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def _checksum(file: Path) -> str:
    if file.stat().st_size > CHECKED:
        return ""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _decode_all(
    root: Path, found: Sequence[Entry], kept: Path, count: int, size: int, report: Report
) -> dict[str, Any]:
    shape = (len(found), count, size, size, 3)
    part = kept / "part.npy"
    frames = np.lib.format.open_memmap(part, "w+", np.uint8, shape)  # type: ignore[no-untyped-call]
    names: list[str] = []
    broken: list[str] = []
    for i, each in enumerate(found):
        report(i / len(found), f"decoding clip {i + 1:,} of {len(found):,}")
        try:
            frames[len(names)] = decode(root / each.name, count, size)
            names.append(each.name)
        except ValueError:
            broken.append(each.name)
    if not names:
        raise UserError(f"None of the {len(found)} clips in {root} can be decoded.")
    np.save(kept / "frames.npy", frames[: len(names)], allow_pickle=False)
    del frames
    part.unlink()
    file = kept / "frames.npy"
    record = {"names": names, "broken": broken, "bytes": file.stat().st_size}
    record["checksum"] = _checksum(file)
    (kept / "record.json").write_text(json.dumps(record))
    return record

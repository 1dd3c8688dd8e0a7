"""Frames between the host and the worker: a tag, a length, and so many bytes."""

from __future__ import annotations

from typing import Any, BinaryIO

from leapbench.contract.frozen import Frozen

DATA, REFUSAL = b"+", b"-"
MAX_TEXT = 2**20


def send(stream: BinaryIO, tag: bytes, *parts: Any) -> None:
    """Write one frame.

    Args:
        stream: where to.
        tag: `DATA` or `REFUSAL`.
        parts: bytes-like objects that follow each other.
    """
    stream.write(tag + sum(memoryview(part).nbytes for part in parts).to_bytes(8, "little"))
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO, limit: int) -> tuple[bytes, bytes]:
    """Read one frame: its tag and its bytes.

    Raises:
        EOFError: when the stream ends, or the frame is no frame or longer than `limit`.
    """
    head = stream.read(9)
    size = int.from_bytes(head[1:], "little")
    if len(head) < 9 or head[:1] not in (DATA, REFUSAL) or size > limit:
        raise EOFError("no frame")
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("the frame ends early")
    return head[:1], data


class Refusal(Frozen):
    """Why something is refused, and what to do instead."""

    message: str
    hint: str | None = None


def refuse(stream: BinaryIO, message: str, hint: str | None = None) -> None:
    """Write why something is refused."""
    send(stream, REFUSAL, Refusal(message=message, hint=hint).model_dump_json().encode())

"""The host's side of an exported network: a worker process, its clock, and what it answers."""

from __future__ import annotations

import signal
import subprocess
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
from pydantic import Field

from leapbench.contract.frozen import Frozen
from leapbench.errors import AgentError, DeadlineExceeded, InvalidOutput, Unfit, UserError
from leapbench.graphs import wire
from leapbench.graphs.worker import MAX_FRAME, seconds
from leapbench.isolation import sandbox

BATCH = 500
PATIENCE = 5.0
"""Seconds that a process which gave no answer has for ending by itself."""
NEEDED = ("onnx", "onnxruntime")
MODULES = tuple(
    f"leapbench.{name}" for name in ("errors", "graphs", "contract.frozen", "contract.registration")
)


Form = TypeVar("Form", bound=Frozen)


class GraphFacts(Frozen):
    """What the suite found out about a graph.

    Attributes:
        input: name of the input.
        image: input size as (channels, height, width).
        classes: number of classes.
        multiply_adds: of every exit, cumulative; see `leapbench.graphs.count`.
    """

    input: str
    image: tuple[int, int, int]
    classes: int = Field(ge=2)
    multiply_adds: tuple[int, ...] = Field(min_length=2)


class ExportedNetwork:
    """A multi-exit network in an ONNX file, counted and run in a process of its own.

    The process starts at first use and ends with this object.

    Args:
        data: content of the file.
        name: what errors call the file.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name = data, name

    @cached_property
    def facts(self) -> GraphFacts:
        """Size of the image, number of classes, and cost of every exit.

        Raises:
            Unfit: when the graph is not acceptable.
            UserError: when ONNX Runtime is not installed.
        """
        return self._started[1]

    def multiply_adds(self, image: tuple[int, int, int]) -> list[int]:
        """Cumulative multiply-adds of every exit.

        Raises:
            Unfit: when the graph is not acceptable, or not made for such images.
            UserError: as `facts`.
        """
        if tuple(image) != self.facts.image:
            raise Unfit(
                f"{self.name} is for images of size {self.facts.image}, these are {tuple(image)}."
            )
        return list(self.facts.multiply_adds)

    def logits(self, images: np.ndarray) -> list[np.ndarray]:
        """Run the network, each image on its own.

        Args:
            images: float32 (B, C, H, W).

        Returns:
            K arrays float32 (B, classes), in the order of the exits.

        Raises:
            DeadlineExceeded: when it takes far longer than its multiply-adds explain.
            AgentError: when the process dies.
            Unfit, UserError: as `multiply_adds`.
        """
        costs = self.multiply_adds(images.shape[1:])
        size = max(1, min(BATCH, MAX_FRAME // (4 * int(np.prod(images.shape[1:])))))
        parts = [
            self._run(np.ascontiguousarray(images[i : i + size], np.float32), costs)
            for i in range(0, len(images), size)
        ]
        return list(np.concatenate(parts, 1))

    def _run(self, batch: np.ndarray, costs: list[int]) -> np.ndarray:
        """Logits (K, B, classes) of one frame of images."""
        process, facts = self._started
        shape = (len(costs), len(batch), facts.classes)
        limit = seconds(len(batch) * costs[-1])
        tag, data = _ask(process, self.name, limit, 4 * int(np.prod(shape)), batch.data)
        if tag == wire.REFUSAL:
            raise AgentError(f"{self.name}: {_read(wire.Refusal, data).message}")
        if len(data) != 4 * int(np.prod(shape)):
            raise InvalidOutput(f"{self.name} gave {len(data)} bytes for logits of shape {shape}")
        return np.frombuffer(data, np.float32).reshape(shape)

    @cached_property
    def _started(self) -> tuple[subprocess.Popen[bytes], GraphFacts]:
        missing = [name for name in NEEDED if find_spec(name) is None]
        if missing:
            raise UserError(
                f"Exported graphs need {' and '.join(missing)}.",
                'Install them: pip install "leapbench[onnx]"',
            )
        process = _worker()
        weakref.finalize(self, _end, process)
        try:
            tag, answer = _ask(process, self.name, seconds(0), wire.MAX_TEXT, self.data)
            refusal = _read(wire.Refusal, answer) if tag == wire.REFUSAL else None
            if refusal is None:
                return process, _read(GraphFacts, answer)
        except AgentError as error:
            raise Unfit(f"{self.name} cannot be used: {error}.") from None
        raise Unfit(f"{self.name} cannot be used: {refusal.message}.", refusal.hint)


def _read(form: type[Form], answer: bytes) -> Form:
    """An answer of the worker, which a hostile file may have taken over."""
    try:
        return form.model_validate_json(answer)
    except ValueError:
        raise AgentError("the process that reads it gave no proper answer") from None


def _worker() -> subprocess.Popen[bytes]:
    """A worker, in a sandbox where there is one: a file of the user's own needs none."""
    return sandbox.start(
        "from leapbench.graphs.worker import main; main()",
        home="/" if sandbox.trouble() else "",
        libraries=("numpy", "pydantic", *NEEDED),
        modules=MODULES,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):  # what is still buffered finds no reader
            stream.close()  # type: ignore[union-attr]


def _ask(
    process: subprocess.Popen[bytes], name: str, limit: int, size: int, data: Any
) -> tuple[bytes, bytes]:
    """Send one frame and read the answer, of at most `size` bytes, within `limit` seconds."""
    with _deadline(process, limit) as late:
        try:
            wire.send(process.stdin, wire.DATA, data)  # type: ignore[arg-type]
            return wire.receive(process.stdout, max(size, wire.MAX_TEXT))  # type: ignore[arg-type]
        except (EOFError, OSError):
            pass
    if late.is_set():
        raise DeadlineExceeded(f"{name} took more than {limit} seconds")
    raise AgentError(f"the process of {name} {_ending(process)}")


@contextmanager
def _deadline(process: subprocess.Popen[bytes], limit: int) -> Iterator[threading.Event]:
    """Kill the process when the block takes longer than `limit` seconds, and tell."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    clock = threading.Timer(limit, stop)
    clock.daemon = True
    clock.start()
    try:
        yield late
    finally:
        clock.cancel()


def _ending(process: subprocess.Popen[bytes]) -> str:
    """How a process that gave no answer ended, in words."""
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return "gave no proper answer"
    if code >= 0:
        return f"ended with code {code}"
    return f"was ended by signal {-code} ({signal.strsignal(-code)})"

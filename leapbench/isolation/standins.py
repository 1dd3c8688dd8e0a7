"""What an agent in a guest is given to learn from: the host's phase, at the end of a channel.

Imports nothing heavy: an agent that needs NumPy alone starts in a tenth of a second.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from leapbench.isolation.channel import Channel, Message
from leapbench.isolation.line import BudgetView, HostLine, MeterView
from leapbench.isolation.wire import unpack_settings

INTERVAL = 0.2  # seconds between two reports


class ArrayFacts(NamedTuple):
    """Shape and dtype of an array that stays with the host."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return self.shape[0]


class StreamView:
    """A `MeteredStream` of the host: the samples come batch by batch, paid for there.

    Args:
        line: to the host.
        meter: the copy that the host's answers keep up to date.
        images: facts of the images.
        labels: facts of the labels.
    """

    def __init__(
        self, line: HostLine, meter: MeterView, images: ArrayFacts, labels: ArrayFacts
    ) -> None:
        self._line, self.meter, self.images, self.labels = line, meter, images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def epoch(
        self, batch: int, rng: np.random.Generator, given: int = 0
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Batches in a fresh order; see `leapbench.contract.meter.MeteredStream.epoch`."""
        order = rng.permutation(len(self))
        for start in range(given * batch, len(self) - batch + 1, batch):
            answer = self._line.ask("samples", [order[start : start + batch]])
            yield answer.arrays[0], answer.arrays[1]

    @property
    def passes(self) -> int:
        """Whole passes over the data that the budget still pays for."""
        return self.meter.left // len(self)


class SequencesView:
    """`MeteredSequences` of the host, which are counted there.

    Args:
        line: to the host.
        meter: the copy that the host's answers keep up to date.
        record: what the host says about them.
        arrays: of frozen networks.
    """

    def __init__(
        self,
        line: HostLine,
        meter: MeterView,
        record: Mapping[str, Any],
        arrays: list[np.ndarray],
    ) -> None:
        self._line, self.meter = line, meter
        self._count, self.longest = record["count"], record["longest"]
        self.shapes = {name: tuple(shape) for name, shape in record["shapes"].items()}
        self.weights = dict(zip(record["weights"], arrays, strict=True))

    def __len__(self) -> int:
        return int(self._count)

    def read(self, rows: np.ndarray, length: int) -> dict[str, np.ndarray]:
        """Arrays (B, L, ...); see `leapbench.contract.sequences.MeteredSequences.read`."""
        answer = self._line.ask("sequences", [np.asarray(rows)], length=int(length))
        return dict(zip(answer.header["names"], answer.arrays, strict=True))


class PhaseView:
    """A `leapbench.contract.agent.LearningPhase` whose parts are with the host."""

    device = "cpu"  # the sandbox has no other

    def __init__(self, channel: Channel, message: Message) -> None:
        header = message.header
        self.name, self.seed = header["name"], header["seed"]
        self.settings: Mapping[str, Any] = unpack_settings(header["settings"])
        self.meter = MeterView(BudgetView(header["unit"], header["limit"]))
        self.meter.used = header["used"]
        self._line = self.meter.line = HostLine(channel, self.meter)
        self.data = self._data(header["data"], message.arrays)
        self.make_env: Callable[..., Any] | None = self._env if header["envs"] else None
        self._reported = 0.0

    def report(self, fraction: float, line: str) -> None:
        """Tell the host how far learning is, at most five times a second."""
        now = time.monotonic()
        if now - self._reported >= INTERVAL:
            self._reported = now
            self._line.tell("report", fraction=float(fraction), line=str(line)[:200])

    def log(self, step: int, **values: float) -> None:
        """Tell the host named numbers; see `leapbench.contract.agent.LearningPhase.log`."""
        numbers = {name.rstrip("_"): float(value) for name, value in values.items()}
        self._line.tell("log", step=int(step), values=numbers)

    def _data(self, record: Mapping[str, Any], arrays: list[np.ndarray]) -> Any:
        match record["kind"]:
            case "stream":
                images, labels = (
                    ArrayFacts(tuple(record[name][1]), np.dtype(record[name][0]))
                    for name in ("images", "labels")
                )
                return StreamView(self._line, self.meter, images, labels)
            case "sequences":
                return SequencesView(self._line, self.meter, record, arrays)
            case "served":
                module, _, name = record["class"].partition(":")
                kind = getattr(import_module(module), name)
                return kind(self._ask, self.meter, record["told"], arrays)
            case "file":
                module, _, name = record["class"].partition(":")
                path = Path(tempfile.mkdtemp(prefix="data-", dir=".")) / "data.npz"
                path.write_bytes(arrays[0].tobytes())
                return getattr(import_module(module), name).load(path.absolute())
        return None

    def _ask(
        self, record: dict[str, Any], arrays: list[np.ndarray]
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        """What the host answers, see `leapbench.contract.served.Served.answer`."""
        answer = self._line.ask("served", arrays, record=record)
        return answer.header["record"], answer.arrays

    def _env(self, num_envs: int, **arguments: int | None) -> Any:
        from leapbench.isolation.vector import RemoteVectorEnv

        return RemoteVectorEnv(self._line, num_envs, arguments)

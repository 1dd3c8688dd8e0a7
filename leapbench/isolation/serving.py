"""The host's side of a learning phase: requests of the guest, answered and metered here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import MeteredStream
from leapbench.contract.rollout import checked
from leapbench.contract.sequences import MeteredSequences
from leapbench.contract.served import Served
from leapbench.errors import UserError
from leapbench.isolation.channel import Message
from leapbench.isolation.failures import GuestAnswer, GuestLate, plain, seconds
from leapbench.isolation.wire import (
    Packed,
    pack_info,
    pack_settings,
    pack_space,
    unpack_settings,
)

ENVIRONMENTS = 8  # alive at once; the oldest is closed for a further one
KEPT = 16  # errors, so that one that is let through can be told from one made up
ENVS = 4096  # sub-environments of one
LANES = 2**21  # product of the numbers that `make_env` is called with


class Service:
    """Serves one phase to a guest.

    Args:
        phase: the metered phase.

    Attributes:
        raised: the last errors that the host has raised at the guest's requests, by number.
    """

    def __init__(self, phase: LearningPhase) -> None:
        self._phase = phase
        self._envs: dict[int, Any] = {}
        self._made = self._refused = 0
        self._busy = 0.0
        self.raised: dict[int, Exception] = {}
        self._calls: dict[str, Callable[[Message], Packed]] = {
            "step": self._step,
            "reset": self._reset,
            "samples": self._samples,
            "sequences": self._sequences,
            "served": self._served,
            "make_env": self._make_env,
            "spend": self._spend,
        }

    def opening(self) -> Packed:
        """What the guest is told about the phase.

        Raises:
            UserError: when the family's data cannot be given to a guest.
        """
        phase = self._phase
        data, arrays = self._data()
        header = {
            "call": "learn",
            "name": phase.name,
            "seed": phase.seed,
            "settings": pack_settings(phase.settings),
            "unit": phase.meter.budget.unit,
            "limit": phase.meter.budget.limit,
            "used": phase.meter.used,
            "envs": phase.make_env is not None,
            "data": data,
        }
        return header, arrays

    def answer(self, message: Message) -> Packed | None:
        """Header and arrays that answer a request; None where none is expected.

        Raises:
            GuestAnswer: for what is no request.
        """
        begun = time.monotonic()
        try:
            return self._answer(message)
        finally:
            self._busy += time.monotonic() - begun

    def _answer(self, message: Message) -> Packed | None:
        call = message.header.get("call")
        if call == "report":
            self._report(message.header)
            return None
        if call == "log":
            self._log(message.header)
            return None
        if not isinstance(call, str) or call not in self._calls:
            raise GuestAnswer(f"The agent's process asked for {plain(call, 40)!r}.")
        try:
            header, arrays = self._calls[call](message)
        except Exception as error:  # the guest may catch it, as it could in this process
            header, arrays = self._refusal(error), []
        return header | {"used": self._phase.meter.used}, arrays

    def check(self, limit: float) -> None:
        """See that answering has not taken more than `limit` seconds so far.

        Raises:
            GuestLate: when it has; requests that cost the guest little can cost the host much.
        """
        if self._busy > limit:
            raise GuestLate(f"The agent's requests took more than {seconds(limit)} to answer.")

    def _refusal(self, error: Exception) -> dict[str, Any]:
        self._refused += 1
        self.raised[self._refused] = error.with_traceback(None)
        self.raised.pop(self._refused - KEPT, None)
        name, text = type(error).__name__, str(error)[:2000]
        return {"raised": name, "text": text, "number": self._refused}

    def close(self) -> None:
        """Close the environments."""
        for env in self._envs.values():
            env.close()

    def _data(self) -> Packed:
        data = self._phase.data
        if data is None:
            return {"kind": "none"}, []
        if isinstance(data, MeteredStream):
            named = {"images": data.images, "labels": data.labels}
            return {"kind": "stream"} | {k: [a.dtype.str, a.shape] for k, a in named.items()}, []
        if isinstance(data, MeteredSequences):
            header = {"kind": "sequences", "count": len(data), "longest": data.longest}
            header |= {"shapes": data.shapes, "weights": list(data.weights)}
            return header, list(data.weights.values())
        if isinstance(data, Served):
            told, arrays = data.told()
            return {"kind": "served", "class": data.guest, "told": told}, arrays
        if not (hasattr(data, "save") and hasattr(data, "load")):
            raise UserError(f"{type(data).__name__} data cannot be given to an isolated agent.")
        with TemporaryDirectory(prefix="leapbench-phase-") as folder:
            path = Path(folder) / "data.npz"
            data.save(path)
            saved = np.frombuffer(path.read_bytes(), np.uint8)
        kind = f"{type(data).__module__}:{type(data).__qualname__}"
        return {"kind": "file", "class": kind}, [saved]

    def _report(self, header: Mapping[str, Any]) -> None:
        fraction = header.get("fraction")
        if isinstance(fraction, float) and math.isfinite(fraction):
            self._phase.report(min(max(fraction, 0.0), 1.0), plain(header.get("line", ""), 80))

    def _log(self, header: Mapping[str, Any]) -> None:
        step, values = header.get("step"), header.get("values")
        if type(step) is not int or not 0 <= step < 2**53 or not isinstance(values, dict):
            return
        numbers = {plain(k, 40): v for k, v in values.items() if type(v) is float and abs(v) < 1e30}
        self._phase.logged(step, numbers)

    def _samples(self, message: Message) -> Packed:
        stream, index = self._phase.data, _only(message)
        if not isinstance(stream, MeteredStream):
            raise UserError("This phase has no stream of samples.")
        if index.ndim != 1 or index.dtype != np.int64 or len(index) > len(stream):
            raise UserError(f"A batch is at most {len(stream)} sample numbers.")
        if len(index) and not 0 <= index.min() <= index.max() < len(stream):
            raise UserError(f"Sample numbers lie in [0, {len(stream)}).")
        stream.meter.spend(len(index))
        return {}, [stream.images[index], stream.labels[index]]

    def _sequences(self, message: Message) -> Packed:
        data, rows, length = self._phase.data, _only(message), message.header.get("length")
        if not isinstance(data, MeteredSequences):
            raise UserError("This phase has no sequences.")
        if type(length) is not int or len(rows) > len(data):
            raise UserError(f"A batch is at most {len(data)} sequences.")
        found = data.read(rows, length)
        return {"names": list(found)}, list(found.values())

    def _served(self, message: Message) -> Packed:
        data, record = self._phase.data, message.header.get("record")
        if not isinstance(data, Served) or not isinstance(record, dict):
            raise UserError("This phase has no data that is asked for.")
        told, arrays = data.answer(record, message.arrays)
        return {"record": told}, arrays

    def _spend(self, message: Message) -> Packed:
        self._phase.meter.spend(int(message.header["amount"]))
        return {}, []

    def _make_env(self, message: Message) -> Packed:
        if self._phase.make_env is None:
            raise UserError("This phase has no environment.")
        given = {k: v for k, v in message.header["arguments"].items() if v is not None}
        numbers = {"num_envs": message.header["num_envs"], **given}
        if not all(type(n) is int and n >= 1 for n in numbers.values()):
            raise UserError("make_env takes whole numbers from 1 on.")
        if numbers["num_envs"] > ENVS or math.prod(numbers.values()) > LANES:
            raise UserError(
                f"make_env takes at most {ENVS} sub-environments, and numbers whose product is "
                f"at most {LANES}."
            )
        env = self._phase.make_env(numbers.pop("num_envs"), **numbers)
        while len(self._envs) >= ENVIRONMENTS:
            self._envs.pop(min(self._envs)).close()
        self._made += 1
        self._envs[self._made] = env
        observation, first = pack_space(env.single_observation_space)
        action, second = pack_space(env.single_action_space)
        mode = (getattr(env, "metadata", None) or {}).get("autoreset_mode")
        header = {
            "index": self._made,
            "num_envs": int(env.num_envs),
            "observation": observation,
            "action": action,
            "autoreset": getattr(mode, "value", None),
        }
        return header, first + second

    def _env(self, message: Message) -> Any:
        index = message.header.get("index")
        if index not in self._envs:
            raise UserError(f"At most {ENVIRONMENTS} environments are alive; this one is closed.")
        return self._envs[index]

    def _reset(self, message: Message) -> Packed:
        options = unpack_settings(message.header["options"])
        env = self._env(message)
        observation, info = env.reset(seed=message.header["seed"], options=options or None)
        records, arrays = pack_info(info)
        return {"info": records}, [np.asarray(observation), *arrays]

    def _step(self, message: Message) -> Packed:
        env = self._env(message)
        actions = checked(_only(message), env.single_action_space, env.num_envs)
        *parts, info = env.step(actions)
        records, arrays = pack_info(info)
        return {"info": records}, [*(np.asarray(part) for part in parts), *arrays]


def _only(message: Message) -> np.ndarray:
    if len(message.arrays) != 1:
        raise UserError("One array was expected.")
    return message.arrays[0]

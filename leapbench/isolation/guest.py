"""The guest's loop: build the agent, let it learn, act, save and load, as the host asks."""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.isolation.channel import Channel, Message
from leapbench.isolation.frames import DTYPES, ClosedError
from leapbench.isolation.standins import PhaseView
from leapbench.isolation.wire import unpack_arguments

Answer = tuple[dict[str, Any], list[np.ndarray]]
NAME = "leapbench_submission"
LONGEST = 200  # characters of a text that is a value


class GuestLoop:
    """The agent and the state that its `predict` carries from call to call."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.file = str(Path.cwd() / "code" / f"{NAME}.py")
        self.saved = Path()
        self.agent: Any = None
        self.state: Any = None

    def serve(self) -> None:
        """Answer the host until it is gone."""
        calls: dict[str, Callable[[Message], Answer]] = {
            "predict": self.predict,
            "build": self.build,
            "learn": self.learn,
            "save": self.save,
            "file": self.part_of_file,
            "load": self.load,
            "invoke": self.invoke,
            "value": self.value,
        }
        while True:
            try:
                message = self.channel.receive()
            except ClosedError:
                return
            try:
                header, arrays = calls[message.header["call"]](message)
            except BaseException as error:
                header, arrays = {"error": self._described(error)}, []
            self.channel.send(header, arrays)

    def build(self, message: Message) -> Answer:
        """Import the file under a name of its own and construct the class."""
        Path(self.file).parent.mkdir()
        Path(self.file).write_bytes(message.arrays[0].tobytes())
        spec = spec_from_file_location(NAME, self.file)
        assert spec is not None and spec.loader is not None  # noqa: PT018, S101
        module = module_from_spec(spec)
        sys.modules[NAME] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        self.agent = getattr(module, message.header["class"])(**message.header["config"])
        return {"ok": True}, []

    def learn(self, message: Message) -> Answer:
        """Let the agent learn; the host serves the phase meanwhile."""
        self.agent.learn(PhaseView(self.channel, message))
        return {"ok": True}, []

    def predict(self, message: Message) -> Answer:
        """Actions for a batch; the state stays here."""
        header, arrays = message.header, message.arrays
        if header["fresh"]:
            self.state = None
        start = arrays[1] if len(arrays) > 1 else None
        given, self.state = self.agent.predict(arrays[0], self.state, start, header["still"])
        actions = np.asarray(given)
        if actions.dtype.str not in DTYPES:
            return {"odd": str(actions.dtype)}, []
        return {"ok": True}, [actions]

    def save(self, message: Message) -> Answer:
        """Let the agent save into a new folder; names and sizes of what it saved."""
        self.saved = Path(tempfile.mkdtemp(prefix="saved-", dir="."))
        self.agent.save(self.saved.absolute())
        found = sorted(path for path in self.saved.iterdir())
        return {"files": [[path.name, path.stat().st_size] for path in found]}, []

    def part_of_file(self, message: Message) -> Answer:
        """A piece of a file that was saved."""
        with (self.saved / message.header["name"]).open("rb") as file:
            file.seek(message.header["start"])
            return {"ok": True}, [np.frombuffer(file.read(message.header["size"]), np.uint8)]

    def load(self, message: Message) -> Answer:
        """Let the agent load files that the host has sent."""
        folder = Path(tempfile.mkdtemp(prefix="given-", dir=".")).absolute()
        for name, data in zip(message.header["files"], message.arrays, strict=True):
            (folder / name).write_bytes(data.tobytes())
        self.agent.load(folder)
        return {"ok": True}, []

    def invoke(self, message: Message) -> Answer:
        """Call a further method, such as a system's `render`."""
        header = message.header
        arguments = unpack_arguments(header["arguments"], message.arrays)
        return _answered(getattr(self.agent, header["name"])(*arguments))

    def value(self, message: Message) -> Answer:
        """A plain attribute, such as a policy's `observation_mode`; None where there is none."""
        return _answered(getattr(self.agent, message.header["name"], None))

    def _described(self, error: BaseException) -> dict[str, Any]:
        """`error` for the host: type, message, and the line of the agent's file."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == self.file]
        if isinstance(error, SyntaxError) and error.filename == self.file:
            line = error.lineno
        else:
            line = frames[-1].lineno if frames else None
        try:
            text = str(error)[:2000]
        except Exception:
            text = "(its message cannot be shown)"
        return {
            "type": type(error).__name__[:200],
            "text": text,
            "line": line,
            "of_host": getattr(error, "of_host", None),
            "denied": isinstance(error, PermissionError),
            "memory": isinstance(error, MemoryError),
            "exit": isinstance(error, SystemExit),
        }


def _answered(given: Any) -> Answer:
    """An array or a plain value as an answer."""
    match given:
        case np.ndarray() | np.generic() if given.dtype.str in DTYPES:
            return {"ok": True}, [np.asarray(given)]
        case str():
            return {"value": given[:LONGEST]}, []
        case None | bool() | int() | float():
            return {"value": given}, []
    return {"odd": f"a {type(given).__name__}"[:LONGEST]}, []


def main(channel: str, limits: str) -> None:
    """Entry of the process: limit it, then serve the host until that is gone.

    Args:
        channel: file descriptor of the channel.
        limits: JSON of `leapbench.isolation.limits.Limits.resources`.
    """
    for name, wanted in json.loads(limits).items():
        kind = getattr(resource, name, None)
        if kind is not None:  # not every system has all of them
            hard = resource.getrlimit(kind)[1]
            value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(kind, (value, value))
    line = Channel(socket.socket(fileno=int(channel)), 2**40)
    line.send({"ready": True})
    try:
        GuestLoop(line).serve()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                continue
        os._exit(0)

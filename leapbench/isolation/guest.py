"""The guest's loop: build the agent, let it learn, act, save and load, as the host asks."""

from __future__ import annotations

import os
import sys
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


class Guest:
    """The agent and the state that its `predict` carries from call to call."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.file = ""
        self.agent: Any = None
        self.state: Any = None

    def serve(self) -> None:
        """Answer the host until it is gone."""
        calls: dict[str, Callable[[Message], Answer]] = {
            "predict": self.predict,
            "build": self.build,
            "learn": self.learn,
            "save": self.save,
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
                header, arrays = {"error": self._told(error)}, []
            self.channel.send(header, arrays)

    def build(self, message: Message) -> Answer:
        """Import the file under a name of its own and construct the class."""
        self.file = message.header["file"]
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
        """Let the agent save into a new folder of the guest's."""
        folder = Path(message.header["folder"])
        folder.mkdir()
        self.agent.save(folder)
        return {"ok": True}, []

    def load(self, message: Message) -> Answer:
        """Let the agent load from a folder that the host has filled."""
        self.agent.load(Path(message.header["folder"]))
        return {"ok": True}, []

    def invoke(self, message: Message) -> Answer:
        """Call a further method, such as a system's `render`."""
        header = message.header
        arguments = unpack_arguments(header["arguments"], message.arrays)
        return _answered(getattr(self.agent, header["name"])(*arguments))

    def value(self, message: Message) -> Answer:
        """A plain attribute, such as a policy's `sight`; None where there is none."""
        return _answered(getattr(self.agent, message.header["name"], None))

    def _told(self, error: BaseException) -> dict[str, Any]:
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


def leave() -> None:
    """Flush what was printed and end without further ado."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(0)

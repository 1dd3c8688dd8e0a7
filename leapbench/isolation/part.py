"""A part of an agent that lives in a guest: the host's side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.contract.agent import LearningPhase
from leapbench.errors import InvalidAction, InvalidOutput, UserError
from leapbench.isolation.channel import Message
from leapbench.isolation.failures import GuestAnswer, plain
from leapbench.isolation.failures import size as shown_size
from leapbench.isolation.remote import GuestProcess
from leapbench.isolation.serving import Service
from leapbench.isolation.wire import pack_arguments
from leapbench.results.result import Scalar

COUNT = 100  # files that a part may save
PIECE = 2**24  # bytes of a file in one message
NAMES = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}\.(json|npz|safetensors)"


class RemotePart:
    """A policy or agent in a guest, as `leapbench.contract.agent.Policy`.

    Args:
        guest: where it lives.
    """

    def __init__(self, guest: GuestProcess) -> None:
        self.guest = guest
        self._calls = 0

    def learn(self, phase: LearningPhase) -> None:
        """Let it learn; its requests are served and metered here."""
        service = Service(phase)
        try:
            self.guest.call(*service.opening(), service=service)
        finally:
            service.close()

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions for a batch; the state stays in the guest, and a number stands for it here."""
        if state is not None and state != self._calls:
            raise UserError("The state of an isolated agent is that of its last call.")
        arrays = [np.asarray(observation)]
        if episode_start is not None:
            arrays.append(np.asarray(episode_start))
        header = {"call": "predict", "fresh": state is None, "still": deterministic}
        answer = self.guest.call(header, arrays)
        if len(answer.arrays) != 1:
            raise InvalidAction(f"actions are {plain(answer.header.get('odd'), 40)}, not numbers")
        self._calls += 1
        return answer.arrays[0], self._calls

    def invoke(self, name: str, *arguments: Any) -> np.ndarray | Scalar | None:
        """Call a further method of the part; see `leapbench.contract.agent.Remote`."""
        records, arrays = pack_arguments(arguments)
        header = {"call": "invoke", "name": name, "arguments": records}
        answer = self.guest.call(header, arrays)
        if "odd" in answer.header or len(answer.arrays) > 1:
            odd = plain(answer.header.get("odd"), 40)
            raise InvalidOutput(f"{name} gave {odd}, expected an array or a number")
        return answer.arrays[0] if answer.arrays else _scalar(answer)

    def value(self, name: str) -> Scalar | None:
        """A plain attribute of the part; see `leapbench.contract.agent.Remote`."""
        return _scalar(self.guest.call({"call": "value", "name": name}))

    def save(self, folder: Path) -> None:
        """Let it save, and write what it says it saved; only few and plain files are taken."""
        try:
            listed = _listed(self.guest.call({"call": "save"}), self.guest.limits.folder)
            for name, size in listed:
                (folder / name).write_bytes(b"".join(self._file(name, size)))
        except GuestAnswer as error:
            raise self.guest.fail(error) from None

    def load(self, folder: Path) -> None:
        """Give it what it saved."""
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        arrays = [np.frombuffer(path.read_bytes(), np.uint8) for path in files]
        self.guest.call({"call": "load", "files": [path.name for path in files]}, arrays)

    def _file(self, name: str, size: int) -> Iterator[bytes]:
        """Pieces of a file, `size` bytes together."""
        for start in range(0, size, PIECE):
            wanted = min(PIECE, size - start)
            asked = {"call": "file", "name": name, "start": start, "size": wanted}
            answer = self.guest.call(asked)
            if [(a.nbytes, a.ndim) for a in answer.arrays] != [(wanted, 1)]:
                raise GuestAnswer(f"What the agent saved as {plain(name, 60)!r} is not whole.")
            yield answer.arrays[0].tobytes()


def _listed(answer: Message, limit: int) -> list[tuple[str, int]]:
    """Names and sizes of what a guest has saved.

    Raises:
        GuestAnswer: for too much, other kinds of files, and names that are no names.
    """
    found = answer.header.get("files")
    if not isinstance(found, list) or len(found) > COUNT:
        raise GuestAnswer(f"The agent saved more than the {COUNT} files that are taken.")
    total = 0
    for entry in found:
        match entry:
            case [str(name), int(size)] if size >= 0:
                total += size
            case _:
                raise GuestAnswer("The agent's process does not say what it saved.")
        if not re.fullmatch(NAMES, name):
            shown, taken = plain(name, 60), "plain names that end in .json, .npz or .safetensors"
            raise GuestAnswer(f"The agent saved {shown!r}; taken are {taken}.")
    if total > limit:
        raise GuestAnswer(f"The agent saved more than the {shown_size(limit)} that are taken.")
    return [(name, size) for name, size in found]


def _scalar(answer: Message) -> Scalar | None:
    """The plain value of an answer, None for anything else that a guest may have put there."""
    value = answer.header.get("value")
    return value if isinstance(value, bool | int | float | str) else None

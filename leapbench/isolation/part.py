"""A part of an agent that lives in a guest: the host's side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from leapbench.contract.agent import LearningPhase
from leapbench.errors import AgentError, InvalidAction, InvalidOutput, UserError
from leapbench.isolation import files
from leapbench.isolation.channel import Message
from leapbench.isolation.failures import plain
from leapbench.isolation.remote import Guest
from leapbench.isolation.serving import Service
from leapbench.isolation.wire import pack_arguments
from leapbench.results.result import Scalar


class RemotePart:
    """A policy or agent in a guest, as `leapbench.contract.agent.Policy`.

    Args:
        guest: where it lives.
    """

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._calls = 0

    def learn(self, phase: LearningPhase) -> None:
        """Let it learn; its requests are served and metered here."""
        service = Service(phase, self.guest.sandbox.given)
        try:
            self.guest.call(service.opening(), service=service)
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
        """Let it save, and copy what it saved."""
        sandbox, name = self.guest.sandbox, self.guest.folder()
        self.guest.call({"call": "save", "folder": str(sandbox.home / name)})
        try:
            files.collect(sandbox.home, name, folder, self.guest.limits.folder)
        except AgentError as error:
            raise self.guest.fail(error) from None

    def load(self, folder: Path) -> None:
        """Give it what it saved."""
        given = self.guest.sandbox.given / self.guest.folder()
        files.present(folder, given)
        self.guest.call({"call": "load", "folder": str(given)})


def _scalar(answer: Message) -> Scalar | None:
    """The plain value of an answer, None for anything else that a guest may have put there."""
    value = answer.header.get("value")
    return value if isinstance(value, bool | int | float | str) else None

"""One guest as the host sees it: calls, their answers, and what becomes of failures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from leapbench.errors import AgentError, UserError
from leapbench.isolation import sandbox, verdicts
from leapbench.isolation.channel import Message
from leapbench.isolation.failures import GuestAnswer, GuestLate, plain, seconds
from leapbench.isolation.frames import ClosedError, LateError, MalformedError
from leapbench.isolation.limits import Limits
from leapbench.isolation.process import OverLimit, Process
from leapbench.isolation.serving import Service

BARE = "NO SANDBOX: a process of its own with limits, and with the user's files and network"


class GuestProcess:
    """One process with one agent in it; started by the first call, killed at the end.

    Args:
        file: the agent's file; its content is sent to the process.
        name: class in the file.
        config: its settings.
        limits: what it may use up.
        modules: modules of the suite or a plug-in that it may import beyond those of all.

    Attributes:
        isolation: how it is kept apart, one line.
        left: seconds that the host will still wait for it.
    """

    def __init__(
        self,
        file: Path,
        name: str,
        config: Mapping[str, Any],
        limits: Limits | None = None,
        modules: Sequence[str] = (),
    ) -> None:
        self.file, self.name, self.config = file, name, dict(config)
        self.limits, self.modules = limits or Limits(), modules
        self.left = self.limits.wall
        self.isolation = sandbox.KEPT if self.limits.sandbox else BARE
        self._process: Process | None = None
        self._failed: AgentError | None = None
        self._used = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def cpu(self) -> float:
        """CPU seconds that it has used."""
        return self._used + (self._process.cpu if self._process is not None else 0.0)

    def close(self) -> None:
        """Kill the process."""
        if self._process is not None:
            self._process.close()
            self._used = self._process.cpu
            self._process = None

    def start(self) -> Process:
        """Start the process, if it was not.

        Raises:
            AgentError: when the agent cannot be built, or as it once failed.
            UserError: when this machine cannot start a process for it.
        """
        if self._failed is not None:
            raise self._failed
        if self._process is None:
            self._process = Process(self.limits, self.modules)
            self._begin(self._process)
            source = np.frombuffer(self.file.read_bytes(), np.uint8)
            self.call({"call": "build", "class": self.name, "config": self.config}, [source])
        return self._process

    def call(
        self,
        header: dict[str, Any],
        arrays: Sequence[np.ndarray] = (),
        service: Service | None = None,
    ) -> Message:
        """Send a call and wait for its answer.

        Args:
            header: JSON data, "call" among it.
            arrays: of the call.
            service: answers what the guest asks meanwhile; None where it may ask nothing.

        Raises:
            AgentError: for whatever goes wrong in the guest; it is killed first.
        """
        process = self.start()
        message = self._exchange(process, header, arrays)
        while "call" in message.header:
            if service is None:
                raise self.fail(GuestAnswer("The agent's process asked where it was to answer."))
            try:
                answer = service.answer(message)
                service.check(self.limits.host)
            except AgentError as error:
                raise self.fail(error) from None
            message = self._exchange(process, *answer) if answer else self._receive(process)
        if "error" in message.header:
            raise self._raised(message.header["error"], service)
        return message

    def _begin(self, process: Process) -> None:
        """Wait until the process is there; no code of the agent's has run by then.

        Raises:
            UserError: when it does not come so far, which is no fault of the agent's.
        """
        try:
            self._receive(process)
        except AgentError as error:
            self._failed = None
            raise UserError(
                f"No process for an agent can be started here: {error}",
                "`leapbench doctor` tries it and says what this machine has.",
            ) from None
        process.follow()

    def _exchange(
        self, process: Process, header: dict[str, Any], arrays: Sequence[np.ndarray]
    ) -> Message:
        begun = time.monotonic()
        try:
            process.channel.send(header, arrays, begun + self.left)
        except (ClosedError, LateError, OverLimit) as error:
            raise self._broken(process, error) from None
        self.left -= time.monotonic() - begun
        return self._receive(process)

    def _receive(self, process: Process) -> Message:
        begun = time.monotonic()
        try:
            message = process.channel.receive(begun + self.left)
        except (ClosedError, LateError, MalformedError, OverLimit) as error:
            raise self._broken(process, error) from None
        self.left -= time.monotonic() - begun
        return message

    def _broken(self, process: Process, error: Exception) -> AgentError:
        """The verdict on a broken channel; the guest is killed."""
        match error:
            case LateError():
                wall = seconds(self.limits.wall)
                return self.fail(GuestLate(f"The agent did not finish within {wall}."))
            case MalformedError():
                return self.fail(GuestAnswer(f"The agent's process misbehaved: {error}."))
            case OverLimit():
                return self.fail(error)
        ending = process.wait(1.0)
        if ending is None:
            return self.fail(GuestAnswer("The agent's process closed its connection to the host."))
        return self.fail(verdicts.of_ending(ending, self.limits))

    def _raised(self, answer: Any, service: Service | None) -> AgentError:
        """The verdict on an exception in the guest: the host's own, or what it says it is."""
        number = answer.get("of_host") if isinstance(answer, dict) else None
        if service is not None and isinstance(number, int):
            error = service.raised.get(number)
            if isinstance(error, AgentError):
                self.close()
                self._failed = error
                return error
        return self.fail(verdicts.of_exception(answer, plain(self.file.name, 60), self.limits))

    def fail(self, error: AgentError) -> AgentError:
        """Kill the guest; `error` with the end of its output."""
        if self._process is not None:
            process = self._process
            self.close()
            if process.output:
                error.args = (f"{error} {process.output}",)
        self._failed = error
        return error

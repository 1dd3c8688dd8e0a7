"""One guest as the host sees it: calls, their answers, and what becomes of failures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import copyfile
from typing import Any, Self

import numpy as np

from leapbench.errors import AgentError, UserError
from leapbench.isolation import layers, verdicts
from leapbench.isolation.channel import Message
from leapbench.isolation.failures import GuestAnswer, GuestLate, seconds
from leapbench.isolation.frames import ClosedError, LateError, MalformedError
from leapbench.isolation.limits import Limits
from leapbench.isolation.sandbox import Sandbox
from leapbench.isolation.serving import Service
from leapbench.isolation.watch import OverLimit


class Guest:
    """One process with one agent in it; started by the first call, killed at the end.

    Args:
        file: the agent's file; a copy of it is run.
        name: class in the file.
        config: its settings.
        limits: what it may use up.
        paths: further folders in which its Python finds packages.

    Attributes:
        had: the protections that it got, keys of `leapbench.isolation.layers.HAD`.
        isolation: what was had and what was not, one line.
        left: seconds that the host will still wait for it.
    """

    def __init__(
        self,
        file: Path,
        name: str,
        config: Mapping[str, Any],
        limits: Limits | None = None,
        paths: Sequence[str] = (),
    ) -> None:
        self.file, self.name, self.config = file, name, dict(config)
        self.limits, self.paths = limits or Limits(), paths
        self.left = self.limits.wall
        self.had: frozenset[str] = frozenset()
        self.isolation = "not started"
        self._sandbox: Sandbox | None = None
        self._failed: AgentError | None = None
        self._folders = 0
        self._used = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def cpu(self) -> float:
        """CPU seconds that it has used."""
        return self._used + (self._sandbox.cpu if self._sandbox is not None else 0.0)

    def close(self) -> None:
        """Kill the process and remove its folder."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._used = self._sandbox.cpu
            self._sandbox = None

    @property
    def sandbox(self) -> Sandbox:
        """The process, started if it was not; raises as `start`."""
        return self.start()

    def start(self) -> Sandbox:
        """Start the process, if it was not.

        Raises:
            AgentError: when the agent cannot be built, or as it once failed.
            UserError: when this machine cannot start a process for it.
        """
        if self._failed is not None:
            raise self._failed
        if self._sandbox is None:
            self._sandbox = Sandbox(self.limits, self.paths)
            self._build(self._sandbox)
        return self._sandbox

    def folder(self) -> str:
        """A name for a folder that was not used before."""
        self._folders += 1
        return f"part-{self._folders}"

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
        sandbox = self.sandbox
        message = self._exchange(sandbox, header, arrays)
        while "call" in message.header:
            if service is None:
                raise self.fail(GuestAnswer("The agent's process asked where it was to answer."))
            try:
                answer = service.answer(message)
                service.check(self.limits.host)
            except AgentError as error:
                raise self.fail(error) from None
            message = self._exchange(sandbox, *answer) if answer else self._receive(sandbox)
        if "error" in message.header:
            raise self._raised(message.header["error"], service)
        return message

    def _build(self, sandbox: Sandbox) -> None:
        copy = sandbox.given / self.file.name
        copyfile(self.file, copy)
        self.had = self._begun(sandbox)
        self.isolation = layers.statement(self.had)
        sandbox.expose(self.had)
        fields = {"file": str(copy), "class": self.name, "config": self.config}
        self.call({"call": "build", **fields})

    def _begun(self, sandbox: Sandbox) -> frozenset[str]:
        """What protects from the process, once it is there; no code of the agent's has run.

        Raises:
            UserError: when it does not come so far, which is no fault of the agent's.
        """
        begun = time.monotonic()
        try:
            try:
                sandbox.started()
            except ClosedError as error:
                raise self._broken(sandbox, error) from None
            self.left -= time.monotonic() - begun
            return frozenset(self._receive(sandbox).header["ready"])
        except AgentError as error:
            raise UserError(
                f"No process for an agent can be started here: {error}",
                "`leapbench doctor` tries it and says what this machine has.",
            ) from None

    def _exchange(
        self, sandbox: Sandbox, header: dict[str, Any], arrays: Sequence[np.ndarray]
    ) -> Message:
        begun = time.monotonic()
        try:
            sandbox.channel.send(header, arrays, begun + self.left)
        except (ClosedError, LateError, OverLimit) as error:
            raise self._broken(sandbox, error) from None
        self.left -= time.monotonic() - begun
        return self._receive(sandbox)

    def _receive(self, sandbox: Sandbox) -> Message:
        begun = time.monotonic()
        try:
            message = sandbox.channel.receive(begun + self.left)
        except (ClosedError, LateError, MalformedError, OverLimit) as error:
            raise self._broken(sandbox, error) from None
        self.left -= time.monotonic() - begun
        return message

    def _broken(self, sandbox: Sandbox, error: Exception) -> AgentError:
        """The verdict on a broken channel; the guest is killed."""
        match error:
            case LateError():
                wall = seconds(self.limits.wall)
                return self.fail(GuestLate(f"The agent did not finish within {wall}."))
            case MalformedError():
                return self.fail(GuestAnswer(f"The agent's process misbehaved: {error}."))
            case OverLimit():
                return self.fail(error)
        ending = sandbox.wait(1.0)
        if ending is None:
            return self.fail(GuestAnswer("The agent's process closed its connection to the host."))
        return self.fail(verdicts.of_ending(ending, self.limits))

    def _raised(self, told: Any, service: Service | None) -> AgentError:
        """The verdict on an exception in the guest: the host's own, or what it says it is."""
        number = told.get("of_host") if isinstance(told, dict) else None
        if service is not None and isinstance(number, int):
            error = service.raised.get(number)
            if isinstance(error, AgentError):
                self.close()
                self._failed = error
                return error
        return self.fail(verdicts.of_exception(told, self.file.name, self.limits))

    def fail(self, error: AgentError) -> AgentError:
        """Kill the guest; `error` with the end of its output."""
        if self._sandbox is not None:
            self._sandbox.kill()
            output = self._sandbox.output
            if output:
                error.args = (f"{error} {output}",)
            self.close()
        self._failed = error
        return error

"""The agent's side of the contract.

An agent is one part or several: a *policy* acts, a *model* is a network that
the task runs and meters, an *agent* is both in one. Each part is declared in
the `agent.toml` of its folder and meets a task only through the methods here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from leapbench.contract.checkpoints import Checkpoints
from leapbench.contract.meter import Meter


@dataclass
class LearningPhase:
    """What a part is given to learn from, inside one metered phase.

    Attributes:
        name: name of the phase.
        meter: the budget; data and environments given here spend from it.
        seed: seed of this phase, from the train stream, in [0, 2**31).
        settings: the protocol's constants.
        data: what the family offers (a `MeteredStream`, calibration predictions, ...).
        make_env: builds a metered training environment, or None. Where policies act on
            batches it takes `num_envs` and gives a metered vector environment.
        report: called with the fraction done in [0, 1] and a short line.
        checkpoints: where a long phase writes its state now and then, to continue from
            `checkpoints.latest` after a kill; None where it does not. `meter` counts what
            was used before.
        logged: where `log` goes.
        device: where networks and their data are to be while the part learns, as torch
            names it: "cpu", "cuda" or "cuda:N". What it draws from `seed` should not
            depend on it. Afterwards the part may act on the CPU.
        cards: processes that may share a part's updates, each with a card of its own
            (`--device cuda:all`); a part that knows of none learns in this one.
    """

    name: str
    meter: Meter
    seed: int
    settings: Mapping[str, Any]
    data: Any = None
    make_env: Callable[..., Any] | None = None
    report: Callable[[float, str], None] = field(default=lambda fraction, line: None)
    checkpoints: Checkpoints | None = None
    device: str = "cpu"
    cards: int = 1
    logged: Callable[[int, Mapping[str, float]], None] = field(default=lambda step, values: None)

    def log(self, step: int, **values: float) -> None:
        """Log named numbers, for curves that are watched while the part learns.

        What is shown, kept beside the result and written by `--log` is derived from this;
        the result itself does not depend on it. A name that Python has taken ends with
        "_", which is left out: `phase.log(step, loss=0.5, return_=12.0)`.

        Args:
            step: how far the phase is, ascending: units of its budget, or updates.
            values: finite numbers by name; others are left out.
        """
        self.logged(int(step), {name.rstrip("_"): float(v) for name, v in values.items()})


@runtime_checkable
class Learner(Protocol):
    """What every part has: it learns, and its outcome is saved without pickle."""

    def learn(self, phase: LearningPhase) -> None:
        """Learn inside the budget of `phase`; returning early is allowed."""

    def save(self, folder: Path) -> None:
        """Write the learned state into `folder` as safetensors, npz or JSON."""

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote; in a later phase the part may learn on from there."""


@runtime_checkable
class Policy(Learner, Protocol):
    """A part that acts, by Stable-Baselines3's `predict` convention.

    Two attributes are optional, and are read through `is_privileged` and
    `observation_mode`:

    * `privileged`, False by default: whether it looks at the environment itself, as
      oracles do, and has `bind(env)`, which is called after `reset` with the environment
      in which it is to act. A policy in a process of its own is never bound.
    * `observation_mode`, "" by default: which observation it acts on, where a family
      offers several; "" is that family's usual one.
    """

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions for a batch of observations.

        Args:
            observation: (B, *observation shape).
            state: what the previous call returned, None at first.
            episode_start: bool (B,), True where an episode begins.
            deterministic: no exploration.

        Returns:
            Actions (B, *action shape) and the next state.
        """


@runtime_checkable
class Remote(Protocol):
    """A part in a process of its own, whose further methods and values are asked for there.

    What it answers is not to be trusted, and none of its attributes are here.
    """

    def invoke(self, name: str, *arguments: Any) -> Any:
        """What a method of the part returns: an array, a plain value or None.

        Args:
            name: of the method.
            arguments: arrays, plain values, or tuples of them.

        Raises:
            AgentError: when it raises, or returns something else.
        """

    def value(self, name: str) -> Any:
        """A number, text or truth value that is an attribute of the part; None for others."""


def is_privileged(policy: object) -> bool:
    """Whether a policy is to be bound to its environment, see `Policy`; not if it is remote."""
    return not isinstance(policy, Remote) and bool(getattr(policy, "privileged", False))


def observation_mode(policy: object) -> Any:
    """Which observation a policy acts on, see `Policy`; the answer of a remote one is unchecked."""
    if isinstance(policy, Remote):
        mode = policy.value("observation_mode")
        return "" if mode is None else mode
    return getattr(policy, "observation_mode", "")


@runtime_checkable
class Model(Learner, Protocol):
    """A part that is a network; the task runs it and counts its cost."""

    network: Any

"""A policy whose network Stable-Baselines3 trains in a phase; saved without pickle."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

from leapbench.agents.common.mlp import load_weights, save_weights, seeded
from leapbench.agents.common.state import broken, require
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

RECORD, WEIGHTS = "policy.json", "policy.safetensors"
Net = TypeVar("Net", bound=nn.Module)


class SB3Network(ABC, Generic[Net]):
    """Learns by acting, and is saved as weights and a record of the network's shape.

    Attributes:
        network: what acts; None until learned.
    """

    network: Net | None = None

    @abstractmethod
    def trained(self, make_env: Callable[..., Any], phase: LearningPhase) -> Net:
        """The network after as many steps as the phase's budget pays for.

        Args:
            make_env: gives metered environments to learn in.
            phase: gives budget, seed and where to report.
        """

    @abstractmethod
    def built(self) -> Net:
        """A network of the same shape, whose weights do not matter."""

    @abstractmethod
    def record(self) -> dict[str, Any]:
        """What `built` needs, as JSON data."""

    @abstractmethod
    def restore(self, record: dict[str, Any]) -> None:
        """Take over what `record` gave; a KeyError, TypeError or ValueError where it is not."""

    def learn(self, phase: LearningPhase) -> None:
        """Train until what is left of the budget pays for no further update.

        Raises:
            UserError: when there is no environment.
        """
        if phase.make_env is None:
            raise UserError(f"{type(self).__name__} learns by acting, and got no environment.")
        with seeded(phase.seed):
            self.network = self.trained(phase.make_env, phase)

    @property
    def ready(self) -> bool:
        """Whether there is anything to act with or to save."""
        return self.network is not None

    def learned(self) -> Net:
        """The network.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self.network is not None, self)
        assert self.network is not None  # noqa: S101 - for the type checker
        return self.network

    def save(self, folder: Path) -> None:
        """Write `policy.json` and, where something was learned, `policy.safetensors`.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self.ready, self)
        text = json.dumps(self.record(), indent=2) + "\n"
        (folder / RECORD).write_text(text, encoding="utf-8")
        if self.network is not None:
            save_weights(folder / WEIGHTS, self.network)

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when a file is absent or is not of this policy.
        """
        self.load_record(folder)
        network = self.built()
        load_weights(folder / WEIGHTS, network, self)
        self.network = network

    def load_record(self, folder: Path) -> None:
        """Restore what was recorded beside the weights.

        Raises:
            UserError: when the file is absent or is not of this policy.
        """
        try:
            self.restore(json.loads((folder / RECORD).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise broken(folder / RECORD, self, error) from error


class Progress(BaseCallback):
    """Reports to the phase, at most a hundred times, and logs returns and losses then.

    The return is the mean of the episodes that ended since the last time.

    Args:
        phase: whose `report` is called.
        limit: steps that the algorithm is trained for.
    """

    def __init__(self, phase: LearningPhase, limit: int) -> None:
        super().__init__()
        self._phase, self._limit, self._shown = phase, limit, 0
        self._earned: Any = 0.0
        self._returns: list[float] = []

    def _on_step(self) -> bool:
        over = np.asarray(self.locals["dones"], bool)
        earned = self._earned + np.asarray(self.locals["rewards"], float)
        self._returns += earned[over].tolist()
        self._earned = np.where(over, 0.0, earned)
        percent = 100 * self.num_timesteps // self._limit
        if percent > self._shown:
            self._shown = percent
            self._phase.log(self.num_timesteps, **self._numbers())
            unit = self._phase.meter.budget.unit
            self._phase.report(percent / 100, f"{self.num_timesteps} of {self._limit} {unit}")
        return True

    def _numbers(self) -> dict[str, float]:
        """Mean return since the last time, and what the algorithm recorded since it last wrote."""
        returns, self._returns = self._returns, []
        recorded = self.logger.name_to_value.items()
        trained = [(name, value) for name, value in recorded if name.startswith("train/")]
        losses = {n.partition("/")[2]: float(v) for n, v in trained if n.endswith("loss")}
        return {"return": math.fsum(returns) / len(returns) if returns else math.nan} | losses

"""What a training saves now and then, from which a killed one goes on to the same weights."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from leapbench.agents.common import nested
from leapbench.contract.agent import LearningPhase
from leapbench.contract.checkpoints import unreadable


@dataclass(frozen=True)
class Kept:
    """What a training changes beside its optimizer.

    Attributes:
        network: all of its weights and statistics are saved.
        generators: of random numbers, by name.
    """

    network: nn.Module
    generators: Mapping[str, np.random.Generator] = field(default_factory=dict)


class Saves:
    """Checkpoints of one training, a new one when the last is `save_seconds` of the protocol old.

    Args:
        phase: whose checkpoints are written; without any nothing is saved.
        optimizer: of the training.
        kept: what else it changes; None saves nothing.
    """

    def __init__(
        self, phase: LearningPhase, optimizer: torch.optim.Optimizer, kept: Kept | None
    ) -> None:
        self.phase, self.optimizer, self.kept = phase, optimizer, kept
        self.every = phase.settings.get("save_seconds")
        self._written = time.monotonic()

    def begun(self) -> int:
        """Load the newest checkpoint; updates that it has behind it, 0 where there is none.

        Raises:
            UserError: when it cannot be read.
        """
        saves = self.phase.checkpoints
        latest = saves.latest if saves else None
        if latest is None or self.kept is None:
            return 0
        try:
            state = nested.read(latest)
            self.kept.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            for name, generator in self.kept.generators.items():
                generator.bit_generator.state = state["generators"][name]
            return int(state["updates"])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise unreadable(latest, error) from error

    def after(self, updates: int) -> None:
        """Write a checkpoint if it is time."""
        saves, kept = self.phase.checkpoints, self.kept
        if not self.every or saves is None or kept is None:
            return
        if time.monotonic() - self._written < float(self.every):
            return
        drawn = {name: each.bit_generator.state for name, each in kept.generators.items()}
        state: dict[str, Any] = {
            "updates": updates,
            "network": kept.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generators": drawn,
        }
        saves.write(self.phase.meter, lambda to: nested.write(state, to))
        self._written = time.monotonic()

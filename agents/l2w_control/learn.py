"""Control for L2W-DEN: its own mean exit weights, fixed from the start.

If the gain of L2W-DEN is only that it re-balances the exits, this does as well.
"""

from __future__ import annotations

import json
from importlib.resources import files

import torch
from torch import Tensor

from leapbench.agent import LearningPhase
from leapbench.agents.multi_exit.recipe import Recipe, losses
from leapbench.errors import UserError


class MeanWeights(Recipe):
    """Fix every exit's weight at the mean that L2W-DEN gave it.

    The means are read from `means.json`, recorded from the training logs of the
    `l2w-den` runs of the same task and tier (mean over its seeds).

    Args:
        weights: own weights instead, "w1,w2,..."; empty for the recorded ones.
        network: "msdnet" or "ranet".
        lr_factor: multiplies the protocol's learning rate.
    """

    def __init__(self, weights: str = "", network: str = "msdnet", lr_factor: float = 1.0) -> None:
        super().__init__(network=network, lr_factor=lr_factor)
        self.weights = weights

    def prepare(self, phase: LearningPhase) -> None:
        """Look the weights up.

        Raises:
            UserError: when none are recorded for the task, or their number is wrong.
        """
        if self.weights:
            values = [float(w) for w in self.weights.split(",")]
        else:
            recorded = json.loads(files(__package__).joinpath("means.json").read_text())
            values = recorded.get(phase.settings["key"], {}).get("weights", [])
        exits = len(self.network.heads)  # type: ignore[arg-type]
        if len(values) != exits:
            raise UserError(
                f"{len(values)} mean exit weights are known for {phase.settings['key']}, "
                f"the network has {exits} exits.",
                "Pass them: --set weights=" + ",".join(["1.0"] * exits),
            )
        self.vector = torch.tensor(values)

    def loss(self, logits: list[Tensor], labels: Tensor) -> Tensor:
        """Weighted sum of the exits' mean cross-entropies."""
        return losses(logits, labels).mean(0) @ self.vector

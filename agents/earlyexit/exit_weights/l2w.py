"""Control for L2W-DEN: its own mean exit weights, fixed from the start.

If the gain of L2W-DEN is only that it re-balances the exits, this does as well.
"""

from __future__ import annotations

import json
from importlib.resources import files

import torch
from torch import Tensor

from leapbench.agents.earlyexit.common.trainer import Trainer, losses
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

# Task and tier, then the agent's seed: the mean weight of every exit.
MEANS: dict[str, dict[str, list[float]]] = json.loads(
    files(__package__).joinpath("means.json").read_text(encoding="utf-8")
)


class MeanWeights(Trainer):
    """Fix every exit's weight at the mean that L2W-DEN gave it.

    The means are read from `means.json`, recorded from the training logs of the `l2w-den`
    runs (of `l2w-den-i1` in the tasks that count passes): those of the same seed, else the
    average over the seeds.

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
        settings = phase.settings
        name = f"{settings['task']}/{settings['tier']}"
        values = [float(w) for w in self.weights.split(",")] if self.weights else []
        if not self.weights and (recorded := MEANS.get(name)):
            average = [sum(column) / len(column) for column in zip(*recorded.values(), strict=True)]
            values = recorded.get(str(settings["seed"]), average)
        exits = len(self.network.heads)  # type: ignore[arg-type]
        if len(values) != exits:
            raise UserError(
                f"{len(values)} mean exit weights are known for {name}; "
                f"the network has {exits} exits.",
                "Pass them: --set weights=" + ",".join(["1.0"] * exits),
            )
        self.vector = torch.tensor(values, device=phase.device)

    def loss(self, logits: list[Tensor], labels: Tensor) -> Tensor:
        """Weighted sum of the exits' mean cross-entropies."""
        return losses(logits, labels).mean(0) @ self.vector

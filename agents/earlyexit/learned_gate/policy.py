"""The learned gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.exits.grid import Flags, GridPolicy, exit_of, observations
from leapbench.agents.common.mlp import load_weights, mlp, save_weights, seeded
from leapbench.agents.earlyexit.learned_gate.price import rates, solve_price
from leapbench.contract.agent import LearningPhase
from leapbench.envs.exits.observation import ExitColumn
from leapbench.envs.exits.predictions import PredictionCache

FOLDS = 2
_SEEN = slice(ExitColumn.TOP1, ExitColumn.AGREEMENT + 1)
"""Columns about the sample; those of the episode play no part in the prediction."""


class Gate(GridPolicy):
    """Continues where the predicted gain in accuracy is worth the compute.

    A network predicts, from what one exit shows, the chance that this and each
    later exit is right; going on is worth the best gain per multiply-add among
    the later exits, and is bought above one price per budget. Two networks are
    fitted to half of the calibration set each, and the price is solved on what
    each predicts for the half that it has not seen. Both are averaged to act.

    Args:
        hidden: width of the hidden layer.
        updates: gradient steps of each network.
        batch: samples in a step, each at all its exits.
        lr: learning rate of AdamW, annealed to 0 along a cosine.
        weight_decay: of AdamW.
    """

    costs: NDArray[np.int64]
    networks: nn.ModuleList

    def __init__(
        self,
        hidden: int = 64,
        updates: int = 800,
        batch: int = 128,
        lr: float = 1e-2,
        weight_decay: float = 0.1,
    ) -> None:
        self.hidden, self.updates, self.batch = hidden, updates, batch
        self.lr, self.weight_decay = lr, weight_decay
        least = {"hidden": 1, "updates": 1, "batch": 1, "weight_decay": 0}
        bounded(self, least, positive=("lr",))

    def fit(self, phase: LearningPhase, budgets: Sequence[int]) -> NDArray[np.float64]:
        """Fit the networks, then a price for each budget, float64 (G, 1)."""
        predictions: PredictionCache = phase.data
        self.costs = predictions.costs
        fold = np.random.default_rng(phase.seed).permutation(predictions.samples) % FOLDS
        inputs, targets = (
            self._inputs(observations(predictions)),
            torch.from_numpy(predictions.correct).float(),
        )
        chances = np.empty((predictions.samples, predictions.exits, predictions.exits))
        with seeded(phase.seed):
            self.networks = self._build(predictions.exits)
            for held_out, network in enumerate(self.networks):
                seen = torch.from_numpy(fold != held_out)
                self._train(network, inputs[seen], targets[seen], phase.device)
                chances[~seen.numpy()] = _chances(network, inputs[~seen])
                phase.report((held_out + 1) / (FOLDS + 1), f"gate {held_out + 1} of {FOLDS}")
        rate = rates(chances, predictions.costs)
        return np.array([[solve_price(rate, predictions.costs, budget)] for budget in budgets])

    def stay(
        self, observation: NDArray[np.float32], exit: NDArray[np.int64], row: NDArray[np.float64]
    ) -> Flags:
        """Continue above the price; see `GridPolicy.stay`."""
        inputs = self._inputs(observation)
        chances = np.mean([_chances(network, inputs) for network in self.networks], axis=0)
        square = np.repeat(chances[:, None], self.exits, axis=1)
        rate = rates(square, self.costs)[np.arange(len(exit)), exit]
        return np.asarray(rate > row[:, 0])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `GridPolicy.arrays`."""
        return super().arrays() | {"costs": self.costs, "hidden": np.array(self.hidden)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """See `GridPolicy.restore`."""
        super().restore(arrays)
        self.costs, self.hidden = arrays["costs"], int(arrays["hidden"])
        self.networks = self._build(self.exits)

    def save(self, folder: Path) -> None:
        """Write `policy.npz` and `gate.safetensors`; see `GridPolicy.save`."""
        super().save(folder)
        save_weights(folder / "gate.safetensors", self.networks)

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote; see `GridPolicy.load`."""
        super().load(folder)
        load_weights(folder / "gate.safetensors", self.networks, self)

    def _build(self, exits: int) -> nn.ModuleList:
        inputs = exits + _SEEN.stop - _SEEN.start
        return nn.ModuleList(mlp((inputs, self.hidden, exits)) for _ in range(FOLDS))

    def _inputs(self, observation: NDArray[np.float32]) -> torch.Tensor:
        """The exit, one-hot, and the columns about the sample; float32 (..., inputs)."""
        exits = len(self.costs)
        hot = np.eye(exits, dtype=np.float32)[exit_of(observation, exits)]
        return torch.from_numpy(np.concatenate([hot, observation[..., _SEEN]], axis=-1))

    def _train(
        self, network: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, device: str
    ) -> None:
        """Cross-entropy of "exit j is right" seen from every exit k <= j."""
        exits = targets.shape[1]
        network.to(device)
        inputs, targets = inputs.to(device), targets.to(device)
        ahead = torch.ones(exits, exits, device=device).triu()
        optimizer = torch.optim.AdamW(network.parameters(), self.lr, weight_decay=self.weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.updates)
        for _ in range(self.updates):
            drawn = torch.randint(len(targets), (self.batch,)).to(device)
            wanted = targets[drawn, None].expand(-1, exits, -1)
            loss = nn.functional.binary_cross_entropy_with_logits(
                network(inputs[drawn]), wanted, weight=ahead
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
        network.cpu()


@torch.no_grad()
def _chances(network: nn.Module, inputs: torch.Tensor) -> NDArray[np.float64]:
    """Predicted chance that each exit is right, float64 (..., K)."""
    return np.asarray(torch.sigmoid(network(inputs)).double())

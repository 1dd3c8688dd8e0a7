"""L2W-DEN: sample weights for every exit, learned to suit early exiting."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from leapbench.agents.common.bounds import bounded
from leapbench.agents.earlyexit.common.trainer import Batch, Trainer, losses, rounded
from leapbench.agents.earlyexit.l2w_den.meta import meta_gradient
from leapbench.agents.earlyexit.l2w_den.wpn import CENTRINGS, WeightPredictor, exit_shares, weights
from leapbench.contract.agent import LearningPhase
from leapbench.errors import unknown


class L2WDen(Trainer):
    """Weight each sample's loss at each exit by a meta-learned network.

    Args:
        epsilon: strength of the weighting; the paper uses 0.3 (ImageNet) and 0.8 (CIFAR).
        centring: "mat", "col" or "row".
        p: the target exit shares are proportional to p^k; 0.75 in the paper.
        interval: the predictor learns on every `interval`-th batch.
        predictor_lr: Adam's rate for the predictor, annealed like the backbone's.
        hidden: hidden units of the predictor.
        network: "msdnet" or "ranet".
        lr_factor: multiplies the protocol's learning rate.
    """

    def __init__(
        self,
        epsilon: float = 0.3,
        centring: str = "mat",
        p: float = 0.75,
        interval: int = 4,
        predictor_lr: float = 1e-3,
        hidden: int = 500,
        network: str = "msdnet",
        lr_factor: float = 1.0,
    ) -> None:
        super().__init__(network=network, lr_factor=lr_factor)
        self.epsilon, self.centring, self.p, self.interval = epsilon, centring, p, interval
        self.predictor_lr, self.hidden = predictor_lr, hidden
        positive = ("p", "predictor_lr")
        bounded(self, {"interval": 1, "hidden": 1}, positive, shares=("epsilon",))
        if centring not in CENTRINGS:
            raise unknown("centring", centring, CENTRINGS)
        self.seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def prepare(self, phase: LearningPhase) -> None:
        """Draw the predictor's weights and fix the target exit shares."""
        exits = len(self.network.heads)  # type: ignore[arg-type]
        self.shares = exit_shares(exits, self.p)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(phase.seed + 1)
            self.predictor = WeightPredictor(exits, self.hidden)
        self.predictor.to(phase.device)
        self.meta_optimizer = torch.optim.Adam(
            self.predictor.parameters(), self.predictor_lr, weight_decay=1e-4
        )

    def update(self, optimizer: torch.optim.SGD, train: Batch, other: Batch, step: int) -> Tensor:
        """Teach the predictor on `other` when it is due, then step on `train`."""
        images, labels = train
        matrix = losses(self.forward(images), labels)
        if step % self.interval == 0:
            # The pseudo-network equals the real one here, so one forward pass serves both.
            self._teach(optimizer, train, matrix, other)
        with torch.no_grad():
            weight = weights(self.predictor(matrix), self.epsilon, self.centring)
        optimizer.zero_grad(set_to_none=True)
        (weight * matrix).mean(0).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        self.seen.append(mechanism(weight, matrix.detach()))
        return matrix.detach()

    def _teach(self, optimizer: torch.optim.SGD, train: Batch, matrix: Tensor, meta: Batch) -> None:
        _, gradients = meta_gradient(
            self.network, train, matrix, self.predictor, optimizer, meta,
            self.shares, self.epsilon, self.centring,
        )  # fmt: skip
        annealed = optimizer.param_groups[0]["lr"] / optimizer.defaults["lr"]
        self.meta_optimizer.param_groups[0]["lr"] = self.predictor_lr * annealed
        for value, gradient in zip(self.predictor.parameters(), gradients, strict=True):
            value.grad = gradient
        self.meta_optimizer.step()

    def epoch_log(self) -> dict[str, Any]:
        """What the weights did over the epoch, means over its updates.

        Mean weight of every exit (how exits were re-balanced), mean |W - 1|, and the correlation
        of weight and loss at each exit: negative at the first and positive at the last where
        easy samples are left to early exits, as in the authors' figure of the method.
        """
        means, deviations, correlations = (
            torch.stack(each).mean(0) for each in zip(*self.seen, strict=True)
        )
        self.seen.clear()
        found = rounded(correlations)
        return {
            "exit_weights": rounded(means),
            "weight_loss": found,
            "weight_deviation": round(float(deviations), 5),
            "weight_loss_first_exit": found[0],
            "weight_loss_last_exit": found[-1],
        }


def mechanism(weight: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the weights of an update do.

    Args:
        weight: sample weights (B, K).
        matrix: losses (B, K).

    Returns:
        mean weight of each exit (K,); mean |W - 1| (); correlation of weight and loss over the
        samples at each exit (K,), 0 where either is constant.
    """
    mean = weight.mean(0)
    apart, lost = weight - mean, matrix - matrix.mean(0)
    norm = (apart.square().sum(0) * lost.square().sum(0)).sqrt()
    shared = (apart * lost).sum(0) / norm.clamp_min(torch.finfo(norm.dtype).tiny)
    return mean, (weight - 1).abs().mean(), shared

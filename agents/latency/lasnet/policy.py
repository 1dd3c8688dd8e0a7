"""Spatially dynamic blocks whose maskers are learned (LASNet, arXiv 2210.06223)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.agents.common.bounds import bounded
from leapbench.agents.latency.common import losses
from leapbench.agents.latency.common.masks import Flags, Floats, MaskPolicy
from leapbench.agents.latency.common.network import DynamicNetwork
from leapbench.agents.latency.common.training import maskers
from leapbench.envs.latency.lessons import Lessons

SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65)
"""Mean shares of cells, over blocks and held-out images, that thresholds are found for."""
AT_ONCE = 600
"""Held-out images that go through the network together."""


class LASNet(MaskPolicy):
    """Gumbel masks with annealed temperature, a loss of multiply-adds, and distillation.

    L = CE + alpha T^2 KL(dense network || this one) + weight L_FLOPs, with
    L_FLOPs = (F / F_full - target)^2 + mean over blocks of the square by which their share
    leaves its bounds, which are `target` at first and [0, 1] after a third of the training.
    Temperature of the masks: from 5 to 0.1, exponentially.

    Where it acts, a cell is kept if its masker's probability reaches a threshold: 1/2, as in
    the paper, or another that suits the budget better on held-out images.

    Args:
        granularity: side of a cell in each stage, such as "4-2-1"; "pixel", "layer", or "" for
            the protocol's.
        target: share of multiply-adds, t, in (0, 1].
        weight: of L_FLOPs.
        alpha: of the distillation.
        temperature: of the distillation, T.
        rate: learning rate at the start; a cosine anneals it to 0.
        masker_rate: learning rate of the maskers.
        batch: images of an update.
    """

    def __init__(
        self,
        granularity: str = "",
        target: float = 0.4,
        weight: float = 10.0,
        alpha: float = 0.5,
        temperature: float = 4.0,
        rate: float = 0.04,
        masker_rate: float = 0.04,
        batch: int = 64,
    ) -> None:
        super().__init__(granularity, alpha, temperature, rate, batch)
        self.target, self.weight, self.masker_rate = target, weight, masker_rate
        bounded(self, {"weight": 0, "masker_rate": 0}, positive=("target",), shares=("target",))
        self.thresholds = np.array([0.5])

    def groups(self, network: DynamicNetwork) -> list[dict[str, Any]]:
        """Maskers learn, too."""
        return maskers(network, self.rate, self.masker_rate)

    def trained_mask(self, block: int, x: Tensor, index: NDArray[np.int64], done: float) -> Tensor:
        """Gumbel masks; see `losses.gumbel_mask`."""
        assert self.network is not None  # noqa: S101 - for the type checker
        scores = self.network.blocks[block].scores(x)  # type: ignore[operator]
        noise = self.drawn.random(scores.shape, np.float32)
        noise = torch.from_numpy(np.clip(noise, 1e-7, 1 - 1e-7)).to(scores.device)
        return losses.gumbel_mask(scores, losses.annealed(done), noise)

    def penalty(self, masks: list[Tensor], done: float) -> Tensor:
        """The loss of multiply-adds."""
        assert self.network is not None  # noqa: S101 - for the type checker
        total, each = losses.shares(self.network, masks)
        return self.weight * losses.budget_loss(total, each, self.target, done)

    def fitted(self, lessons: Lessons) -> None:
        """Thresholds at which held-out images keep the shares of `SHARES`, and 1/2."""
        assert self.network is not None  # noqa: S101 - for the type checker
        found: list[Floats] = []
        held, place = lessons.calibration, next(self.network.parameters()).device
        for start in range(0, len(held), AT_ONCE):
            images = torch.tensor(held.images[start : start + AT_ONCE]).to(place)
            with torch.no_grad():
                x = self.network.stem(images)
                for block in self.network.blocks:
                    scores = block.scores(x)  # type: ignore[operator]
                    kept = torch.sigmoid(scores[:, :1] - scores[:, 1:])
                    found.append(kept.flatten().cpu().numpy())
                    x = block(x, kept >= 0.5)
        pooled = np.quantile(np.concatenate(found), [1 - share for share in SHARES])
        self.thresholds = np.concatenate([[0.5], pooled, [0.0]])

    @property
    def settings(self) -> int:
        """One a threshold."""
        return len(self.thresholds)

    def kept(self, block: int, scores: Floats, energy: Floats, knob: NDArray[np.int64]) -> Flags:
        """Cells whose probability reaches the threshold."""
        return np.asarray(scores >= self.thresholds[knob][:, None])

    def record(self) -> dict[str, Any]:
        """The thresholds."""
        return {"thresholds": self.thresholds.tolist()}

    def restore(self, record: dict[str, Any]) -> None:
        """Take over the thresholds."""
        self.thresholds = np.array(record["thresholds"], float)

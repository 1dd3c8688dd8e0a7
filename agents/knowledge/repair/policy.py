"""One matrix on the text embeddings of the frozen start, learned with wrong captions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.mlp import seeded
from leapbench.agents.knowledge.common.method import LINES, Knowledge, Method, affordable
from leapbench.contract.agent import LearningPhase
from leapbench.envs.knowledge import losses
from leapbench.envs.knowledge.network import Clip


class Repair(Method):
    """Both towers stay; the last matrix of the text tower learns, with wrong captions.

    A matrix on the text embedding and the tower's own last one are a single matrix, so that
    it is learned in place. Koishigarina et al., CLIP Behaves like a Bag-of-Words Model
    Cross-modally but not Uni-modally, 2025 (arXiv 2502.03566).

    Args:
        negatives: pairs with an annotated wrong caption in an update; each costs three.
        rate: learning rate.
        updates: at most; 0 for as many as the budget pays for.
    """

    def __init__(self, negatives: int = 42, rate: float = 3e-3, updates: int = 0) -> None:
        super().__init__(pairs=0, scene=0, attribute=0, language=0, negatives=negatives)
        self.rate, self.updates = rate, updates
        bounded(self, {"negatives": 1, "updates": 0}, ("rate",))

    def learn(self, phase: LearningPhase) -> None:
        """Update the matrix until the budget is spent."""
        data: Knowledge = phase.data
        count = affordable(phase, self.counts, self.updates)
        with seeded(phase.seed):
            trainer = self._trainer(data, phase.seed, phase.device)
            clip = trainer.clip.requires_grad_(False)
            clip.text_out.requires_grad_(True)
            optimiser = torch.optim.Adam(clip.text_out.parameters(), self.rate)
            rng = np.random.default_rng([phase.seed, 1])
            for i in range(count):
                loss = self._loss(clip, data.draw(self.counts, rng))
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                if not (i + 1) % LINES:
                    phase.log(i + 1, clip=float(loss.detach()))
                    phase.report((i + 1) / count, f"update {i + 1} of {count}")
        self._sizes = {"vocabulary": data.vocabulary, "shape": vars(data.shape)}
        self._keep(clip.cpu(), trainer.fusion.cpu())

    def _loss(self, clip: Clip, batch: Any) -> torch.Tensor:
        return losses.clip_loss(
            losses.similarities(clip, batch, losses.encoded(clip, batch)), batch
        )

"""The upper bound: the same encoder, shown the labels that probes are fitted on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.mlp import seeded
from leapbench.agents.common.state import broken, require
from leapbench.agents.pretrain.common.encoder import RECORD, Kept
from leapbench.agents.pretrain.common.method import Views
from leapbench.contract.agent import LearningPhase
from leapbench.envs.pretrain import views
from leapbench.envs.pretrain.network import Encoder, begin, features
from leapbench.envs.pretrain.pictures import Split
from leapbench.envs.pretrain.rates import scheduled
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Look
from leapbench.envs.threads import one_thread


class Supervised(Kept):
    """Learns classes of whole pictures and labels of patches, so that it is shown, not ranked.

    Args:
        rate: AdamW's learning rate after a warm-up.
        decay: AdamW's weight decay.
        batch: pictures of an update, of either kind.
        area: share of the picture that a crop has at least.
        flip: share of views that are flipped.
        updates: whatever the budget, as the ceiling of the scale.
    """

    privileged = True

    def __init__(
        self,
        rate: float = 2e-3,
        decay: float = 0.05,
        batch: int = 64,
        area: float = 0.4,
        flip: float = 0.5,
        updates: int = 600,
    ) -> None:
        self.rate, self.decay, self.batch, self.updates = rate, decay, batch, updates
        bounded(self, {"decay": 0, "batch": 2, "updates": 1}, positive=("rate",))
        self.look = Look(area=area, colour=0.5, grey=0.0, flip=flip)
        self._plan: dict[str, Any] = {}

    def learn(self, phase: LearningPhase) -> None:
        """Note the sizes; the labels come with the evaluation, and with them the training."""
        data: Views = phase.data
        self._plan = {"seed": phase.seed, "shape": vars(data.shape)}

    def save(self, folder: Path) -> None:
        """Write what `learn` noted."""
        require(bool(self._plan), self)
        (folder / RECORD).write_text(json.dumps(self._plan))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when it is absent or damaged.
        """
        try:
            self._plan = dict(json.loads((folder / RECORD).read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise broken(folder / RECORD, self, error) from error

    def bind(self, split: Split) -> None:
        """Take the labelled pictures that probes are fitted on, and learn them."""
        require(bool(self._plan), self)
        seed, shape = int(self._plan["seed"]), Shape(**self._plan["shape"])
        rng = np.random.default_rng([seed, 1])
        with seeded(seed), one_thread():
            encoder, heads = _networks(shape, split, seed)
            every = [*encoder.parameters(), *heads.parameters()]
            solver = torch.optim.AdamW(every, weight_decay=self.decay)
            for i in range(self.updates):
                for group in solver.param_groups:
                    group["lr"] = self.rate * scheduled(i / self.updates)
                loss = self._loss(encoder, heads, split, rng)
                solver.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                solver.step()
        self.keep(encoder)

    def _loss(
        self, encoder: Encoder, heads: nn.ModuleDict, split: Split, rng: np.random.Generator
    ) -> torch.Tensor:
        """Cross-entropies of both kinds of labels; crops of whole pictures, patches uncropped."""
        size = encoder.shape.size
        rows = rng.integers(len(split.whole.images), size=self.batch)
        view = views.make(split.whole.images[rows], self.look, size, rng).pixels
        labels = torch.from_numpy(split.whole.labels[rows])
        loss = cross_entropy(heads["whole"](features(encoder(view)).mean(1)), labels)
        rows = rng.integers(len(split.places.images), size=self.batch)
        made = heads["places"](features(encoder(views.whole(split.places.images[rows], size))))
        parts = torch.from_numpy(split.places.labels[rows])
        return loss + cross_entropy(made.flatten(0, 1), parts.flatten())


def _networks(shape: Shape, split: Split, seed: int) -> tuple[Encoder, nn.ModuleDict]:
    encoder = Encoder(shape)
    heads = nn.ModuleDict(
        {
            "whole": nn.Linear(shape.width, split.whole.classes),
            "places": nn.Linear(shape.width, split.places.classes),
        }
    )
    generator = torch.Generator().manual_seed(seed)
    for part in (encoder, heads):
        begin(part, generator)
    return encoder, heads

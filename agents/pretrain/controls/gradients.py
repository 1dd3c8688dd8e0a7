"""A descriptor that learns nothing: histograms of the directions of gradients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, normalize, one_hot, pad

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.state import broken, require
from leapbench.agents.pretrain.common.encoder import RECORD
from leapbench.agents.pretrain.common.method import Views
from leapbench.contract.agent import LearningPhase
from leapbench.envs.pretrain import views
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Pixels

RINGS = (0, 1, 2)
"""How many patches away from it a histogram reaches, of those that a patch has."""


class Gradients:
    """Histograms of oriented gradients (Dalal and Triggs, CVPR 2005), a cell a patch.

    A patch has its own histogram, the mean ones of the 3x3 and of the 5x5 patches around it,
    each scaled to length 1, and its mean colour. Nothing is drawn: the budget is left alone.

    Args:
        bins: directions, over the whole circle.
    """

    def __init__(self, bins: int = 16) -> None:
        self.bins = bins
        bounded(self, {"bins": 1})
        self._sizes: dict[str, Any] = {}

    def learn(self, phase: LearningPhase) -> None:
        """Note the sizes."""
        data: Views = phase.data
        self._sizes = vars(data.shape)

    def tokens(self, images: Pixels) -> NDArray[np.float32]:
        """Features float32 (N, patches, 3 * bins + channels) of pictures uint8 (N, H, W, C)."""
        require(bool(self._sizes), self)
        shape = Shape(**self._sizes)
        seen = views.whole(images, shape.size)
        cells = avg_pool2d(self._directions(seen), shape.patch)
        rings = [avg_pool2d(pad(cells, (r,) * 4, mode="replicate"), 2 * r + 1, 1) for r in RINGS]
        parts = [*map(normalize, rings), avg_pool2d(seen, shape.patch)]
        return np.asarray(torch.cat(parts, 1).flatten(2).transpose(1, 2).numpy())

    def _directions(self, seen: Tensor) -> Tensor:
        """Length of the gradient (N, bins, H, W), at the direction that it has."""
        grey = pad(seen.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        across = (grey[..., 1:-1, 2:] - grey[..., 1:-1, :-2])[:, 0]
        down = (grey[..., 2:, 1:-1] - grey[..., :-2, 1:-1])[:, 0]
        turn = (torch.atan2(down, across) / (2 * torch.pi) % 1 * self.bins).long() % self.bins
        return one_hot(turn, self.bins).permute(0, 3, 1, 2) * torch.hypot(across, down)[:, None]

    def save(self, folder: Path) -> None:
        """Write the sizes (JSON)."""
        require(bool(self._sizes), self)
        (folder / RECORD).write_text(json.dumps(self._sizes))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when the file is absent, or is not of this part.
        """
        try:
            self._sizes = vars(Shape(**json.loads((folder / RECORD).read_text())))
        except (OSError, ValueError, TypeError) as error:
            raise broken(folder, self, error) from error

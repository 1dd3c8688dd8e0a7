"""Reading networks: a cheap glance at the whole clip, an expensive look at a cube, one classifier.

A reader, and a locator where places are learned.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from leapbench.envs.videoglance.locator import Locator
from leapbench.envs.videoglance.reader import Reader
from leapbench.envs.videoglance.shape import Shape
from leapbench.envs.videoglance.tensors import crop, parted


class GlanceNetwork(nn.Module):
    """A reader, and a locator where places are learned.

    Args:
        shape: sizes.
        head: see `Locator`; "" for none.
    """

    def __init__(self, shape: Shape, head: str = "") -> None:
        super().__init__()
        self.shape = shape
        self.reader = Reader(shape)
        self.locator = Locator(shape, head) if head else None

    def ranked(self, maps: Tensor) -> Tensor | None:
        """Cubes int64 (B, C) in the order in which the locator would look; None without one.

        Every map of scores gives one cube, the surest map first: that with the most mass in
        one unseen cube. Points tell nothing of how sure they are: the k-th gives the unseen
        cube nearest to it. Behind the K-th, cubes follow by the mean.
        """
        if self.locator is None:
            return None
        scores = self.locator.of_cubes(maps)
        clips, looks, _ = scores.shape
        taken = torch.zeros_like(scores[:, 0], dtype=torch.bool)
        waiting = torch.ones_like(scores[..., 0], dtype=torch.bool)
        row, order = torch.arange(clips, device=scores.device), []
        for k in range(looks):
            unseen = scores.masked_fill(taken[:, None], -torch.inf)
            sure = unseen.amax(2).masked_fill(~waiting, -torch.inf)
            which = sure.argmax(1) if self.locator.kind == "heatmap" else torch.full_like(row, k)
            best = unseen[row, which].argmax(1, keepdim=True)
            taken, waiting[row, which] = taken.scatter(1, best, True), False
            order.append(best)
        rest = scores.mean(1).masked_fill(taken, -torch.inf).argsort(1, descending=True)
        return torch.cat([*order, rest[:, : scores.shape[2] - len(order)]], 1)

    def forward(self, clip: Tensor) -> list[Tensor]:
        """Answers of one clip after the glance and after each of K looks, to be counted.

        Args:
            clip: (1, T * channels, H, W).

        Returns:
            K + 1 tensors (1, classes).
        """
        own, reader = self.shape, self.reader
        video = parted(clip, 1, (own.volume[0], own.channels)).transpose(1, 2)
        maps = reader.glance(video)
        if self.locator is not None:
            self.locator.output(maps)
        state = reader.glimpsed(maps)
        exits = [reader.head(state)]
        origins = torch.as_tensor(own.grid.origins[: own.looks])
        for cube in crop(video, origins[None], own.cube)[0]:
            state = torch.maximum(state, reader.looked(reader.look(cube[None])))
            exits.append(reader.head(state))
        return exits

"""What lies around the blocks of a residual network: stem, maskers and classifier."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.envs.latency.sparse.kernels import Convolution, Linear, folded, sized
from leapbench.envs.latency.sparse.places import Grid
from leapbench.errors import UserError


class Stem:
    """Images to rows: a convolution with its norm and rectifier, and a pooling if there is one.

    Args:
        network: has `conv1`, `bn1` and perhaps `maxpool`, or these in a sequence `stem`.

    Raises:
        UserError: when it is built otherwise.
    """

    def __init__(self, network: Any) -> None:
        layers: list[Any] = [getattr(network, name, None) for name in ("conv1", "bn1", "maxpool")]
        if isinstance(getattr(network, "stem", None), nn.Sequential):
            layers = [each for each in network.stem if not isinstance(each, nn.ReLU)]
        conv, norm, pool = [*layers, None, None, None][:3]
        self.pool = None if isinstance(pool, nn.Identity) else pool
        if not (self.pool is None or isinstance(self.pool, nn.MaxPool2d)):
            raise UserError(f"Expected a max pooling after the first convolution, got {pool}.")
        weights = folded(sized(conv), norm)
        self.conv = Convolution(*weights, conv.stride[0], conv.groups)

    def __call__(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Rows (B * H * W, channels) of images (B, C, H, W), and the maps' height and width."""
        maps = self.conv.whole(images.float().permute(0, 2, 3, 1).contiguous())
        if self.pool is not None:
            maps = self.pool(maps.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        height, width = maps.shape[1:3]
        return maps.reshape(-1, maps.shape[-1]), (height, width)


class Masker:
    """Which cells are active: those whose score of keeping is not below that of skipping.

    Pooling and a 1x1 convolution may change places, and one difference of scores is as good as
    two scores, so that the input is read once, by one product with a vector.

    Args:
        masker: 1x1 convolution of the pooled input to two scores, keeping first.
    """

    def __init__(self, masker: nn.Module) -> None:
        weight, bias = folded(masker, None)
        if weight.shape[0] != 2 or weight.shape[2:] != (1, 1):
            raise UserError(f"A masker is a 1x1 convolution to two scores, {masker} is not.")
        self.weight = (weight[0] - weight[1]).flatten().contiguous()
        self.bias = float(bias[0] - bias[1])

    def __call__(self, rows: Tensor, grid: Grid) -> Tensor:
        """Bool (batch * cells,)."""
        scores = torch.mv(rows, self.weight).view(grid.batch, 1, *grid.incoming)
        return functional.adaptive_avg_pool2d(scores, grid.cells).flatten() >= -self.bias


class Head:
    """Rows to logits: their mean, and a linear layer.

    Args:
        network: has the layer as `fc` or `classifier`.

    Raises:
        UserError: when it is built otherwise.
    """

    def __init__(self, network: Any) -> None:
        layer = getattr(network, "fc", None) or getattr(network, "classifier", None)
        if not isinstance(layer, nn.Linear):
            raise UserError(f"{type(network).__name__} has no linear layer `fc` or `classifier`.")
        bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
        self.layer = Linear(layer.weight.detach().float(), bias.detach().float())

    def __call__(self, rows: Tensor, batch: int) -> Tensor:
        """Logits (B, classes)."""
        return self.layer(rows.view(batch, -1, rows.shape[1]).mean(1))

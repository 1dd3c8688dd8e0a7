"""RANet's dense blocks, with and without fusion of a coarser sub-network.

Yang et al., "Resolution Adaptive Networks for Efficient Inference" (CVPR
2020), section 3.2; rounding as in the authors' released code.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.agents.earlyexit.common.layers import Bottleneck, conv_bn_relu


class DenseBlock(nn.Module):
    """Dense layers of one resolution, then a transition if `reduction` is below 1.

    Args:
        inputs: channels of the incoming map.
        growth: channels that a layer adds.
        layers: number of dense layers.
        bottleneck: width limit of the 1x1 convolutions, as a multiple of `growth`.
        reduction: channel factor of the 1x1 transition; 1 for none.

    Attributes:
        widths: channels of the block's input and after each layer.
        outputs: channels of the block's map.
    """

    def __init__(
        self, inputs: int, growth: int, layers: int, bottleneck: int, reduction: float
    ) -> None:
        super().__init__()
        self.widths = [inputs + growth * layer for layer in range(layers + 1)]
        self.layers = nn.ModuleList(
            Bottleneck(width, growth, bottleneck) for width in self.widths[:-1]
        )
        self.transition, self.outputs = _transition(self.widths[-1], reduction)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Run the block.

        Args:
            x: float32 (B, inputs, H, W).

        Returns:
            The block's map (B, outputs, H, W), and what a finer sub-network may
            fuse: `x` and the map after each layer, of `widths` channels.
        """
        maps = [x]
        for layer in self.layers:
            maps.append(torch.cat([maps[-1], layer(maps[-1])], 1))
        return self.transition(maps[-1]), maps


class FusedBlock(nn.Module):
    """Fused layers, then a 1x1 summary of the coarser block and a transition.

    Args:
        inputs: channels of the incoming map.
        coarse: `widths` of the same block of the coarser sub-network.
        growth: channels that a layer adds.
        compress: part of the layers' and the block's channels that is borrowed
            from the coarser sub-network.
        bottlenecks: width limits for the coarser and for the own branches.
        stride: 2 if the last layer halves the map, else 1.
        reduction: channel factor of the 1x1 transition; 1 for none.

    Attributes:
        widths: channels of the block's input and after each layer.
        outputs: channels of the block's map.
    """

    def __init__(
        self,
        inputs: int,
        coarse: Sequence[int],
        growth: int,
        compress: float,
        bottlenecks: tuple[int, int],
        stride: int,
        reduction: float,
    ) -> None:
        super().__init__()
        layers, borrowed = len(coarse) - 1, int(growth * compress)
        self.widths = [inputs + growth * layer for layer in range(layers + 1)]
        strides = [1] * (layers - 1) + [stride]
        self.layers = nn.ModuleList(
            _FusedLayer(self.widths[i], coarse[i], growth, borrowed, bottlenecks, strides[i])
            for i in range(layers)
        )
        summary = int(self.widths[-1] * compress)
        self.summary = conv_bn_relu(coarse[-1], summary, 1)
        self.transition, self.outputs = _transition(self.widths[-1] + summary, reduction)

    def forward(self, x: Tensor, coarse: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Run the block.

        Args:
            x: float32 (B, inputs, H, W).
            coarse: maps of the coarser block, its input first.

        Returns:
            The block's map (B, outputs, H / stride, W / stride), and its input
            and the map after each layer.
        """
        maps = [x]
        for layer, low in zip(self.layers, coarse[:-1], strict=True):
            maps.append(layer(maps[-1], low))
        summary = _resize(self.summary(coarse[-1]), maps[-1])
        return self.transition(torch.cat([maps[-1], summary], 1)), maps


class _FusedLayer(nn.Module):
    """Dense layer that borrows part of its new channels from a coarser map."""

    def __init__(
        self,
        inputs: int,
        coarse: int,
        growth: int,
        borrowed: int,
        bottlenecks: tuple[int, int],
        stride: int,
    ) -> None:
        super().__init__()
        self.coarse = Bottleneck(coarse, borrowed, bottlenecks[0])
        self.own = Bottleneck(inputs, growth - borrowed, bottlenecks[1], stride)

    def forward(self, x: Tensor, coarse: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, inputs + growth, H / stride, W / stride)."""
        own = self.own(x)
        return torch.cat([_resize(x, own), _resize(self.coarse(coarse), own), own], 1)


def _transition(width: int, reduction: float) -> tuple[nn.Module, int]:
    """What ends a block of `width` channels, and the channels that come out."""
    if reduction == 1:
        return nn.Identity(), width
    outputs = int(reduction * width)
    return conv_bn_relu(width, outputs, 1), outputs


def _resize(x: Tensor, like: Tensor) -> Tensor:
    """Bring `x` to the height and width of `like` by bilinear interpolation."""
    size = like.shape[-2:]
    if x.shape[-2:] == size:
        return x
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=True)

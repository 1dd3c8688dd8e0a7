"""Linear layers and 3x3 convolutions on rows, their weights laid out once for inference."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import fuse_conv_bn_weights

from leapbench.envs.latency.costs import UNFOLDED
from leapbench.errors import UserError


@cache
def fused() -> bool:
    """Whether this build of PyTorch has oneDNN's layers with a fused activation and sum."""
    try:
        probe, weight = torch.ones(2, 4), torch.ones(3, 4)
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, 2)
        torch.ops.mkldnn._linear_pointwise.binary(probe, probe @ weight.T, packed, None, "add")
        made = Convolution(torch.ones(4, 4, 3, 3), torch.zeros(4), 1, 1)
        made._oned(torch.ones(1, 4, 3, 3), 1)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return False
    return True


def folded(conv: nn.Module, norm: nn.Module | None) -> tuple[Tensor, Tensor]:
    """Weights (outputs, inputs, k, k) and bias (outputs,) with the batch norm that follows.

    Raises:
        UserError: when these are no convolution with zero padding and no batch norm.
    """
    if not isinstance(conv, nn.Conv2d) or conv.padding_mode != "zeros" or conv.dilation != (1, 1):
        raise UserError(f"{conv} is no plain convolution; blocks have nn.Conv2d with zeros around.")
    weight = conv.weight.detach().float()
    bias = torch.zeros(len(weight)) if conv.bias is None else conv.bias.detach().float()
    if norm is None or isinstance(norm, nn.Identity):
        return weight, bias
    if not isinstance(norm, nn.BatchNorm2d):
        raise UserError(f"{norm} cannot be folded; blocks have nn.BatchNorm2d.")
    mean, spread = norm.running_mean, norm.running_var
    if mean is None or spread is None:
        raise UserError(f"{norm} keeps no statistics, which a folded norm needs.")
    found = fuse_conv_bn_weights(weight, bias, mean, spread, norm.eps, norm.weight, norm.bias)
    return found[0].detach(), found[1].detach()


def sized(conv: Any) -> Any:
    """A convolution, when its zeros are as wide as keep a map's size but for the stride.

    Raises:
        UserError: when it is another.
    """
    if not isinstance(conv, nn.Conv2d) or conv.padding != (conv.kernel_size[0] // 2,) * 2:
        raise UserError(f"{conv} does not keep its map's size but for the stride, as blocks do.")
    return conv


class Linear:
    """A 1x1 convolution on rows.

    Args:
        weight: (outputs, inputs) or (outputs, inputs, 1, 1).
        bias: (outputs,).
        relu: whether what is negative becomes zero.
    """

    def __init__(self, weight: Tensor, bias: Tensor, relu: bool = False) -> None:
        weight = weight.flatten(1).contiguous()
        self.bias, self.relu = bias, relu
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, 1024) if fused() else weight

    def __call__(self, rows: Tensor) -> Tensor:
        """Rows (n, inputs) to (n, outputs)."""
        if fused():
            activation = "relu" if self.relu else "none"
            call = torch.ops.mkldnn._linear_pointwise
            found: Tensor = call(rows, self.weight, self.bias, activation, [], "")
            return found
        found = functional.linear(rows, self.weight, self.bias)
        return found.relu_() if self.relu else found

    def plus(self, rows: Tensor, other: Tensor) -> Tensor:
        """Outputs plus rows `other` (n, outputs)."""
        if fused():
            call = torch.ops.mkldnn._linear_pointwise.binary
            found: Tensor = call(rows, other, self.weight, self.bias, "add")
            return found
        return functional.linear(rows, self.weight, self.bias).add_(other)


class Convolution:
    """A convolution of whole maps or of gathered patches, its zeros as wide as keep a map's size.

    Args:
        weight: (outputs, inputs / groups, k, k), k odd.
        bias: (outputs,).
        stride: of both axes.
        groups: of channels.
        relu: whether what is negative becomes zero.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, stride: int, groups: int, relu: bool = True
    ) -> None:
        self.weight, self.bias, self.stride, self.groups = weight, bias, stride, groups
        self.kernel, self.relu = weight.shape[-1], relu
        self._packed: dict[tuple[int, ...], Tensor] = {}

    def whole(self, maps: Tensor) -> Tensor:
        """Maps (batch, height, width, inputs) with zeros around them, to such maps."""
        return self._run(maps, self.kernel // 2)

    def patches(self, rows: Tensor, granularity: int, unfold: bool) -> Tensor:
        """Gathered rows to outputs.

        Args:
            rows: what `Places.reads` names, in its order, (patches * reads, inputs).
            granularity: side of a patch in outputs.
            unfold: whether there are k * k rows an output, or each row once a patch.

        Returns:
            (patches * granularity ** 2, outputs).
        """
        if unfold:
            return self._flat(rows.view(-1, self.kernel**2 * rows.shape[1]))
        side = (granularity - 1) * self.stride + self.kernel
        found = self._run(rows.view(-1, side, side, rows.shape[1]), 0)
        return found.reshape(-1, found.shape[-1])

    def unfolds(self, granularity: int) -> bool:
        """Whether patches are faster unfolded, k * k rows an output, into one product."""
        return granularity <= UNFOLDED and self.groups == 1

    @cached_property
    def _flat(self) -> Linear:
        return Linear(self.weight.permute(0, 2, 3, 1).flatten(1), self.bias, self.relu)

    def _run(self, maps: Tensor, padding: int) -> Tensor:
        wide = maps.permute(0, 3, 1, 2)
        if fused():
            return self._oned(wide, padding).permute(0, 2, 3, 1)
        given = (self.stride, padding, 1, self.groups)
        found = functional.conv2d(wide, self.weight, self.bias, *given)
        return (found.relu_() if self.relu else found).permute(0, 2, 3, 1)

    def _oned(self, wide: Tensor, padding: int) -> Tensor:
        around, steps, groups = [padding] * 2, [self.stride] * 2, self.groups
        # oneDNN chooses the layout by the maps' size; another would be changed in every call.
        key = (padding, *wide.shape[2:])
        if key not in self._packed:
            reorder = torch.ops.mkldnn._reorder_convolution_weight
            size = list(wide.shape)
            self._packed[key] = reorder(self.weight, around, steps, [1, 1], groups, size)
        call, activation = torch.ops.mkldnn._convolution_pointwise, "relu" if self.relu else "none"
        weight = self._packed[key]
        given: tuple[Any, ...] = (around, steps, [1, 1], groups, activation, [], "")
        found: Tensor = call(wide, weight, self.bias, *given)
        return found

"""The terms of LASNet's training (arXiv 2210.06223, sections 3.1 and 4.1; released code)."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi

import torch
from torch import Tensor
from torch.nn import functional

from leapbench.envs.latency.dynamic import Bottleneck, DynamicNetwork
from leapbench.envs.latency.networks import Block
from leapbench.envs.latency.shape import Shape


def gumbel_mask(scores: Tensor, temperature: float, noise: Tensor) -> Tensor:
    """Cells that are kept, (B, 1, m, m) of 0 and 1, with the gradient of the softmax.

    Args:
        scores: of keeping and skipping, (B, 2, m, m).
        temperature: of the softmax.
        noise: uniform in (0, 1), of the shape of `scores`; its Gumbel numbers -log(-log u) are
            added, so that a cell is kept with the probability softmax(scores)[keep].
    """
    gumbel = -torch.log(-torch.log(noise))
    soft = ((scores + gumbel) / temperature).softmax(1)[:, :1]
    hard = (soft >= 0.5).to(soft.dtype)
    return hard - soft.detach() + soft


def dilated(mask: Tensor, stride: int) -> Tensor:
    """Inputs of a 3x3 convolution that outputs which are kept look at.

    Args:
        mask: of the outputs, (B, 1, H, W).
        stride: of the convolution.

    Returns:
        (B, 1, stride * H, stride * W).
    """
    if stride > 1:
        wide = mask.new_zeros(*mask.shape[:2], stride * mask.shape[2], stride * mask.shape[3])
        wide[:, :, ::stride, ::stride] = mask
        mask = wide
    return functional.max_pool2d(mask, 3, 1, 1)


def multiply_adds(block: Block, cells: int, kept: float | Tensor, needed: float | Tensor) -> Tensor:
    """Multiply-adds of a block, its masker among them.

    Args:
        block: channels, size and stride.
        cells: side of its mask.
        kept: share of outputs that are computed, r.
        needed: share of inputs that the 3x3 convolution looks at, r_dil.
    """
    side, size = block.size * block.stride, block.size
    masker = 4 * block.inputs * cells**2  # pooling once, and three for two filters, as released
    first = side**2 * block.inputs * block.width
    rest = size**2 * (9 * block.width**2 // block.groups + block.width * block.outputs)
    changes = block.stride > 1 or block.inputs != block.outputs
    down = size**2 * block.inputs * block.outputs if changes else 0
    if block.squeeze:  # pools the whole map, and has two layers
        down += size**2 * block.width + 2 * block.width * block.squeeze
    return torch.as_tensor(masker + needed * first + kept * rest + down)


def outside(shape: Shape) -> int:
    """Multiply-adds of stem, first and last pool, and classifier."""
    size, last = shape.image[1] // shape.stem_stride, shape.channels[-1]
    stem = shape.stem_kernel**2 * shape.image[0] * shape.stem * size**2
    if shape.pool:
        stem += 9 * shape.stem * (size // 2) ** 2
    return stem + last * shape.sizes[-1] ** 2 + last * shape.classes


def shares(network: DynamicNetwork, masks: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Multiply-adds over those of the static network: of all, and rho of each block (blocks,)."""
    sparse, dense, static = [], [], outside(network.shape)
    for module, mask in zip(network.blocks, masks, strict=True):
        assert isinstance(module, Bottleneck)  # noqa: S101 - for the type checker
        block, cells = module.block, module.cells
        wide = functional.interpolate(mask, scale_factor=block.size // cells)
        kept, needed = wide.mean(), dilated(wide, block.stride).mean()
        sparse.append(multiply_adds(block, cells, kept, needed))
        dense.append(multiply_adds(block, cells, 1.0, 1.0))
        static += int(dense[-1]) - 4 * block.inputs * cells**2
    total = torch.stack(sparse).sum() + outside(network.shape)
    return total / static, torch.stack(sparse) / torch.stack(dense).to(total)


def bounds(progress: float, target: float) -> tuple[float, float]:
    """Least and largest share of a block: both `target` at first, 0 and 1 after a third.

    Args:
        progress: share of the training that is done.
        target: share of multiply-adds that the network is to have.
    """
    loose = cos(min(max(progress / 0.33, 0.0), 1.0) * pi / 2) ** 2
    return loose * target, 1 - loose * (1 - target)


def budget_loss(total: Tensor, each: Tensor, target: float, progress: float) -> Tensor:
    """(F / F_full - t)^2, and the mean square by which blocks leave their bounds."""
    low, high = bounds(progress, target)
    outside_bounds = (each - high).clamp_min(0) ** 2 + (low - each).clamp_min(0) ** 2
    return (total - target) ** 2 + outside_bounds.mean()


def distillation(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(teacher || student) of softened answers, mean over the batch."""
    return temperature**2 * functional.kl_div(
        (logits / temperature).log_softmax(1),
        (teacher / temperature).log_softmax(1),
        reduction="batchmean",
        log_target=True,
    )


def annealed(progress: float, first: float = 5.0, last: float = 0.1) -> float:
    """Temperature of the masks: exponentially from `first` to `last`."""
    return float(first * (last / first) ** progress)

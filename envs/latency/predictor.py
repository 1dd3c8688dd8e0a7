"""Latency of whole networks, run densely and with spatially dynamic blocks.

LASNet, section 3.3: a block is a masker fused with its first convolution where that is
faster, a 3x3 convolution that reads its patches by index, a 1x1 convolution of gathered
patches, and a sum that scatters them. Stem, shortcut of the first stage and classifier are
not counted, nor is the halo of the first convolution.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from leapbench.envs.latency.costs import looking
from leapbench.envs.latency.device import Device
from leapbench.envs.latency.networks import NETWORKS, Block
from leapbench.envs.latency.operators import (
    Conv,
    add,
    conv,
    patches,
    scatter_add,
    sparse_conv,
)
from leapbench.envs.latency.squeeze import excitation, sparse_excitation
from leapbench.envs.latency.tiles import Numbers
from leapbench.errors import UserError, unknown


@cache
def static_block(device: Device, block: Block) -> float:
    """Seconds of a block for a batch, run densely."""
    if device.costs:
        return device.costs.static(block, device.batch)
    side = block.size * block.stride
    costs = [
        conv(device, Conv(block.inputs, block.width, side, side)),
        conv(device, _spatial(block)),
        conv(device, Conv(block.width, block.outputs, block.size, block.size)),
        add(device, block.outputs, block.size, block.size),
    ]
    total = sum(float(cost.total) for cost in costs) + shortcut(device, block)
    if block.squeeze:
        total += excitation(device, block.width, block.size, block.size, block.squeeze)
    return total


def dynamic_block(device: Device, block: Block, granularity: int, rate: ArrayLike) -> Numbers:
    """Seconds of a spatially dynamic block for a batch.

    Args:
        device: where it runs.
        block: the block.
        granularity: side of a patch of the mask, in outputs.
        rate: share of patches that are active, in [0, 1]; any shape.
    """
    side, size = block.size * block.stride, block.size
    if device.costs:
        count = device.batch * patches(rate, size, size, granularity)
        return device.costs.dynamic(block, device.batch, granularity, count)
    first = Conv(block.inputs, block.width, side, side)
    fused = conv(device, Conv(block.inputs, block.width + 1, side, side)).total
    masker = conv(device, Conv(block.inputs, 2, side, side)).total
    apart = masker + sparse_conv(device, first, granularity, rate, False).total
    last = Conv(block.width, block.outputs, size, size)
    total = (
        np.minimum(fused, apart)
        + sparse_conv(device, _spatial(block), granularity, rate, False).total
        + sparse_conv(device, last, granularity, rate, True).total
        + scatter_add(device, block.outputs, size, size, granularity, rate).total
        + shortcut(device, block)
    )
    if block.squeeze:
        place = (block.width, size, size, block.squeeze)
        total = total + sparse_excitation(device, *place, granularity, rate)
    return np.asarray(total)


def static_latency(device: Device, network: str) -> float:
    """Seconds for an image through the dense network.

    Raises:
        UserError: for an unknown network.
    """
    return sum(static_block(device, block) for block in _blocks(network)) / device.batch


def dynamic_latency(
    device: Device, network: str, granularity: tuple[int, ...], rates: ArrayLike
) -> Numbers:
    """Seconds for an image, (...), through the network with dynamic blocks.

    Args:
        device: where it runs.
        network: a name of `NETWORKS`.
        granularity: side of a patch in each of the four stages.
        rates: (..., blocks) share of active patches of each block, or (..., 1) of all.

    Raises:
        UserError: for an unknown network, four granularities that do not fit, or other rates.
    """
    blocks, shares = _blocks(network), np.asarray(rates, float)
    if shares.ndim == 0 or shares.shape[-1] not in (1, len(blocks)):
        raise UserError(f"{network} has {len(blocks)} blocks, got rates of shape {shares.shape}.")
    if not ((shares >= 0) & (shares <= 1)).all():
        raise UserError("Rates of active patches lie in [0, 1].")
    stages = len(NETWORKS[network].depths)
    if len(granularity) != stages or not all(1 <= each <= 56 for each in granularity):
        raise UserError(f"Expected {stages} granularities from 1 to 56, got {granularity}.")
    shares = np.broadcast_to(shares, (*shares.shape[:-1], len(blocks)))
    each = (
        dynamic_block(device, block, granularity[block.stage], shares[..., place])
        for place, block in enumerate(blocks)
    )
    return np.asarray(sum(each)) / device.batch


@cache
def _blocks(network: str) -> tuple[Block, ...]:
    if network not in NETWORKS:
        raise unknown("network", network, NETWORKS)
    return tuple(NETWORKS[network].blocks())


def _spatial(block: Block) -> Conv:
    return Conv(
        block.width, block.width, block.size, block.size, 3, block.groups, stride=block.stride
    )


def masker(device: Device, block: Block, alone: bool) -> float:
    """Seconds of a masker for a batch, by itself or with the rest of an ordinary block.

    Fused with the first convolution it is one more channel of it.
    """
    if device.costs:
        return float(device.costs.masker.seconds(looking(block, device.batch)))
    side = block.size * block.stride
    if alone:
        return float(conv(device, Conv(block.inputs, 2, side, side)).total)
    widths = block.width, block.width + 1
    plain, fused = (conv(device, Conv(block.inputs, w, side, side)).total for w in widths)
    return float(fused) - float(plain)


def shortcut(device: Device, block: Block) -> float:
    """Seconds of a block's dense shortcut for a batch; 0 where its stride is 1."""
    if block.stride == 1:
        return 0.0
    if device.costs:
        nothing = float(device.costs.dynamic(block, device.batch, 1, 0))
        return nothing - masker(device, block, alone=True)
    shape = Conv(block.inputs, block.outputs, block.size, block.size, stride=block.stride)
    return float(conv(device, shape).total)

"""Latency of squeeze-and-excitation, whose pooling reads whole maps or active patches alone."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from leapbench.envs.latency.device import Device
from leapbench.envs.latency.operators import chosen, combine, patches
from leapbench.envs.latency.tiles import Numbers, fetching, filling, grid, parts


@cache
def excitation(device: Device, channels: int, height: int, width: int, hidden: int) -> float:
    """Seconds for a batch: pool, two linear layers, and a product with the whole map."""
    return (
        _pool(device, channels, height, width)
        + _product(device, channels, height, width)
        + linear(device, channels, hidden)
        + linear(device, hidden, channels)
    )


def sparse_excitation(
    device: Device,
    channels: int,
    height: int,
    width: int,
    hidden: int,
    granularity: int,
    rate: ArrayLike,
) -> Numbers:
    """The same where only active patches are pooled; `rate` of any shape, in [0, 1]."""
    place = (channels, height, width, granularity)
    tile = tuple(map(np.asarray, _sparse_tile(device, *place)))
    count = patches(rate, height, width, granularity)
    compute, memory = _sparse_pool(device, *place, tile, count, finished=True)
    rest = linear(device, channels, hidden) + linear(device, hidden, channels)
    pooled = combine(device, compute, memory).total
    return np.asarray(pooled + _product(device, channels, height, width) + rest)


@cache
def linear(device: Device, inputs: int, outputs: int) -> float:
    """A linear layer on one vector an image."""
    out, into = grid(outputs, inputs)
    tiles, tile = out * into, out * into * device.batch
    moved = (out * into + into + out) * tiles * device.batch
    once = (inputs * outputs + inputs + outputs) * device.batch
    used = fetching(into, np.asarray(float(inputs)), device.sector)
    memory = once / device.memory_words + moved / device.cache_words / used
    compute = tile / device.clock / device.lanes / filling(tile, device.full)
    compute = compute * np.ceil(tiles / device.engines)
    return float(np.min(combine(device, compute, memory).total))


@cache
def _pool(device: Device, channels: int, height: int, width: int) -> float:
    c = np.array([2.0**power for power in range(8) if 2**power <= 2 * channels])
    places = height * width
    tiles = parts(channels, c) * places
    memory = (c / device.memory_words + c / device.cache_words) * tiles
    memory = memory + (c * places + c) / device.cache_words * parts(channels, c)
    compute = c / device.clock / device.lanes / filling(c, device.full)
    compute = compute * np.ceil(tiles / device.engines) + _reduce(device, c, np.asarray(places))
    return float(np.min(combine(device, compute, memory * device.batch).total))


@cache
def _product(device: Device, channels: int, height: int, width: int) -> float:
    c, h, w = grid(channels, height, width)
    tiles = parts(channels, c) * parts(height, h) * parts(width, w)
    tile = c * h * w
    used = fetching(w, width - w, device.sector)
    once = 2 * channels * height * width + channels
    memory = once / device.memory_words + (2 * tile + c) * tiles / device.cache_words / used
    compute = tile / device.clock / device.lanes / filling(tile, device.full)
    compute = compute * np.ceil(tiles / device.engines)
    costs = combine(device, compute * device.batch, memory * device.batch)
    return float(np.min(costs.total))


@cache
def _sparse_tile(
    device: Device, channels: int, height: int, width: int, granularity: int
) -> tuple[float, float, float, float]:
    most = -(-height // granularity) * -(-width // granularity)
    together, c, h, w = grid(most, channels, granularity, granularity)
    sizes = (c, h, w, together)
    place, mean = (channels, height, width, granularity), np.asarray((1 + most) / 2)
    return chosen(device, *_sparse_pool(device, *place, sizes, mean, finished=False), sizes)


def _sparse_pool(
    device: Device,
    channels: int,
    height: int,
    width: int,
    granularity: int,
    tile: tuple[Numbers, ...],
    count: Numbers,
    *,
    finished: bool,
) -> tuple[Numbers, Numbers]:
    """Costs of pooling; the last sum is over the tiles of a patch, or of the map once chosen."""
    c, h, w, together = tile
    tiles = parts(channels, c) * parts(granularity, h) * parts(granularity, w)
    summed = c * parts(height, h) * parts(width, w)
    moved = (c * h * w * count + c) * tiles + summed + c
    once = count * channels * granularity**2 + channels * height * width
    used = fetching(w, granularity - w, device.sector)
    memory = (once / device.memory_words + moved / device.cache_words / used) * device.batch
    work = c * h * w * together / device.clock / device.lanes / filling(c * together, device.full)
    work = work * np.ceil(count / together)
    work = work + c * together / device.clock / device.lanes / filling(c, device.full)
    extent = (height, width) if finished else (granularity, granularity)
    sums = parts(extent[0], h) * parts(extent[1], w)
    compute = work * device.batch * np.ceil(tiles / device.engines) + _reduce(device, c, sums)
    return compute, memory


def _reduce(device: Device, c: Numbers, count: Numbers) -> Numbers:
    """Seconds to add `count` numbers in pairs, for `c` channels at once."""
    left = np.ceil(np.asarray(count, float) / 2)
    total = np.zeros(np.broadcast_shapes(np.shape(c), np.shape(left)))
    while (left > 1).any():
        work = left * c
        step = np.ceil(work / device.lanes) / filling(work, device.full) / device.clock
        total = total + np.where(left > 1, step, 0.0)
        left = np.ceil(left / 2)
    return total * device.batch

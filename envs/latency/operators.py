"""Latency of one operator: the best of its tilings, in seconds for a whole batch.

The model of the predictor that the authors of LASNet released with its extension LAUDNet:
computing, moving data between memory and the shared cache once, and between the cache and
the engines tile by tile. Every function searches all tilings at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from leapbench.envs.latency.device import Device
from leapbench.envs.latency.tiles import Numbers, fetching, filling, grid, parts


@dataclass(frozen=True)
class Cost:
    """Seconds for a batch; arrays where an operator's rate is one.

    Attributes:
        compute: seconds that engines compute.
        memory: seconds that data moves.
        total: both as the device combines them, and the launch.
    """

    compute: Numbers
    memory: Numbers
    total: Numbers


@dataclass(frozen=True)
class Conv:
    """A convolution: channels, output size, kernel, groups and stride; padded to keep its size."""

    inputs: int
    outputs: int
    height: int
    width: int
    kernel: int = 1
    groups: int = 1
    stride: int = 1

    @property
    def reads(self) -> int:
        """Input channels that an output reads."""
        return self.inputs // self.groups

    @property
    def weights(self) -> int:
        """Number of weights."""
        return self.outputs * self.reads * self.kernel**2

    def window(self, c: Numbers, h: Numbers, w: Numbers) -> Numbers:
        """Input words under a tile of outputs."""
        groups = np.ceil(c / (self.outputs // self.groups))
        reach = self.kernel - 1
        words = groups * self.reads * (h + reach) * self.stride * (w + reach) * self.stride
        found: Numbers = np.asarray(words, float)
        return found


def patches(rate: ArrayLike, height: int, width: int, granularity: int) -> Numbers:
    """Active patches of an image: `rate` of all, rounded up."""
    down, across = -(-height // granularity), -(-width // granularity)
    count: Numbers = np.ceil(np.asarray(rate, float) * down * across)
    return count


@cache
def conv(device: Device, shape: Conv) -> Cost:
    """A convolution of whole images."""
    batch, words = device.batch, shape.height * shape.width
    c, h, w = grid(shape.outputs, shape.height, shape.width)
    tiles = parts(shape.outputs, c) * parts(shape.height, h) * parts(shape.width, w)
    moved = c * shape.reads * shape.kernel**2 + batch * (shape.window(c, h, w) + c * h * w)
    once = shape.weights + batch * words * (shape.inputs * shape.stride**2 + shape.outputs)
    used = fetching(w, shape.width - w, device.sector)
    memory = once / device.memory_words + moved * tiles / device.cache_words / used
    tile = c * h * w
    work = tile * shape.reads * shape.kernel**2 * batch / device.clock / device.lanes
    compute = work / filling(tile, device.full) * np.ceil(tiles / device.engines)
    return _best(device, compute, memory)


def sparse_conv(
    device: Device, shape: Conv, granularity: int, rate: ArrayLike, gathered: bool
) -> Cost:
    """A convolution of active patches alone.

    Args:
        device: where it runs.
        shape: of the convolution of whole images.
        granularity: side of a patch, in outputs.
        rate: share of patches that are active, in [0, 1]; any shape.
        gathered: whether the inputs are patches already, or are read by index from a whole map.
    """
    count = patches(rate, shape.height, shape.width, granularity)
    tile = tuple(map(np.asarray, _sparse_tile(device, shape, granularity, gathered)))
    compute, memory = _sparse_costs(device, shape, granularity, gathered, tile, count)
    return combine(device, compute, memory)


@cache
def _sparse_tile(
    device: Device, shape: Conv, granularity: int, gathered: bool
) -> tuple[float, float, float, float]:
    """The tiling that is best for the mean number of patches: images cannot be tiled anew."""
    together, c, h, w = grid(256, shape.outputs, granularity, granularity)
    tile = (c, h, w, together)
    mean = _mean_patches(shape.height, shape.width, granularity)
    costs = _sparse_costs(device, shape, granularity, gathered, tile, mean)
    return chosen(device, *costs, tile)


def _sparse_costs(
    device: Device,
    shape: Conv,
    granularity: int,
    gathered: bool,
    tile: tuple[Numbers, ...],
    count: Numbers,
) -> tuple[Numbers, Numbers]:
    c, h, w, together = tile
    batch, outputs = device.batch, granularity**2
    tiles = parts(shape.outputs, c) * parts(granularity, h) * parts(granularity, w)
    per_weight = c * shape.reads * shape.kernel**2
    moved = per_weight + batch * count * (shape.window(c, h, w) + c * h * w)
    side = (granularity + shape.kernel - 1) * shape.stride
    whole = shape.height * shape.width * shape.stride**2
    inputs = shape.inputs * (count * side**2 if gathered else np.asarray(whole))
    once = shape.weights + batch * (inputs + count * shape.outputs * outputs)
    memory = once / device.memory_words + moved * tiles / device.cache_words
    work = per_weight * h * w * together / device.clock / device.lanes
    work = work / filling(c * h * w * batch * together, device.full)
    compute = work * np.ceil(count / together) * batch * np.ceil(tiles / device.engines)
    return np.where(count > 0, compute, 0.0), memory


@cache
def add(device: Device, channels: int, height: int, width: int) -> Cost:
    """Sum of two whole maps."""
    c, h, w = grid(channels, height, width)
    tiles = parts(channels, c) * parts(height, h) * parts(width, w)
    tile = c * h * w
    compute = tile / device.clock / device.lanes / filling(tile, device.full)
    compute = compute * np.ceil(tiles / device.engines) * device.batch
    memory = 3 * tile / device.memory_words * tiles * device.batch
    return _best(device, compute, memory)


def scatter_add(
    device: Device, channels: int, height: int, width: int, granularity: int, rate: ArrayLike
) -> Cost:
    """Gathered patches added to where they belong in a whole map."""
    place = (channels, height, width, granularity)
    tile = tuple(map(np.asarray, _scatter_tile(device, *place)))
    count = patches(rate, height, width, granularity)
    return combine(device, *_scatter_costs(device, *place, tile, count))


@cache
def _scatter_tile(
    device: Device, channels: int, height: int, width: int, granularity: int
) -> tuple[float, float, float, float]:
    most = -(-height // granularity) * -(-width // granularity)
    together, c, h, w = grid(most, channels, granularity, granularity)
    tile = (c, h, w, together)
    mean = _mean_patches(height, width, granularity)
    costs = _scatter_costs(device, channels, height, width, granularity, tile, mean)
    return chosen(device, *costs, tile)


def _scatter_costs(
    device: Device,
    channels: int,
    height: int,
    width: int,
    granularity: int,
    tile: tuple[Numbers, ...],
    count: Numbers,
) -> tuple[Numbers, Numbers]:
    c, h, w, together = tile
    batch = device.batch
    tiles = parts(channels, c) * parts(granularity, h) * parts(granularity, w)
    once = batch * channels * (count * granularity**2 + 2 * height * width)
    used = fetching(w, granularity - w, device.sector)
    moved = 3 * c * h * w * count * tiles * batch
    memory = once / device.memory_words + moved / device.cache_words / used
    work = c * h * w * together / device.clock / device.lanes
    work = work / filling(c * h * w * batch * together, device.full)
    compute = work * np.ceil(count / together) * batch * np.ceil(tiles / device.engines)
    return compute, memory


def _mean_patches(height: int, width: int, granularity: int) -> Numbers:
    most = -(-height // granularity) * -(-width // granularity)
    return np.asarray((1 + most) / 2)


def _total(device: Device, compute: Numbers, memory: Numbers) -> Numbers:
    return np.asarray(np.maximum(compute, memory) if device.overlap else compute + memory)


def combine(device: Device, compute: Numbers, memory: Numbers) -> Cost:
    """Both parts as the device takes them, one after the other or at once, and the launch."""
    return Cost(compute, memory, _total(device, compute, memory) + device.launch)


def _best(device: Device, compute: Numbers, memory: Numbers) -> Cost:
    """The fastest tiling."""
    compute, memory = np.broadcast_arrays(compute, memory)
    at = np.unravel_index(np.argmin(_total(device, compute, memory)), compute.shape)
    return combine(device, compute[at], memory[at])


def chosen(
    device: Device, compute: Numbers, memory: Numbers, tile: tuple[Numbers, ...]
) -> tuple[float, float, float, float]:
    """Sizes of the fastest tiling of patches."""
    total = _total(device, compute, memory)
    at = np.unravel_index(np.argmin(total), total.shape)
    c, h, w, together = (float(np.broadcast_to(size, total.shape)[at]) for size in tile)
    return c, h, w, together

"""Runs a reading network once over all cubes of all clips, in batches, and quantises it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.contract.harness import Report
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.needle import Clips
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.tensors import crop, parted, pixels
from leapbench.errors import InvalidOutput
from leapbench.macs import count

BATCH = 25
SCALED = 300
"""Training clips on which the scales of features are taken."""


@dataclass(frozen=True)
class Outputs:
    """What a network says of clips, before quantisation.

    Attributes:
        glance: float32 (N, F).
        cubes: float32 (N, C, F).
        maps: uint8 (N, C, 3).
        order: int64 (N, C), or None where places are not learned.
    """

    glance: NDArray[np.float32]
    cubes: NDArray[np.float32]
    maps: NDArray[np.uint8]
    order: NDArray[np.int64] | None


@torch.inference_mode()
def outputs(network: GlanceNetwork, clips: Clips, device: str, report: Report) -> Outputs:
    """Features of the glance and of every cube."""
    network = network.to(device).eval()
    found = []
    for start in range(0, len(clips), BATCH):
        report(start / len(clips), f"cubes of clip {start + 1} of {len(clips)}")
        videos = pixels(clips.frames[start : start + BATCH], network.shape.channels).to(device)
        found.append(_batch(network, videos))
    columns = list(zip(*found, strict=True))
    glance, cubes, maps = (torch.cat(column).cpu().numpy() for column in columns[:3])
    if not (np.isfinite(glance).all() and np.isfinite(cubes).all()):
        raise InvalidOutput("a feature is not finite")
    order = None if columns[3][0] is None else torch.cat(columns[3]).cpu().numpy()
    return Outputs(glance, cubes, maps, order)


def _batch(network: GlanceNetwork, videos: Tensor) -> tuple[Any, ...]:
    reader, grid = network.reader, network.shape.grid
    maps = reader.glance(videos)
    places = torch.as_tensor(grid.origins, device=videos.device).expand(len(videos), -1, -1)
    cubes = crop(videos, places, grid.cube)
    looked = parted(reader.looked(reader.look(cubes.flatten(0, 1))), 0, tuple(cubes.shape[:2]))
    return reader.glimpsed(maps), looked, coarse(network, videos, maps), network.ranked(maps)


def coarse(network: GlanceNetwork, videos: Tensor, maps: Tensor) -> Tensor:
    """The glance's maps at each cube, uint8 (B, C, 3); see `leapbench.envs.videoglance.bank.MAPS`.

    Activity and motion are means in the cube, as shares of the clip's largest; evidence is
    the largest probability of a class at a place of the cube.
    """
    small = torch.nn.functional.avg_pool3d(
        videos.mean(1), (1, network.shape.pool, network.shape.pool)
    )
    moved = torch.zeros_like(small)
    moved[:, 1:] = (small[:, 1:] - small[:, :-1]).abs()
    evidence = network.reader.glance_only(maps).softmax(1).amax(1)
    columns = [
        _relative(_cells(network, maps.mean(1)).mean(3)),
        _cells(network, evidence).amax(3),
        _relative(_cells(network, moved).mean(3)),
    ]
    stacked = torch.stack([c.flatten(1) for c in columns], 2)
    return (stacked * 255).round().to(torch.uint8)


def _cells(network: GlanceNetwork, maps: Tensor) -> Tensor:
    """Values of a map (B, T, h, w) inside each cube, (B, C, 1, cells)."""
    grid = network.shape.grid
    scale = [n / v for n, v in zip(maps.shape[1:], grid.volume, strict=True)]
    size = [max(1, round(part * each)) for part, each in zip(grid.cube, scale, strict=True)]
    last = torch.tensor([n - s for n, s in zip(maps.shape[1:], size, strict=True)])
    start = torch.as_tensor(np.rint(grid.origins * np.array(scale)).astype(np.int64))
    start = torch.minimum(start, last).expand(len(maps), -1, -1).to(maps.device)
    return crop(maps[:, None], start, size).flatten(3)


def _relative(values: Tensor) -> Tensor:
    return values / values.amax(1, keepdim=True).clamp(min=1e-6)


def scales(train: Outputs) -> NDArray[np.float32]:
    """What each feature's largest 8-bit number stands for, (F,), from training clips."""
    seen = np.concatenate([train.glance, train.cubes.reshape(-1, train.glance.shape[1])])
    return np.asarray(np.maximum(seen.max(0), 1e-6), np.float32)


def bank(
    network: GlanceNetwork,
    found: Outputs,
    clips: Clips,
    scale: NDArray[np.float32],
    name: str,
    rng: np.random.Generator,
    footage: Any = None,
) -> Bank:
    """The bank of clips.

    Args:
        network: gives the linear map and the costs, which are counted by running it.
        found: its outputs on the clips.
        clips: give labels and tubes.
        scale: of each feature, see `scales`.
        name: shown in pictures.
        rng: draws an order of the cubes for each clip where places are not learned.
        footage: see `Bank`.
    """
    own, head = network.shape, network.reader.head
    grid = own.grid
    weight = head.weight.detach().cpu().numpy().T * scale[:, None] / 255
    unit = float(np.abs(weight).max()) / 127
    order = found.order
    if order is None:
        order = rng.permuted(np.tile(np.arange(grid.cubes), (len(clips), 1)), axis=1)
    overlap = np.zeros((len(clips), grid.cubes), np.float32)
    if clips.first is not None and clips.last is not None:
        overlap = grid.overlap(clips.first.astype(float), clips.last.astype(float))
    first, look = costs(network)
    return Bank(
        glance=_quantised(found.glance, scale),
        cubes=_quantised(found.cubes, scale),
        weight=np.rint(weight / unit).astype(np.int8),
        scale=unit,
        bias=head.bias.detach().cpu().numpy().astype(np.float32),
        maps=found.maps,
        order=order.astype(np.int16),
        labels=clips.labels.astype(np.int64),
        overlap=overlap,
        grid=grid,
        first=first,
        look=look,
        looks=own.looks,
        name=name,
        footage=footage,
    )


def costs(network: GlanceNetwork) -> tuple[int, int]:
    """Multiply-adds of the glance with its answer, and of a look with its answer."""
    own = network.shape
    size = (own.volume[0] * own.channels, own.volume[1], own.volume[2])
    exits = count(network.cpu(), size)
    return exits[0], exits[1] - exits[0]


def _quantised(values: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(values / scale * 255), 0, 255), np.uint8)

"""First weights of every reading network: what ImageNet's are to the published ones.

Crops rarely hold what decides the class, so that a look which was never shown it learns nothing
from them. f_L first classifies cubes around the tube where it is known, and cubes drawn at
random elsewhere; f_G classifies whole clips. The same weights serve all models of a seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from leapbench.contract.harness import Report
from leapbench.data.locate import places
from leapbench.envs.videoglance.backbones import load_weights
from leapbench.envs.videoglance.needle import Clips
from leapbench.envs.videoglance.reader import Reader
from leapbench.envs.videoglance.shape import Shape
from leapbench.envs.videoglance.tensors import crop, pixels


def first_weights(
    shape: Shape, clips: Clips, seed: int, settings: Mapping[str, Any], device: str, report: Report
) -> dict[str, np.ndarray]:
    """Weights of a `Reader` after its warm start.

    Args:
        shape: sizes.
        clips: those that models train on.
        seed: decides the weights and the order.
        settings: `updates`, `batch` and `lr` of Adam; for the published backbones the files
            `glance` and `look`, found as data sets are.
        device: where it learns, as torch names it.
        report: called with the fraction done in [0, 1] and a short line.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = Reader(shape)
        _brought(reader, settings)
        reader.to(device).train()
        rng = np.random.default_rng(seed)
        optimizer = torch.optim.Adam(reader.parameters(), float(settings["lr"]))
        updates, batch = int(settings["updates"]), int(settings["batch"])
        for step in range(updates):
            at = rng.integers(len(clips), size=batch)
            videos = pixels(clips.frames[at], shape.channels).to(device)
            labels = torch.as_tensor(clips.labels[at], device=device)
            origins = torch.as_tensor(_origins(shape, clips, at, rng), device=device)
            optimizer.zero_grad(set_to_none=True)
            _loss(reader, videos, origins, labels).backward()  # type: ignore[no-untyped-call]
            optimizer.param_groups[0]["lr"] = float(settings["lr"]) * (1 - step / updates)
            optimizer.step()
            report(step / updates, f"warm start {step + 1}/{updates}")
    return {name: value.cpu().numpy() for name, value in reader.state_dict().items()}


def _brought(reader: Reader, settings: Mapping[str, Any]) -> None:
    """Take over ImageNet's weights where the protocol names files of them."""
    for part, file in (("glance", settings.get("glance")), ("look", settings.get("look"))):
        if file:
            path = next((p for p in places(str(file)) if p.is_file()), places(str(file))[0])
            load_weights(reader.get_submodule(part).frames[1], path)  # type: ignore[index,arg-type]


def _loss(reader: Reader, videos: Tensor, origins: Tensor, labels: Tensor) -> Tensor:
    cubes = crop(videos, origins[:, None], reader.shape.cube)[:, 0]
    looked, maps = reader.looked(reader.look(cubes)), reader.glance(videos)
    glimpsed = reader.glimpsed(maps)
    logits = (
        reader.look_only(looked),
        reader.head(glimpsed),
        reader.head(torch.maximum(glimpsed, looked)),
        reader.glance_only(maps).amax((2, 3, 4)),
    )
    return sum((functional.cross_entropy(z, labels) for z in logits), videos.new_zeros(()))


def _origins(shape: Shape, clips: Clips, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """First corners int64 (B, 3) of cubes that hold the middle of the tube, or of any cubes."""
    free = shape.grid.free
    if clips.first is None or clips.last is None:
        return rng.integers(free + 1, size=(len(at), 3))
    middle = (clips.first[at] + clips.last[at]) / 2 - np.array(shape.cube) / 2
    moved = middle + rng.uniform(-0.15, 0.15, middle.shape) * np.array(shape.cube)
    return np.asarray(np.clip(np.rint(moved), 0, free), np.int64)

"""Pictures for the worlds: procedural scenes, or folders of real ones, as tensors in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from leapbench.envs.refusals import count
from leapbench.envs.sparsify.scenes import CLASSES, Pictures, render
from leapbench.errors import UserError

SCENES = "scenes"
HOLD_OUT = 20_220_619
"""Seed of the split of real training pictures into training and validation."""


class Where(NamedTuple):
    """Names data; equal values share one copy in memory.

    Attributes:
        data: "scenes", or a folder, see `leapbench.envs.sparsify.folders`.
        height, width: of the pictures, in pixels.
        train, validation, test: pictures of each part; upper bounds for a folder, whose
            validation pictures are held out of its training part.
        seed: of the procedural scenes to learn from.
        test_seed: of the procedural scenes of the test.
    """

    data: str = SCENES
    height: int = 32
    width: int = 32
    train: int = 1500
    validation: int = 250
    test: int = 250
    seed: int = 1
    test_seed: int = 2


@dataclass(frozen=True)
class Part:
    """Pictures of one split.

    Attributes:
        images: float32 (N, 3, H, W), channels last.
        truth: by task: "seg" int64 (N, H, W), -1 where unknown; "depth" float32
            (N, 1, H, W), 0 where unknown; "normals" float32 (N, 3, H, W), 0 where unknown.
    """

    images: Tensor
    truth: dict[str, Tensor]
    _near: dict[tuple[int, int], dict[str, Tensor]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def near(self, height: int, width: int) -> dict[str, Tensor]:
        """The truth at a smaller size, by the nearest pixel."""
        size = (height, width)
        if size not in self._near:
            self._near[size] = {name: _smaller(each, size) for name, each in self.truth.items()}
        return self._near[size]


class Splits(NamedTuple):
    """What a network learns from, is steered by, and is scored on.

    Attributes:
        train, validation, test: the parts.
        classes: of the segmentation.
        names: of the classes.
    """

    train: Part
    validation: Part
    test: Part
    classes: int
    names: tuple[str, ...]


@lru_cache(maxsize=4)
def load(where: Where) -> Splits:
    """The pictures of `where`, read or drawn once a process.

    Raises:
        UserError: for a folder that is not in a known layout, or numbers out of range.
    """
    for name in ("height", "width", "train", "validation"):
        count(name, getattr(where, name))
    for name in ("test", "seed", "test_seed"):
        count(name, getattr(where, name), 0, 2**63)
    if not isinstance(where.data, str):
        raise UserError(f"data must be {SCENES!r} or a folder, got {where.data!r}.")
    if where.data == SCENES:
        return _scenes(where)
    from leapbench.envs.sparsify.folders import read

    found = read(Path(where.data), (where.height, where.width))
    order = np.random.default_rng(HOLD_OUT).permutation(len(found.train.images))
    held, kept = order[: where.validation], order[where.validation :][: where.train]
    if not len(kept):
        raise UserError(f"{where.data} has {len(order)} training pictures, all held out.")
    test = np.arange(min(where.test, len(found.test.images)))
    parts = (_part(found.train, kept), _part(found.train, held), _part(found.test, test))
    return Splits(*parts, len(found.names), found.names)


def _scenes(where: Where) -> Splits:
    if where.height != where.width:
        raise UserError(f"Scenes are square, got {where.height} x {where.width} pixels.")
    learned = render(where.train + where.validation, where.height, where.seed)
    test = render(max(1, where.test), where.height, where.test_seed)
    first, second = np.arange(where.train), np.arange(where.train, len(learned.images))
    parts = (_part(learned, first), _part(learned, second), _part(test, slice(where.test)))
    return Splits(*parts, len(CLASSES), CLASSES)


def _part(pictures: Pictures, which: Any) -> Part:
    images = torch.from_numpy(pictures.images[which])
    truth = {"seg": torch.from_numpy(pictures.classes[which])}
    if pictures.depth.size:
        truth["depth"] = torch.from_numpy(pictures.depth[which])
    if pictures.normals.size:
        truth["normals"] = torch.from_numpy(pictures.normals[which])
    return Part(images.contiguous(memory_format=torch.channels_last), truth)


def _smaller(truth: Tensor, size: tuple[int, int]) -> Tensor:
    if truth.dim() == 3:
        return _smaller(truth[:, None].float(), size)[:, 0].long()
    return F.interpolate(truth, size, mode="nearest-exact")

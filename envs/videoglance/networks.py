"""Reading networks: a cheap glance at the whole clip, an expensive look at a cube, one classifier.

f_G, f_L and f_C of AdaFocus (Wang et al., arXiv 2112.14238 and 2209.13465) in small. Features
of glance and looks enter one running maximum (section "f_C" of the released AdaFocusV2 code),
and one linear map reads it after any number of looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from leapbench.envs.videoglance.backbones import GLANCE, LOOK, STRIDE, MobileNetV2, ResNet50
from leapbench.envs.videoglance.grid import CubeGrid

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SHARPNESS = 8.0
"""Factor of the scores of a heat map. Without it all expected places begin in the middle of the
clip, where the gradient of an interpolation tells nothing of what is elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of a reading network and of its clips.

    Attributes:
        channels: 1 for grey clips, 3 for colour.
        volume: frames, rows and columns of a clip.
        cube: frames, rows and columns of a cube.
        counts: places of cubes along each axis.
        classes: number of classes.
        looks: cubes in the all-cubes cost, K.
        pool: side of the blocks that the glance averages, pixels.
        glance: channels of the glance's convolutions, two.
        look: channels of the look's convolutions, three.
        features: width F of the running maximum.
        locator: channels of the location policy.
        backbones: "small", or "imagenet" for MobileNetV2 at full resolution and ResNet-50,
            in which case `pool`, `glance` and `look` are not used.
    """

    channels: int = 1
    volume: tuple[int, int, int] = (16, 48, 48)
    cube: tuple[int, int, int] = (4, 24, 24)
    counts: tuple[int, int, int] = (4, 3, 3)
    classes: int = 10
    looks: int = 4
    pool: int = 4
    glance: tuple[int, int] = (8, 16)
    look: tuple[int, int, int] = (12, 24, 32)
    features: int = 48
    locator: int = 16
    backbones: str = "small"

    @property
    def large(self) -> bool:
        """Whether the backbones are the published ones."""
        return self.backbones == "imagenet"

    @property
    def seen(self) -> int:
        """Channels of the glance's map."""
        return GLANCE if self.large else self.glance[1]

    @property
    def read(self) -> int:
        """Channels of a look's deep features."""
        return LOOK if self.large else self.look[2]

    @property
    def cells(self) -> tuple[int, int, int]:
        """Size of the glance's map."""
        t, height, width = self.volume
        side = STRIDE if self.large else 2 * self.pool
        return t, -(-height // side), -(-width // side)

    @property
    def stride(self) -> int:
        """Pixels a cell of a look's deep features."""
        return STRIDE if self.large else 4

    @property
    def grid(self) -> CubeGrid:
        """Where the cubes are."""
        return CubeGrid(self.volume, self.cube, self.counts)

    def record(self) -> dict[str, Any]:
        """Fields as JSON data."""
        return asdict(self)


def shape_of(record: dict[str, Any]) -> Shape:
    """The shape of a record, lists for tuples."""
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
    return Shape(**fields)


def parted(x: Tensor, axis: int, sizes: tuple[int, ...]) -> Tensor:
    """One axis as several."""
    return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])


def _block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Normalise(nn.Module):
    """Pixels in [0, 1] as ImageNet's networks want them."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W), less the channels' means, over their deviations."""
        mean, deviation = x.new_tensor(MEAN), x.new_tensor(DEVIATION)
        return (x - mean[:, None, None]) / deviation[:, None, None]


class Glance(nn.Module):
    """f_G: every frame, averaged over blocks; a map (B, C, T, h, w)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first, second = shape.glance
        self.pool = 1 if shape.large else shape.pool
        if shape.large:
            self.frames = nn.Sequential(Normalise(), MobileNetV2())
            self.time = nn.Sequential()
            return
        self.frames = nn.Sequential(_block(shape.channels, first, 1), _block(first, second, 2))
        self.time = nn.Sequential(
            nn.Conv3d(second, second, (3, 1, 1), padding=(1, 0, 0), bias=False),
            nn.BatchNorm3d(second),
            nn.ReLU(inplace=True),
        )

    def forward(self, clips: Tensor) -> Tensor:
        """Map of clips (B, channels, T, H, W)."""
        batch, channels, frames, height, width = clips.shape
        flat = clips.transpose(1, 2).reshape(batch * frames, channels, height, width)
        maps = self.frames(functional.avg_pool2d(flat, self.pool))
        maps = parted(maps, 0, (batch, frames)).transpose(1, 2)
        out: Tensor = self.time(maps)
        return out


class Look(nn.Module):
    """f_L: the frames of a cube; deep features (B, C, t, h, w)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        if shape.large:
            self.frames = nn.Sequential(Normalise(), ResNet50())
            return
        first, second, third = shape.look
        self.frames = nn.Sequential(
            _block(shape.channels, first, 2), _block(first, second, 2), _block(second, third, 1)
        )

    def forward(self, cubes: Tensor) -> Tensor:
        """Deep features of cubes (B, channels, t, h, w)."""
        batch, channels, frames, height, width = cubes.shape
        flat = cubes.transpose(1, 2).reshape(batch * frames, channels, height, width)
        maps: Tensor = self.frames(flat)
        return parted(maps, 0, (batch, frames)).transpose(1, 2)


class Reader(nn.Module):
    """f_G, f_L and f_C.

    Attributes:
        seen: from the glance's map, pooled, to F features.
        read: from a cube's deep features, pooled, to F features.
        head: the linear map of f_C.
        glance_only: classifier at every place of the glance's map, for the auxiliary loss
            and the map of evidence.
        look_only: classifier of the looks alone, for the auxiliary loss.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.glance, self.look = Glance(shape), Look(shape)
        self.seen = nn.Sequential(nn.Linear(shape.seen, shape.features), nn.ReLU())
        self.read = nn.Sequential(nn.Linear(shape.read, shape.features), nn.ReLU())
        self.head = nn.Linear(shape.features, shape.classes)
        self.glance_only = nn.Conv3d(shape.seen, shape.classes, 1)
        self.look_only = nn.Linear(shape.features, shape.classes)

    def glimpsed(self, maps: Tensor) -> Tensor:
        """Features (B, F) of the glance's map (B, C, T, h, w)."""
        out: Tensor = self.seen(maps.amax((2, 3, 4)))
        return out

    def looked(self, deep: Tensor) -> Tensor:
        """Features (B, F) of a cube's deep features (B, C, t, h, w)."""
        out: Tensor = self.read(deep.amax((2, 3, 4)))
        return out

    def answers(self, glimpsed: Tensor, looked: Tensor) -> Tensor:
        """Logits (B, K + 1, classes) after the glance and after each look (B, K, F)."""
        every = torch.cat((glimpsed[:, None], looked), 1)
        out: Tensor = self.head(every.cummax(1).values)
        return out


class Locator(nn.Module):
    """The policy over places: K maps of scores over time, rows and columns, or K points.

    Args:
        shape: sizes.
        head: "heatmap", a score for every place of the glance's map and the expected place
            under its softmax, or "sigmoid", a linear layer and a sigmoid as in AdaFocusV2.
    """

    def __init__(self, shape: Shape, head: str) -> None:
        super().__init__()
        width, inputs = shape.locator, shape.seen
        self.kind, self.shape = head, shape
        self.trunk = nn.Sequential(
            nn.Conv3d(inputs, width, 1, bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
            nn.Conv3d(width, width, 3, padding=1, groups=width, bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
        )
        cells = shape.cells
        if head == "heatmap":
            self.head: nn.Module = nn.Conv3d(width, shape.looks, 1)
        else:
            self.squeeze = nn.Conv3d(width, 4, 1)
            size = 4 * cells[0] * cells[1] * cells[2]
            self.head = nn.Linear(size, 3 * shape.looks)
        self.register_buffer("centres", _centres(shape), persistent=False)

    def output(self, maps: Tensor) -> Tensor:
        """What the layers give: scores (B, K, T * h * w), or numbers (B, 3 * K)."""
        trunk = self.trunk(maps)
        if self.kind == "heatmap":
            return SHARPNESS * self.head(trunk).flatten(2)  # type: ignore[no-any-return]
        return self.head(self.squeeze(trunk).flatten(1))  # type: ignore[no-any-return]

    def forward(self, maps: Tensor) -> Tensor:
        """Origins (B, K, 3) as fractions in [0, 1] of how far a cube can move."""
        out = self.output(maps)
        if self.kind == "heatmap":
            centres: Tensor = self.centres  # type: ignore[assignment]
            expected: Tensor = out.softmax(2) @ centres
            return expected
        return parted(out.sigmoid(), 1, (self.shape.looks, 3))

    def of_cubes(self, maps: Tensor) -> Tensor:
        """How much each cube of the grid is wanted at each look, (B, K, C).

        A map of scores gives the mass of its softmax inside the cube; a point gives minus
        its squared distance to the cube's origin, in cubes.
        """
        grid = self.shape.grid
        if self.kind == "heatmap":
            mass = self.output(maps).softmax(2)
            held: Tensor = mass @ _inside(self.shape).to(mass.device)
            return held
        origins = torch.as_tensor(grid.fractions, dtype=torch.float32, device=maps.device)
        unit = torch.as_tensor(grid.free / np.array(grid.cube), dtype=torch.float32)
        apart = (self(maps)[:, :, None] - origins) * unit.to(maps.device)
        nearness: Tensor = -apart.square().sum(3)
        return nearness


class GlanceNetwork(nn.Module):
    """A reader, and a locator where places are learned.

    Args:
        shape: sizes.
        head: see `Locator`; "" for none.
    """

    def __init__(self, shape: Shape, head: str = "") -> None:
        super().__init__()
        self.shape = shape
        self.reader = Reader(shape)
        self.locator = Locator(shape, head) if head else None

    def ranked(self, maps: Tensor) -> Tensor | None:
        """Cubes int64 (B, C) in the order in which the locator would look; None without one.

        The k-th is the best unseen cube by the k-th map of scores, or the unseen cube
        nearest to the k-th point; behind the K-th they follow by the mean.
        """
        if self.locator is None:
            return None
        scores = self.locator.of_cubes(maps)
        taken = torch.zeros_like(scores[:, 0], dtype=torch.bool)
        order = []
        for k in range(scores.shape[1]):
            best = scores[:, k].masked_fill(taken, -torch.inf).argmax(1, keepdim=True)
            taken = taken.scatter(1, best, True)
            order.append(best)
        rest = scores.mean(1).masked_fill(taken, -torch.inf).argsort(1, descending=True)
        return torch.cat([*order, rest[:, : scores.shape[2] - len(order)]], 1)

    def forward(self, clip: Tensor) -> list[Tensor]:
        """Answers of one clip after the glance and after each of K looks, to be counted.

        Args:
            clip: (1, T * channels, H, W).

        Returns:
            K + 1 tensors (1, classes).
        """
        own, reader = self.shape, self.reader
        video = parted(clip, 1, (own.volume[0], own.channels)).transpose(1, 2)
        maps = reader.glance(video)
        if self.locator is not None:
            self.locator.output(maps)
        state = reader.glimpsed(maps)
        exits = [reader.head(state)]
        origins = torch.as_tensor(own.grid.origins[: own.looks])
        for cube in crop(video, origins[None], own.cube)[0]:
            state = torch.maximum(state, reader.looked(reader.look(cube[None])))
            exits.append(reader.head(state))
        return exits


def crop(clips: Tensor, origins: Tensor, size: Sequence[int]) -> Tensor:
    """Cut cubes out at whole origins, by views of the clips.

    Args:
        clips: (B, channels, T, H, W).
        origins: int64 (B, K, 3), first frame, row and column.
        size: frames, rows and columns of a cube.

    Returns:
        (B, K, channels, t, h, w).
    """
    windows = clips.unfold(2, size[0], 1).unfold(3, size[1], 1).unfold(4, size[2], 1)
    batch = torch.arange(len(clips), device=clips.device)[:, None]
    t, y, x = origins.unbind(2)
    return windows[batch, :, t, y, x]


def _inside(shape: Shape) -> Tensor:
    """Share of each place of the glance's map that lies in each cube, (cells, C)."""
    grid, cells = shape.grid, shape.cells
    shares = []
    for axis in range(3):
        width = grid.volume[axis] / cells[axis]
        low = np.arange(cells[axis])[:, None] * width
        origin = grid.origins[:, axis]
        shared = np.minimum(low + width, origin + grid.cube[axis]) - np.maximum(low, origin)
        shares.append(np.clip(shared / width, 0, 1))
    inside = np.einsum("ac,bc,dc->abdc", *shares).reshape(-1, grid.cubes)
    return torch.as_tensor(inside, dtype=torch.float32)


def _centres(shape: Shape) -> Tensor:
    """Origin, as fractions, of the cube in whose middle each place of the map lies, (cells, 3)."""
    axes = []
    for whole, part, cells in zip(shape.volume, shape.cube, shape.cells, strict=True):
        middle = (torch.arange(cells) + 0.5) * (whole / cells)
        free = max(1, whole - part)
        axes.append(((middle - part / 2) / free).clamp(0, 1))
    return torch.cartesian_prod(*axes)

"""Sizes of reading networks, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from leapbench.envs.videoglance.backbones import GLANCE, LOOK, STRIDE
from leapbench.envs.videoglance.grid import CubeGrid


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

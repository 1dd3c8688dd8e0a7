"""What the worlds' pictures are drawn with: one size, one palette, smooth edges."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, MARGIN = 640, 400, 24
OVERSAMPLING = 2
"""The picture is drawn this much larger and reduced, which smooths its edges."""

Color = tuple[int, int, int]
PAPER: Color = (250, 250, 247)
CARD: Color = (255, 255, 255)
INK: Color = (33, 37, 41)
MUTED: Color = (128, 134, 142)
LINE: Color = (218, 221, 224)
TRACK: Color = (236, 238, 240)
RIGHT: Color = (0, 130, 105)
WRONG: Color = (213, 94, 0)  # with RIGHT, a pair that colour-blind readers tell apart


class Canvas:
    """Pillow in the coordinates of the finished picture."""

    def __init__(self) -> None:
        size = (WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING)
        self.image = Image.new("RGB", size, PAPER)
        self._draw = ImageDraw.Draw(self.image)

    def box(
        self,
        corners: tuple[float, float, float, float],
        fill: Color,
        outline: Color | None = None,
        width: float = 1,
        radius: float = 0,
    ) -> None:
        """Rectangle (left, top, right, bottom), rounded by `radius`."""
        xy = [round(value * OVERSAMPLING) for value in corners]
        if xy[2] > xy[0] and xy[3] > xy[1]:
            self._draw.rounded_rectangle(
                (xy[0], xy[1], xy[2] - 1, xy[3] - 1),
                radius * OVERSAMPLING,
                fill,
                outline,
                round(width * OVERSAMPLING),
            )

    def line(self, points: list[tuple[float, float]], fill: Color, width: float = 1) -> None:
        """Straight lines through `points`."""
        scaled = [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in points]
        self._draw.line(scaled, fill, round(width * OVERSAMPLING))

    def text(
        self, x: float, y: float, text: str, size: int = 12, fill: Color = INK, anchor: str = "ls"
    ) -> None:
        """Text whose `anchor` (Pillow's two letters) lies at (x, y)."""
        place = (x * OVERSAMPLING, y * OVERSAMPLING)
        self._draw.text(place, text, fill, _font(size * OVERSAMPLING), anchor=anchor)

    def paste(self, pixels: NDArray[np.uint8], corners: tuple[float, float, float, float]) -> None:
        """Show an array uint8 (H, W, 3), stretched without smoothing."""
        left, top, right, bottom = (round(value * OVERSAMPLING) for value in corners)
        tile = Image.fromarray(pixels).resize(
            (right - left, bottom - top), Image.Resampling.NEAREST
        )
        self.image.paste(tile, (left, top))

    def pixels(self) -> NDArray[np.uint8]:
        """The finished picture."""
        return np.array(self.image.resize((WIDTH, HEIGHT), Image.Resampling.BOX))


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)

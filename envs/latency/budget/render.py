"""A picture of one stream: the image, what each block looked at, the clock, the answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.canvas import (
    CARD,
    INK,
    LINE,
    MARGIN,
    MUTED,
    PAPER,
    RIGHT,
    TRACK,
    WIDTH,
    WRONG,
    Canvas,
)
from leapbench.envs.gauge import gauge
from leapbench.envs.latency.budget.streams import Streams
from leapbench.envs.latency.budget.world import milliseconds

Pixels = NDArray[np.uint8]
SIDE, TOP = 188, 76
DIM = 0.22
"""What is left of a pixel's contrast in a cell that is skipped."""


def draw(streams: Streams, index: int) -> Pixels:
    """Draw a stream as uint8 (400, 640, 3)."""
    canvas = Canvas()
    world = streams.world
    place = min(int(streams.position[index]), world.stream - 1)
    picture = shown(world.pictures.images[streams.order[index, place]])
    _header(canvas, streams, index)
    canvas.paste(picture, (MARGIN, TOP, MARGIN + SIDE, TOP + SIDE))
    _blocks(canvas, streams, index, picture)
    _clock(canvas, streams, index)
    _answers(canvas, streams, index)
    return canvas.pixels()


def shown(image: NDArray[np.float32]) -> Pixels:
    """An image (C, H, W) as pixels (H, W, 3), from its darkest to its brightest value."""
    low, high = float(image.min()), float(image.max())
    values = (image - low) / max(high - low, 1e-9) * 255
    grey = np.broadcast_to(values, (3, *image.shape[1:])) if len(image) == 1 else values[:3]
    return np.ascontiguousarray(grey.transpose(1, 2, 0)).astype(np.uint8)


def _header(canvas: Canvas, streams: Streams, index: int) -> None:
    world, done = streams.world, int(streams.position[index])
    title = world.prices.device.title
    canvas.text(MARGIN, 38, "Latency budget", 20)
    state = "stream over" if streams.over[index] else f"image {done + 1} of {world.stream}"
    canvas.text(MARGIN, 58, f"{title}  ·  {state}", 12, MUTED)
    right = streams.right[index, :done]
    accuracy = f"{right.mean():.0%}" if done else "-"
    canvas.text(WIDTH - MARGIN, 40, accuracy, 26, INK, "rs")
    canvas.text(WIDTH - MARGIN, 58, f"right of {done} answers", 12, MUTED, "rs")


def _blocks(canvas: Canvas, streams: Streams, index: int, picture: Pixels) -> None:
    """A small copy of the image for each block, dark where it was not computed."""
    masks, shape = streams.drawn[index], streams.world.network.shape
    count = len(shape.cells)
    across = -(-count // 2)
    left, gap = MARGIN + SIDE + 30, 12
    side = min(76.0, (WIDTH - MARGIN - left - (across - 1) * gap) / across)
    for block in range(count):
        row, column = divmod(block, across)
        x, y = left + column * (side + gap), TOP + row * (side + 22)
        here = block == len(masks) and not streams.over[index]
        corners = (x, y, x + side, y + side)
        canvas.box(corners, CARD if here else PAPER, INK if here else LINE, 2 if here else 1)
        name = f"stage {shape.blocks[block].stage + 1}"
        if block < len(masks):
            canvas.paste(_masked(picture, masks[block], shape.cells[block]), corners)
            name = f"{name}: {masks[block].mean():.0%}"
        elif here:
            canvas.text(x + side / 2, y + side / 2, "next", 11, MUTED, "mm")
        canvas.text(x + side / 2, y + side + 13, name, 10, INK if here else MUTED, "ms")
    canvas.text(left, TOP + 2 * (side + 22) + 8, "bright: computed   dark: passed on", 10, MUTED)


def _masked(picture: Pixels, mask: NDArray[np.bool_], side: int) -> Pixels:
    scale = picture.shape[0] // side
    wide = mask.reshape(side, side).repeat(scale, 0).repeat(scale, 1)
    dim = (picture * DIM).astype(np.uint8) + np.array([8, 12, 30], np.uint8)
    return np.where(wide[..., None], picture, dim)


def _clock(canvas: Canvas, streams: Streams, index: int) -> None:
    """Gauge of the time that is left; the mark is where even spending would be."""
    purse, left = int(streams.purse[index]), int(streams.left[index])
    told = f"{milliseconds(left):.3g} of {milliseconds(purse):.3g} ms"
    share = f"{float(streams.budget[index]):.0%} of what computing everything takes"
    even = 1 - int(streams.position[index]) / streams.world.stream
    gauge(canvas, 308, "Time left", f"{told}  ({share})", left / purse, even, mark=66)


def _answers(canvas: Canvas, streams: Streams, index: int) -> None:
    """Strip of the stream: right and wrong answers, and what each image took."""
    y, stream, done = 352, streams.world.stream, int(streams.position[index])
    canvas.text(MARGIN, y - 8, "Answers", 12)
    strip = np.full((stream, 3), TRACK, np.uint8)
    strip[:done] = np.where(streams.right[index, :done, None], RIGHT, WRONG)
    canvas.paste(strip[None], (MARGIN, y, WIDTH - MARGIN, y + 16))
    for x, label, color in ((WIDTH - 132, "right", RIGHT), (WIDTH - 77, "wrong", WRONG)):
        canvas.box((x, y - 18, x + 11, y - 7), color, radius=2)
        canvas.text(x + 16, y - 8, label, 12, MUTED)
    if streams.forced[index]:
        told = f"{int(streams.forced[index])} blocks could not be paid"
        canvas.text(MARGIN, y + 34, told, 12, WRONG)

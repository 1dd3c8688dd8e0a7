"""Draws a stream for a viewer: frames and cubes above, what the network thinks below."""

from __future__ import annotations

from dataclasses import dataclass

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
    Color,
)
from leapbench.envs.gauge import amount, gauge
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.streams import Streams

SHOWN = 8
"""Frames shown, at most."""
MARK: Color = (230, 159, 0)


@dataclass(frozen=True)
class GlancePicture:
    """What a picture shows.

    Attributes:
        bank: what the network says.
        sample: index of the current clip.
        path: cubes looked at in it, in order.
        probabilities: float32 (classes,), after them.
        budget: multiply-adds per clip.
        remaining: unspent multiply-adds of the stream.
        answers: int32, `2 * looks + correct` of each answered clip, in order.
        length: clips in the stream.
        over: whether the stream has ended.
    """

    bank: Bank
    sample: int
    path: list[int]
    probabilities: NDArray[np.float32]
    budget: int
    remaining: int
    answers: NDArray[np.int32]
    length: int
    over: bool


def scene(streams: Streams, index: int) -> GlancePicture:
    """What a picture of stream `index` shows."""
    looks = min(int(streams.looks[index]), streams.world.layout.cubes)
    return GlancePicture(
        bank=streams.world.bank,
        sample=int(streams.sample[index]),
        path=streams.path[index, :looks].tolist(),
        probabilities=streams.probabilities[index],
        budget=int(streams.budget[index]),
        remaining=int(streams.remaining[index]),
        answers=streams.answers(index),
        length=streams.world.length,
        over=bool(streams.over[index]),
    )


def draw(picture: GlancePicture) -> NDArray[np.uint8]:
    """Draw a picture as uint8 (400, 640, 3)."""
    canvas = Canvas()
    _header(canvas, picture)
    _frames(canvas, picture)
    _classes(canvas, picture)
    _budget(canvas, picture)
    _stream(canvas, picture)
    return canvas.pixels()


def _header(canvas: Canvas, picture: GlancePicture) -> None:
    answered, right = len(picture.answers), int((picture.answers & 1).sum())
    canvas.text(MARGIN, 36, "Glances at video", 20)
    state = "stream over" if picture.over else f"clip {answered + 1} of {picture.length}"
    looks = f"{len(picture.path)} look{'s' * (len(picture.path) != 1)}"
    canvas.text(MARGIN, 54, f"{picture.bank.name}  ·  {state}  ·  {looks}", 12, MUTED)
    accuracy = f"{right / answered:.0%}" if answered else "-"
    canvas.text(WIDTH - MARGIN, 36, accuracy, 24, INK, "rs")
    canvas.text(WIDTH - MARGIN, 54, f"right of {answered} answers", 12, MUTED, "rs")


def _frames(canvas: Canvas, picture: GlancePicture) -> None:
    """Frames of the clip in a row, the cubes that were looked at framed and numbered."""
    bank, gap = picture.bank, 6
    frames, height, width = bank.grid.volume
    step = -(-frames // SHOWN)
    shown = range(0, frames, step)
    side = (WIDTH - 2 * MARGIN - gap * (len(shown) - 1)) / len(shown)
    tall = side * height / width
    clip = None if bank.footage is None else bank.footage(picture.sample)
    for column, frame in enumerate(shown):
        left, top = MARGIN + column * (side + gap), 68.0
        corners = (left, top, left + side, top + tall)
        if clip is None:
            canvas.box(corners, TRACK)
        else:
            pixels = clip[frame]
            canvas.paste(
                pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2), corners
            )
        canvas.text(left, top + tall + 12, f"frame {frame + 1}", 9, MUTED)
        for number, cube in enumerate(picture.path):
            _cube(canvas, picture, frame, step, number, cube, (left, top, side / width))


def _cube(
    canvas: Canvas,
    picture: GlancePicture,
    frame: int,
    step: int,
    number: int,
    cube: int,
    place: tuple[float, float, float],
) -> None:
    """Outline of a cube in a frame that it holds."""
    grid, (left, top, scale) = picture.bank.grid, place
    first, row, column = grid.origins[cube].tolist()
    if not first - step < frame < first + grid.cube[0]:
        return
    x, y = left + column * scale, top + row * scale
    wide, tall = grid.cube[2] * scale, grid.cube[1] * scale
    color = MARK if number == len(picture.path) - 1 else (86, 180, 233)
    outline = [(x, y), (x + wide, y), (x + wide, y + tall), (x, y + tall), (x, y)]
    canvas.line(outline, color, 2)
    canvas.box((x, y, x + 11, y + 12), color)
    canvas.text(x + 5.5, y + 6.5, str(number + 1), 9, (0, 0, 0), "mm")


def _classes(canvas: Canvas, picture: GlancePicture) -> None:
    """A bar for each of the ten likeliest classes; the true one in green."""
    p, y, tall = picture.probabilities, 178, 84
    shown = np.sort(np.argsort(-p, kind="stable")[:10])
    step = (WIDTH - 2 * MARGIN) / len(shown)
    canvas.text(MARGIN, y - 8, "What the network thinks", 12)
    canvas.text(WIDTH - MARGIN, y - 8, f"{p.max():.0%} sure of {int(p.argmax())}", 12, INK, "rs")
    for i, cls in enumerate(shown.tolist()):
        left = MARGIN + i * step
        canvas.box((left, y, left + step - 8, y + tall), TRACK, radius=3)
        true = cls == int(picture.bank.labels[picture.sample])
        color = RIGHT if true else (WRONG if cls == int(p.argmax()) else MUTED)
        canvas.box((left, y + tall * (1 - float(p[cls])), left + step - 8, y + tall), color)
        canvas.text(left + (step - 8) / 2, y + tall + 13, str(cls), 11, color, "ms")


def _budget(canvas: Canvas, picture: GlancePicture) -> None:
    """Gauge of the unspent budget; the mark is where even spending would be."""
    total = picture.budget * picture.length
    spent = f"{amount(picture.remaining)} of {amount(total)} multiply-adds"
    even = 1 - len(picture.answers) / picture.length
    gauge(canvas, 306, "Budget left", spent, picture.remaining / total, even, height=12)


def _stream(canvas: Canvas, picture: GlancePicture) -> None:
    """One column a clip: looks upwards, right or wrong below."""
    y, most = 372, picture.bank.looks
    canvas.text(MARGIN, 336, "Stream: looks at each clip, right or wrong below", 12)
    step = (WIDTH - 2 * MARGIN) / picture.length
    canvas.box((MARGIN, y - 28, WIDTH - MARGIN, y), CARD, LINE)
    for i, answer in enumerate(picture.answers.tolist()):
        left = MARGIN + i * step
        right = left + max(1.0, step - (1 if step > 3 else 0))
        tall = 28 * min(1.0, (answer >> 1) / most)
        canvas.box((left, y - tall, right, y), (86, 120, 160))
        canvas.box((left, y + 2, right, y + 10), RIGHT if answer & 1 else WRONG)
    canvas.line([(MARGIN, y), (WIDTH - MARGIN, y)], PAPER, 1)

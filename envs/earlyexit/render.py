"""A picture of one stream: the exits of the current sample, the budget, the answers."""

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
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.envs.gauge import amount, gauge

SHALLOW, DEEP = np.array([158, 202, 225]), np.array([8, 48, 107])


@dataclass(frozen=True)
class StreamPicture:
    """What a picture shows.

    Attributes:
        predictions: what the exits say.
        sample: index of the current sample in the prediction cache.
        exit: 0-based exit at which it is.
        budget: multiply-adds per sample.
        remaining: unspent multiply-adds of the stream.
        answers: int16, `2 * exit + correct` of each answered sample, in order.
        length: samples in the stream.
        over: whether the stream has ended.
    """

    predictions: PredictionCache
    sample: int
    exit: int
    budget: int
    remaining: int
    answers: NDArray[np.int16]
    length: int
    over: bool


def draw(scene: StreamPicture) -> NDArray[np.uint8]:
    """Draw a scene as uint8 (400, 640, 3)."""
    canvas = Canvas()
    _header(canvas, scene)
    _exits(canvas, scene)
    _budget(canvas, scene)
    _stream(canvas, scene)
    return canvas.pixels()


def _shade(exit_index: int, exits: int) -> Color:
    """Blue of an exit: the deeper the exit, the deeper the blue."""
    mix = SHALLOW + (DEEP - SHALLOW) * exit_index / (exits - 1)
    return int(mix[0]), int(mix[1]), int(mix[2])


def _header(canvas: Canvas, scene: StreamPicture) -> None:
    answered = len(scene.answers)
    right = int((scene.answers & 1).sum())
    canvas.text(MARGIN, 38, "Early exit", 20)
    state = "stream over" if scene.over else f"sample {answered + 1} of {scene.length}"
    canvas.text(MARGIN, 58, f"{scene.predictions.name}  ·  {state}", 12, MUTED)
    accuracy = f"{right / answered:.1%}" if answered else "-"
    canvas.text(WIDTH - MARGIN, 40, accuracy, 26, INK, "rs")
    canvas.text(WIDTH - MARGIN, 58, f"accuracy on {answered} answers", 12, MUTED, "rs")


def _exits(canvas: Canvas, scene: StreamPicture) -> None:
    """One card an exit, joined in depth order; exits not paid for stay blank."""
    exits, gap = scene.predictions.exits, 14
    width = min(150.0, (WIDTH - 2 * MARGIN - gap * (exits - 1)) / exits)
    left = (WIDTH - exits * width - (exits - 1) * gap) / 2
    for k in range(exits):
        x = left + k * (width + gap)
        if k:
            canvas.line([(x - gap, 138), (x, 138)], INK if k <= scene.exit else LINE, 2)
        _card(canvas, scene, k, (x, 80, x + width, 212))


def _card(
    canvas: Canvas, scene: StreamPicture, k: int, corners: tuple[float, float, float, float]
) -> None:
    left, top, right, bottom = corners
    middle, shade = (left + right) / 2, _shade(k, scene.predictions.exits)
    here, paid = k == scene.exit, k <= scene.exit
    canvas.box(corners, CARD if paid else PAPER, shade if here else LINE, 3 if here else 1, 8)
    canvas.text(middle, top + 22, f"exit {k + 1}", 13, INK if paid else MUTED, "ms")
    canvas.text(middle, top + 37, amount(float(scene.predictions.costs[k])), 10, MUTED, "ms")
    bar = (left + 12, bottom - 22, right - 12, bottom - 12)
    canvas.box(bar, TRACK, radius=5)
    if not paid:
        canvas.text(middle, top + 78, "not paid", 10, MUTED, "mm")
        return
    confidence = float(scene.predictions.confidence[scene.sample, k])
    answer = int(scene.predictions.predicted[scene.sample, k])
    filled = max(10.0, (bar[2] - bar[0]) * confidence)
    canvas.box((bar[0], bar[1], bar[0] + filled, bar[3]), shade, radius=5)
    size = 26 if right - left > 60 else 15
    canvas.text(middle, top + 72, str(answer), size, INK if here else MUTED, "mm")
    canvas.text(middle, top + 102, f"{confidence:.0%} sure", 10, INK if here else MUTED, "ms")


def _budget(canvas: Canvas, scene: StreamPicture) -> None:
    """Gauge of the unspent budget; the mark is where even spending would be."""
    total = scene.budget * scene.length
    spent = f"{amount(scene.remaining)} of {amount(total)} multiply-adds"
    even = 1 - len(scene.answers) / scene.length
    gauge(canvas, 254, "Budget left", spent, scene.remaining / total, even)


def _stream(canvas: Canvas, scene: StreamPicture) -> None:
    """Strip of the stream: the exit of each answer above, right or wrong below."""
    y, exits = 308, scene.predictions.exits
    canvas.text(MARGIN, y - 8, "Stream", 12)
    above = np.full((scene.length, 3), TRACK, np.uint8)
    below = above.copy()
    shades = np.array([_shade(k, exits) for k in range(exits)], np.uint8)
    answered = len(scene.answers)
    above[:answered] = shades[scene.answers >> 1]
    below[:answered] = np.where((scene.answers & 1)[:, None], RIGHT, WRONG)
    canvas.paste(above[None], (MARGIN, y, WIDTH - MARGIN, y + 26))
    canvas.paste(below[None], (MARGIN, y + 28, WIDTH - MARGIN, y + 36))
    for x, label, color in ((WIDTH - 132, "right", RIGHT), (WIDTH - 77, "wrong", WRONG)):
        canvas.box((x, y - 18, x + 11, y - 7), color, radius=2)
        canvas.text(x + 16, y - 8, label, 12, MUTED)
    _legend(canvas, scene, y + 62)


def _legend(canvas: Canvas, scene: StreamPicture, y: float) -> None:
    """Share of the answers given at each exit."""
    exits, answered = scene.predictions.exits, max(1, len(scene.answers))
    counts = np.bincount(scene.answers >> 1, minlength=exits)
    step = (WIDTH - 2 * MARGIN) / exits
    for k in range(exits):
        x = MARGIN + k * step
        canvas.box((x, y - 10, x + 11, y + 1), _shade(k, exits), radius=2)
        name = f"exit {k + 1}" if step > 95 else f"{k + 1}"
        canvas.text(x + 15, y, f"{name}: {counts[k] / answered:.0%}", 12, MUTED)

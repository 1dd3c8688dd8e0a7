"""Picture of a task: the world, what it gives, and what the agent does and sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.canvas import (
    HEIGHT,
    INK,
    LINE,
    MARGIN,
    MUTED,
    RIGHT,
    TRACK,
    WIDTH,
    Canvas,
)

Pixels = NDArray[np.uint8]
TOP, SCENE = 64, (320, 240)
COLUMN = MARGIN + SCENE[0] + MARGIN
ROOM = WIDTH - MARGIN - COLUMN
ROW = 18  # pixels for an actuator, at most
TILE = 76


@dataclass(frozen=True)
class Scene:
    """What is drawn.

    Attributes:
        title: domain and task.
        world: uint8 (240, 320, 3).
        done: actions so far.
        longest: actions of an episode; None where that is not known.
        frames: of an action.
        reward: of the last action, in [0, frames].
        total: rewards so far.
        action: (m,), each in [-1, 1].
        seen: uint8 (3 n, size, size), what is observed; None where that is no picture.
    """

    title: str
    world: Pixels
    done: int
    longest: int | None
    frames: int
    reward: float
    total: float
    action: NDArray[np.floating]
    seen: Pixels | None = None


def draw(scene: Scene) -> Pixels:
    """Picture of a scene, uint8 (400, 640, 3)."""
    canvas = Canvas()
    canvas.text(MARGIN, 40, scene.title, 22)
    canvas.paste(scene.world, (MARGIN, TOP, MARGIN + SCENE[0], TOP + SCENE[1]))
    of = "" if scene.longest is None else f" of {scene.longest}"
    each = "1 frame" if scene.frames == 1 else f"{scene.frames} frames each"
    label = f"action {scene.done}{of}, {each}"
    canvas.text(MARGIN, TOP + SCENE[1] + 22, label, 12, MUTED)
    most = None if scene.longest is None else scene.longest * scene.frames
    _gauge(canvas, TOP + 8, "reward of this action", scene.reward, scene.frames)
    _gauge(canvas, TOP + 58, "return so far", scene.total, most)
    _actions(canvas, TOP + 112, scene.action, 170 if scene.seen is None else 84)
    if scene.seen is not None:
        _seen(canvas, scene.seen)
    return canvas.pixels()


def _gauge(canvas: Canvas, top: float, label: str, value: float, most: float | None) -> None:
    """A number, and a bar where its greatest value is known."""
    canvas.text(COLUMN, top + 4, label, 12, MUTED)
    least = "" if most is None else f" of {most:g}"
    canvas.text(COLUMN + ROOM, top + 4, f"{value:.2f}{least}", 12, INK, "rs")
    if most is not None:
        canvas.box((COLUMN, top + 12, COLUMN + ROOM, top + 20), TRACK, radius=3)
        share = min(1.0, max(0.0, value / most))
        canvas.box((COLUMN, top + 12, COLUMN + ROOM * share, top + 20), RIGHT)


def _actions(canvas: Canvas, top: float, action: NDArray[np.floating], room: float) -> None:
    """A bar from the middle for each actuator, -1 at the left and 1 at the right."""
    canvas.text(COLUMN, top, "action, -1 to 1", 12, MUTED)
    row, middle = min(ROW, room / action.size), COLUMN + ROOM / 2
    for place, value in enumerate(action.clip(-1, 1).ravel().tolist()):
        y = top + 10 + place * row
        canvas.box((COLUMN, y, COLUMN + ROOM, y + row / 2), TRACK)
        ends = sorted((middle, middle + value * ROOM / 2))
        canvas.box((ends[0], y, ends[1], y + row / 2), INK)
    canvas.line([(middle, top + 6), (middle, top + 6 + action.size * row)], LINE)


def _seen(canvas: Canvas, seen: Pixels) -> None:
    """The pictures that are observed, the oldest first."""
    pictures = seen.reshape(-1, 3, *seen.shape[1:]).transpose(0, 2, 3, 1)[-6:]
    left, top = COLUMN + ROOM - len(pictures) * (TILE + 6) + 6, HEIGHT - MARGIN - TILE
    canvas.text(left, top - 8, "What the agent sees, the oldest first", 12, MUTED)
    for place, picture in enumerate(pictures):
        x = left + place * (TILE + 6)
        canvas.paste(np.ascontiguousarray(picture), (x, top, x + TILE, top + TILE))

"""A picture of one episode: the box with its disc and goal, the way taken, and how it does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.canvas import CARD, INK, MUTED, RIGHT, TRACK, WIDTH, WRONG, Canvas, Color
from leapbench.envs.urlb.point.dynamics import CENTRE, GOALS, RADIUS, PointWorld

LEFT, TOP, SIDE, WALL = 32.0, 32.0, 336.0, 8.0
COLUMN = 408.0
"""Where the words begin, right of the box."""
CALM: Color = (86, 180, 233)
RAW = 672
"""Pixels on a side of the ground before it is stretched."""
RECENT = 20
"""Steps of the path that are drawn darker."""


@dataclass(frozen=True)
class PointPicture:
    """What a picture shows.

    Attributes:
        world: the rules.
        path: float64 (t + 1, 2), positions of the episode, the start among them.
        collected: return of the episode so far.
    """

    world: PointWorld
    path: NDArray[np.float64]
    collected: float


def draw(scene: PointPicture) -> NDArray[np.uint8]:
    """Draw a scene as uint8 (400, 640, 3)."""
    canvas = Canvas()
    canvas.box((LEFT - WALL, TOP - WALL, LEFT + SIDE + WALL, TOP + SIDE + WALL), INK, radius=4)
    canvas.paste(_ground(scene.world), (LEFT, TOP, LEFT + SIDE, TOP + SIDE))
    _agent(canvas, scene)
    _words(canvas, scene)
    return canvas.pixels()


def _place(position: NDArray[np.float64] | tuple[float, float]) -> tuple[float, float]:
    """Where a position of the world lies in the picture; y points up."""
    return LEFT + (float(position[0]) + 1) / 2 * SIDE, TOP + (1 - float(position[1])) / 2 * SIDE


def _ground(world: PointWorld) -> NDArray[np.uint8]:
    """White, green where there is reward, and a blue ring around the disc."""
    axis = (np.arange(RAW) + 0.5) / RAW * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    reward = world.reward(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(RAW, RAW, 1)
    ground = 255 + 0.75 * reward * (np.array(RIGHT) - 255)
    distance = np.hypot(x - CENTRE[0], y - CENTRE[1])
    ground[np.abs(distance - RADIUS) < 6 / RAW] = CALM
    return np.asarray(np.round(ground), np.uint8)


def _agent(canvas: Canvas, scene: PointPicture) -> None:
    """The point, the whole way in grey and its last steps in black."""
    points = [_place(position) for position in scene.path]
    if len(points) > 1:
        canvas.line(points, MUTED, 1)
        canvas.line(points[-RECENT - 1 :], INK, 2)
    (x, y), radius = points[-1], 6.0
    canvas.box((x - radius, y - radius, x + radius, y + radius), INK, CARD, 1.5, radius)


def _words(canvas: Canvas, scene: PointPicture) -> None:
    """Title, what the marks mean, and the state of the episode."""
    world, taken = scene.world, len(scene.path) - 1
    canvas.text(COLUMN, 50, "Entropy point", 20)
    canvas.text(COLUMN, 70, f"step {taken} of {world.horizon}")
    kicks = f"kicks of {world.noise:g}, a push of {world.gain:g}" if world.noise else "no kicks"
    canvas.text(COLUMN, 106, kicks, 12, MUTED)
    canvas.text(COLUMN, 122, "outside the calm disc" if world.noise else "", 12, MUTED)
    _legend(canvas, 154, "point, its last steps", INK)
    _legend(canvas, 178, "calm disc", CALM, hollow=True)
    if world.task:
        x, y = GOALS[world.task]
        _legend(canvas, 202, f"goal: {world.task} ({x:g}, {y:g})", RIGHT)
        share = f"{scene.collected / taken:.0%}" if taken else "-"
        canvas.text(COLUMN, 300, share, 26)
        canvas.text(COLUMN, 320, "of the reward of resting in the goal", 12, MUTED)
    else:
        spread = float(np.hypot(*scene.path.std(axis=0)))
        canvas.text(COLUMN, 300, f"{spread:.2f}", 26)
        canvas.text(COLUMN, 320, "spread of its positions, no reward", 12, MUTED)
    canvas.box((COLUMN, 344, WIDTH - 32, 352), TRACK, radius=4)
    done = COLUMN + (WIDTH - 32 - COLUMN) * taken / world.horizon
    canvas.box((COLUMN, 344, done, 352), WRONG if taken == world.horizon else INK, radius=4)


def _legend(canvas: Canvas, y: float, text: str, color: Color, hollow: bool = False) -> None:
    canvas.box((COLUMN, y - 11, COLUMN + 12, y + 1), color, radius=6)
    if hollow:
        canvas.box((COLUMN + 3, y - 8, COLUMN + 9, y - 2), CARD, radius=3)
    canvas.text(COLUMN + 20, y, text)

"""A picture of one episode: the grid with its goal, where the agent was, and how it does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.canvas import (
    CARD,
    INK,
    MUTED,
    RIGHT,
    TRACK,
    WIDTH,
    WRONG,
    Canvas,
    Color,
)
from leapbench.envs.urlb.grid.dynamics import GridWorld

LEFT, TOP, SIDE, WALL = 32.0, 32.0, 336.0, 8.0
COLUMN = 408.0
"""Where the words begin, right of the grid."""
SHELTER: Color = (86, 180, 233)
COLD, HOT = np.array([255, 255, 255]), np.array([127, 39, 4])
WARM = np.array([253, 174, 107])
RECENT = 8
"""Steps of the path that are drawn as a line."""


@dataclass(frozen=True)
class GridPicture:
    """What a picture shows.

    Attributes:
        world: the rules.
        path: int64 (t + 1,), cells of the episode, the start among them.
        collected: return of the episode so far.
    """

    world: GridWorld
    path: NDArray[np.int64]
    collected: float


def draw(scene: GridPicture) -> NDArray[np.uint8]:
    """Draw a scene as uint8 (400, 640, 3)."""
    canvas = Canvas()
    _ground(canvas, scene)
    _blocks(canvas, scene.world)
    _agent(canvas, scene)
    _words(canvas, scene)
    return canvas.pixels()


def heat(visits: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours of visits, uint8 (..., 3): white for none, brown for the most."""
    share = np.sqrt(visits / max(float(visits.max()), 1.0))[..., None]
    low = COLD + (WARM - COLD) * np.minimum(2 * share, 1)
    return np.asarray(low + (HOT - WARM) * np.maximum(2 * share - 1, 0), np.uint8)


def _corners(world: GridWorld, cell: int, height: int = 1) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a square block whose first cell is `cell`."""
    row, column = divmod(cell, world.size)
    unit = SIDE / world.size
    x, y = LEFT + column * unit, TOP + row * unit
    return x, y, x + height * unit, y + height * unit


def _ground(canvas: Canvas, scene: GridPicture) -> None:
    """Walls, the heat of visits, and thin lines between cells."""
    world, unit = scene.world, SIDE / scene.world.size
    frame = (LEFT - WALL, TOP - WALL, LEFT + SIDE + WALL, TOP + SIDE + WALL)
    canvas.box(frame, INK, radius=4)
    visits = np.bincount(scene.path, minlength=world.cells).reshape(world.size, world.size)
    canvas.paste(heat(visits.astype(np.float64)), (LEFT, TOP, LEFT + SIDE, TOP + SIDE))
    for i in range(1, world.size):
        canvas.line([(LEFT + i * unit, TOP), (LEFT + i * unit, TOP + SIDE)], TRACK, 0.5)
        canvas.line([(LEFT, TOP + i * unit), (LEFT + SIDE, TOP + i * unit)], TRACK, 0.5)


def _blocks(canvas: Canvas, world: GridWorld) -> None:
    """Outlines of the shelter and, inside it where they meet, of the goal."""
    shelter = int(np.flatnonzero(world.exposed == 0)[0])
    _outline(canvas, _corners(world, shelter, 2), SHELTER, 1)
    if world.goal.any():
        _outline(canvas, _corners(world, int(np.flatnonzero(world.goal)[0]), 2), RIGHT, -3)


def _outline(
    canvas: Canvas, corners: tuple[float, float, float, float], color: Color, grow: float
) -> None:
    left, top, right, bottom = corners
    left, top, right, bottom = left - grow, top - grow, right + grow, bottom + grow
    around = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    canvas.line(around, color, 4)


def _agent(canvas: Canvas, scene: GridPicture) -> None:
    """The agent, and a line through the last cells it was in."""
    corners = [_corners(scene.world, int(cell)) for cell in scene.path[-RECENT - 1 :]]
    middles = [((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in corners]
    if len(middles) > 1:
        canvas.line(middles, INK, 2)
    (x, y), radius = middles[-1], SIDE / scene.world.size * 0.34
    canvas.box((x - radius, y - radius, x + radius, y + radius), INK, CARD, 1.5, radius)


def _words(canvas: Canvas, scene: GridPicture) -> None:
    """Title, what the marks mean, and the state of the episode."""
    world, taken = scene.world, len(scene.path) - 1
    canvas.text(COLUMN, 50, "Entropy grid", 20)
    canvas.text(COLUMN, 70, f"{world.size} x {world.size}  ·  step {taken} of {world.horizon}")
    gusts = f"a gust in {world.noise:.0%} of steps" if world.noise else "no gusts"
    canvas.text(COLUMN, 106, gusts, 12, MUTED)
    canvas.text(COLUMN, 122, "outside the shelter" if world.noise else "", 12, MUTED)
    _legend(canvas, 154, "agent, its last steps", INK, filled=True)
    _legend(canvas, 178, "shelter", SHELTER)
    if world.task:
        _legend(canvas, 202, f"goal: {world.task}", RIGHT)
    strip = heat(np.linspace(0, 1, 60)[None] ** 2)
    canvas.paste(strip, (COLUMN, 222, COLUMN + 60, 234))
    canvas.text(COLUMN + 70, 233, "never to often visited", 12, MUTED)
    if world.task:
        share = f"{scene.collected / taken:.0%}" if taken else "-"
        canvas.text(COLUMN, 300, share, 26)
        canvas.text(COLUMN, 320, "of steps in the goal", 12, MUTED)
    else:
        canvas.text(COLUMN, 300, str(len(np.unique(scene.path))), 26)
        canvas.text(COLUMN, 320, f"of {world.cells} cells seen, no reward", 12, MUTED)
    canvas.box((COLUMN, 344, WIDTH - 32, 352), TRACK, radius=4)
    done = COLUMN + (WIDTH - 32 - COLUMN) * taken / world.horizon
    canvas.box((COLUMN, 344, done, 352), WRONG if taken == world.horizon else INK, radius=4)


def _legend(canvas: Canvas, y: float, text: str, color: Color, filled: bool = False) -> None:
    if filled:
        canvas.box((COLUMN, y - 11, COLUMN + 12, y + 1), color, radius=6)
    else:
        canvas.box((COLUMN, y - 11, COLUMN + 12, y + 1), color)
        canvas.box((COLUMN + 3, y - 8, COLUMN + 9, y - 2), CARD)
    canvas.text(COLUMN + 20, y, text)

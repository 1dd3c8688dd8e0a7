"""A picture of one choice: every design by its latency and accuracy on the device."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.canvas import CARD, INK, LINE, MARGIN, MUTED, RIGHT, WIDTH, WRONG, Canvas, Color
from leapbench.envs.latency.design.world import DesignWorld

LEFT, TOP, RIGHTMOST, BOTTOM = 70, 100, 420, 340
SHADES: tuple[Color, ...] = ((8, 48, 107), (66, 146, 198), (158, 202, 225), (200, 200, 205))
"""Of the granularity of the first stage, from fine to coarse."""


def draw(world: DesignWorld, place: int, budget: float, chosen: int | None) -> NDArray[np.uint8]:
    """Draw a choice as uint8 (400, 640, 3)."""
    canvas = Canvas()
    device = world.devices[place]
    canvas.text(MARGIN, 38, "Latency design", 20)
    images = "1 image" if device.batch == 1 else f"{device.batch} images at once"
    canvas.text(MARGIN, 58, f"{device.title}  ·  {images}", 12, MUTED)
    _plot(canvas, world, place, budget, chosen)
    _legend(canvas, world)
    _choice(canvas, world, place, budget, chosen)
    return canvas.pixels()


def _plot(
    canvas: Canvas, world: DesignWorld, place: int, budget: float, chosen: int | None
) -> None:
    latency, accuracy = world.latency[place], world.accuracy
    low, high = latency.min(), max(latency.max(), budget)
    bottom, top = accuracy.min(), accuracy.max()

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - low) / max(high - low, 1e-9)
        up = (y - bottom) / max(top - bottom, 1e-9)
        return LEFT + across * (RIGHTMOST - LEFT), BOTTOM - up * (BOTTOM - TOP)

    canvas.box((LEFT - 8, TOP - 8, RIGHTMOST + 8, BOTTOM + 8), CARD, LINE)
    x, _ = at(budget, bottom)
    canvas.line([(x, TOP - 8), (x, BOTTOM + 8)], WRONG, 2)
    canvas.text(x, TOP - 12, "budget", 11, WRONG, "ms")
    targets = world.designs.accuracy.shape[1]
    first = np.unique(world.designs.granularity[:, 0]).tolist()
    for i in range(world.designs.count):
        px, py = at(float(latency[i]), float(accuracy[i]))
        shade = SHADES[first.index(int(world.designs.granularity[i // targets, 0])) % len(SHADES)]
        canvas.box((px - 3, py - 3, px + 3, py + 3), shade, radius=3)
    if chosen is not None:
        px, py = at(float(latency[chosen]), float(accuracy[chosen]))
        good = latency[chosen] <= budget
        canvas.box((px - 7, py - 7, px + 7, py + 7), RIGHT if good else WRONG, INK, 1.5, 7)
    for value in (low, high):
        canvas.text(at(value, bottom)[0], BOTTOM + 24, f"{value:.0%}", 11, MUTED, "ms")
    middle = (LEFT + RIGHTMOST) / 2
    canvas.text(middle, BOTTOM + 40, "latency (100%: everything is computed)", 11, MUTED, "ms")
    for value in (bottom, top):
        canvas.text(LEFT - 14, at(low, value)[1], f"{value:.0%}", 11, MUTED, "rm")
    canvas.text(LEFT - 46, TOP - 14, "accuracy", 11, MUTED)


def _legend(canvas: Canvas, world: DesignWorld) -> None:
    x, y = RIGHTMOST + 40, TOP + 8
    canvas.text(x, y, "side of a cell in stage 1", 12)
    for place, side in enumerate(np.unique(world.designs.granularity[:, 0]).tolist()):
        row = y + 22 + 20 * place
        canvas.box((x, row - 9, x + 10, row + 1), SHADES[place % len(SHADES)], radius=5)
        canvas.text(x + 18, row, f"{side}", 12, MUTED)


def _choice(
    canvas: Canvas, world: DesignWorld, place: int, budget: float, chosen: int | None
) -> None:
    x, y = RIGHTMOST + 40, 236
    if chosen is None:
        canvas.text(x, y, "no choice yet", 12, MUTED)
        return
    info = world.info(place, budget, chosen)
    grains = world.designs.granularity[chosen // world.designs.accuracy.shape[1]]
    late = info["latency"] > budget
    canvas.text(x, y, f"chosen: {'-'.join(map(str, grains.tolist()))}", 14)
    canvas.text(x, y + 22, f"accuracy {info['accuracy']:.1%}", 12, MUTED)
    told = f"latency {info['latency']:.1%} of {budget:.1%}"
    canvas.text(x, y + 40, told, 12, WRONG if late else MUTED)
    canvas.text(x, y + 58, f"regret {info['regret']:.3f}", 12, MUTED)
    canvas.text(
        WIDTH - MARGIN, 40, "too slow" if late else "in time", 20, WRONG if late else RIGHT, "rs"
    )

"""The picture of a learning world: two views, what is hidden, what is found again, and curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from leapbench.envs.canvas import (
    CARD,
    HEIGHT,
    INK,
    LINE,
    MARGIN,
    MUTED,
    RIGHT,
    TRACK,
    WIDTH,
    WRONG,
    Canvas,
    Color,
)
from leapbench.envs.pretrain import masks, views
from leapbench.envs.pretrain.network import features

if TYPE_CHECKING:
    from leapbench.envs.pretrain.world import LearningEnv

LABELS = {"whole": "which digit", "places": "what is where"}
COLOURS: tuple[Color, ...] = (RIGHT, WRONG)
TILE, GAP = 104.0, 18.0


def picture(env: LearningEnv) -> NDArray[np.uint8]:
    """Views of one picture, and probes against the budget.

    Args:
        env: after `reset`.
    """
    canvas = Canvas()
    canvas.text(MARGIN, 30, f"World {env.world}", 16)
    canvas.text(MARGIN + 110, 30, env.title, 12, MUTED)
    canvas.text(WIDTH - MARGIN, 30, f"{env.left:.0%} of the budget left", 12, INK, "rs")
    canvas.box((MARGIN, 40, WIDTH - MARGIN, 48), TRACK, radius=4)
    canvas.box((MARGIN, 40, MARGIN + (WIDTH - 2 * MARGIN) * env.left, 48), INK, radius=4)
    _views(canvas, env)
    _curves(canvas, env)
    _bars(canvas, env)
    return canvas.pixels()


def _views(canvas: Canvas, env: LearningEnv) -> None:
    """The last update's views, the first with its hidden patches, and the map of nearest ones."""
    top = 84.0
    if not env.shown:
        canvas.text(MARGIN, top + 50, "no update yet", 12, MUTED)
        return
    first, second = env.shown[0], env.shown[-1]
    tiles = [views.seen(first.pixels[:1])[0], views.seen(second.pixels[:1])[0]]
    names = ["a view; grey is hidden", "another view of it"]
    if len(env.shown) == 1:
        tiles, names = tiles[:1], names[:1]
    for k, (tile, name) in enumerate(zip(tiles, names, strict=True)):
        left = MARGIN + k * (TILE + GAP)
        canvas.text(left, top - 8, name, 10, MUTED)
        canvas.paste(tile, (left, top, left + TILE, top + TILE))
    _hidden(canvas, env, MARGIN, top)
    if len(env.shown) > 1:
        _matches(canvas, env, top)


def _hidden(canvas: Canvas, env: LearningEnv, left: float, top: float) -> None:
    goal, shape = env.trainer.objective, env.trainer.shape
    hidden, rng = goal.hidden(shape.patches), np.random.default_rng(env.spent)
    if goal.blocks and hidden:
        mask = masks.blocks(1, shape.grid, hidden, rng)[0]
    else:
        mask = masks.scattered(1, shape.patches, hidden, rng)[0]
    side = TILE / shape.grid
    for place in np.flatnonzero(mask).tolist():
        x, y = left + place % shape.grid * side, top + place // shape.grid * side
        canvas.box((x, y, x + side, y + side), LINE)


def _matches(canvas: Canvas, env: LearningEnv, top: float) -> None:
    """For one patch of the second view, how alike each patch of the first is."""
    first, second = env.shown[0], env.shown[-1]
    encoder, grid = env.trainer.encoder, env.trainer.shape.grid
    with torch.no_grad():
        a, b = (normalize(features(encoder(each.pixels[:1]))[0], dim=1) for each in (first, second))
    ink = second.pixels[0].mean(0).unfold(0, *(env.trainer.shape.patch,) * 2)
    ink = ink.unfold(1, *(env.trainer.shape.patch,) * 2).mean((2, 3)).flatten()
    asked = int(ink.argmax())
    close = (a @ b[asked]).numpy()
    shade = (close - close.min()) / max(1e-6, float(np.ptp(close)))
    side, left = TILE / grid, MARGIN + TILE + GAP
    x, y = left + asked % grid * side, top + asked // grid * side
    canvas.line([(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)], WRONG, 2)
    base = top + TILE + 34
    canvas.text(MARGIN, base - 8, "how alike each patch of the first view is", 10, MUTED)
    canvas.text(MARGIN, base + TILE + 14, "to the patch that is framed", 10, MUTED)
    for place, value in enumerate(shade.tolist()):
        x, y = MARGIN + place % grid * side, base + place // grid * side
        colour = tuple(round(255 - value * (255 - each)) for each in RIGHT)
        canvas.box((x, y, x + side, y + side), colour, LINE)  # type: ignore[arg-type]


def _curves(canvas: Canvas, env: LearningEnv) -> None:
    """Both probes, from chance to all right, against the share of the budget spent."""
    x, y, wide, high = 300.0, 84.0, WIDTH - MARGIN - 300.0, 120.0
    canvas.text(x, y - 8, "frozen features, asked (0 is chance, 1 is all right)", 11)
    canvas.box((x, y, x + wide, y + high), CARD, LINE)
    for k, (name, label) in enumerate(LABELS.items()):
        values = [float(np.clip(past[name], 0, 1)) for past in env.history]
        points = [
            (x + wide * past["spent"], y + high * (1 - value))
            for past, value in zip(env.history, values, strict=True)
        ]
        if len(points) > 1:
            canvas.line(points, COLOURS[k], 2)
        px, py = points[-1]
        canvas.box((px - 3, py - 3, px + 3, py + 3), COLOURS[k], radius=3)
        at = x + k * 150
        canvas.box((at, y + high + 10, at + 9, y + high + 19), COLOURS[k])
        canvas.text(at + 13, y + high + 19, f"{label} {values[-1]:.2f}", 10, MUTED)


def _bars(canvas: Canvas, env: LearningEnv) -> None:
    """What the last action asked for."""
    x, y, wide = 300.0, 250.0, WIDTH - MARGIN - 300.0
    canvas.text(x, y - 8, "the last step", 11)
    rows = env.said()
    tall = min(16.0, (HEIGHT - MARGIN - y) / max(1, len(rows)))
    for k, (name, share, told) in enumerate(rows):
        at = y + k * tall
        canvas.text(x, at + tall - 5, name, 10, MUTED)
        canvas.box((x + 96, at + 3, x + wide - 60, at + tall - 3), TRACK)
        full = (wide - 156) * float(np.clip(share, 0, 1))
        canvas.box((x + 96, at + 3, x + 96 + full, at + tall - 3), INK)
        canvas.text(x + wide, at + tall - 5, told, 10, MUTED, "rs")

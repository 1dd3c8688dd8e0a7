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
from leapbench.envs.pretrain import views
from leapbench.envs.pretrain.network import features, patches

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
    below = top + TILE + 34
    if len(env.shown) > 1:
        _matches(canvas, env, top)
    _foretold(canvas, env, MARGIN + TILE + GAP if len(env.shown) > 1 else MARGIN, below)


def _hidden(canvas: Canvas, env: LearningEnv, left: float, top: float) -> None:
    """Cover the patches of the first view that were hidden in the last update."""
    grid = env.trainer.shape.grid
    side = TILE / grid
    for place in env.trainer.shown["hidden"].tolist():
        x, y = left + place % grid * side, top + place // grid * side
        canvas.box((x, y, x + side, y + side), LINE)


def _foretold(canvas: Canvas, env: LearningEnv, left: float, top: float) -> None:
    """What was predicted: pixels of hidden patches, or how near features came, patch by patch."""
    shown, grid = env.trainer.shown, env.trainer.shape.grid
    side = TILE / grid
    if "dense" in shown:
        canvas.text(left, top - 8, "foretold of that view", 10, MUTED)
        canvas.text(left, top + TILE + 14, "darker: nearer to it", 10, MUTED)
        for place, value in enumerate(shown["dense"].clamp(0, 1).tolist()):
            x, y = left + place % grid * side, top + place // grid * side
            canvas.box((x, y, x + side, y + side), _shade(value), LINE)
    elif "pixels" in shown:
        canvas.text(left, top - 8, "hidden patches, filled", 10, MUTED)
        tile = _filled(env)
        canvas.paste(tile, (left, top, left + TILE, top + TILE))


def _filled(env: LearningEnv) -> NDArray[np.uint8]:
    """The first view with what was predicted in hidden patches, uint8 (size, size, C).

    Predictions have no brightness and contrast of their own; they get the true ones.
    """
    shape, pixels = env.trainer.shape, env.shown[0].pixels[:1]
    cut = patches(pixels, shape.patch)[0]
    rows = env.trainer.shown["hidden"].cpu()
    variance, mean = torch.var_mean(cut[rows], -1, keepdim=True)
    cut[rows] = env.trainer.shown["pixels"].cpu() * (variance + 1e-6).sqrt() + mean
    whole = cut.view(shape.grid, shape.grid, shape.channels, shape.patch, shape.patch)
    whole = whole.permute(2, 0, 3, 1, 4).reshape(pixels.shape)
    filled: NDArray[np.uint8] = views.seen(whole)[0]
    return filled


def _shade(value: float) -> Color:
    """White for 0, to the colour of what is right for 1."""
    red, green, blue = (round(255 - value * (255 - each)) for each in RIGHT)
    return red, green, blue


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
    canvas.text(MARGIN, base - 8, "like the framed patch", 10, MUTED)
    canvas.text(MARGIN, base + TILE + 14, "darker: more alike", 10, MUTED)
    for place, value in enumerate(shade.tolist()):
        x, y = MARGIN + place % grid * side, base + place // grid * side
        canvas.box((x, y, x + side, y + side), _shade(value), LINE)


def _curves(canvas: Canvas, env: LearningEnv) -> None:
    """Both probes, from chance to all right, against the share of the budget spent."""
    x, y, wide, high = 300.0, 84.0, WIDTH - MARGIN - 300.0, 120.0
    canvas.text(x, y - 8, "frozen features, asked (0: chance, 1: all right)", 11)
    canvas.box((x, y, x + wide, y + high), CARD, LINE)
    best = max(past[name] for past in env.history for name in LABELS)
    most = next(end for end in (0.25, 0.5, 1.0) if best < end or end == 1.0)
    for share in (0.0, 1.0):
        canvas.text(x - 4, y + high * (1 - share) + 4, f"{share * most:g}", 10, MUTED, "rs")
    for k, (name, label) in enumerate(LABELS.items()):
        values = [float(np.clip(past[name], 0, 1)) for past in env.history]
        points = [
            (x + wide * past["spent"], y + high * (1 - value / most))
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

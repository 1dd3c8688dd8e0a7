"""Picture of a game: its screen in colour, and what the agent sees of it."""

from __future__ import annotations

import re

import numpy as np

from leapbench.envs.atari100k.emulator import Pixels
from leapbench.envs.atari100k.game import Game
from leapbench.envs.canvas import HEIGHT, INK, MARGIN, MUTED, WIDTH, Canvas

TOP = 64
SCREEN = (MARGIN, TOP, 404, 364)
"""Corners: a television's 4:3."""
TILE, GAP = 94, 8
COLUMN = WIDTH - MARGIN - 2 * TILE - GAP


def draw(game: Game, stack: Pixels) -> Pixels:
    """Picture of a game, uint8 (400, 640, 3).

    Args:
        game: what is shown.
        stack: uint8 (4, 84, 84), what is observed.
    """
    canvas, rules = Canvas(), game.rules
    canvas.text(MARGIN, 40, rules.game, 22)
    label = f"score {game.score}"
    if game.lives:
        label += f" · {game.lives} lives" if game.lives > 1 else " · 1 life"
    canvas.text(SCREEN[2], 40, label, 16, anchor="rs")
    canvas.paste(game.emulator.picture(), SCREEN)
    canvas.text(MARGIN, HEIGHT - 12, f"{game.frame:,} of {rules.limit:,} frames", 12, MUTED)
    name = game.emulator.cartridge.names[game.actions.index(game.action)]
    canvas.text(SCREEN[2], HEIGHT - 12, f"{spoken(name)} for 4 frames", 12, INK, "rs")
    canvas.text(COLUMN, TOP - 24, "What the agent sees", 12, MUTED)
    _stack(canvas, stack)
    if rules.training:
        canvas.text(COLUMN, HEIGHT - 12, "training: a life is an episode", 12, MUTED)
    return canvas.pixels()


def _stack(canvas: Canvas, stack: Pixels) -> None:
    """The four screens, the oldest first, reading from left to right."""
    for place, screen in enumerate(stack):
        left = COLUMN + place % 2 * (TILE + GAP)
        top = TOP + place // 2 * (TILE + GAP + 18)
        corners = (left, top, left + TILE, top + TILE)
        canvas.paste(np.repeat(screen[..., None], 3, axis=2), corners)
        age = len(stack) - 1 - place
        label = f"{age} actions ago" if age > 1 else "1 action ago" if age else "now"
        canvas.text(left, top + TILE + 14, label, 11, INK if not age else MUTED)


def spoken(action: str) -> str:
    """Name of an action in words: "UPRIGHTFIRE" is "up right fire"."""
    return " ".join(re.findall("noop|up|down|left|right|fire", action.lower()))

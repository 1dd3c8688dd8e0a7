"""Families of scenes; a seed draws one scene of a family.

In all of them a large part is seen from anywhere and a small part with much detail from few
sides, so that it matters which views are taken (docs/activeview.md).
"""

from __future__ import annotations

from collections.abc import Callable
from colorsys import hsv_to_rgb

import numpy as np

from leapbench.envs.activeview.cameras import on_sphere
from leapbench.envs.activeview.scenes.solids import Box, Scene, Solid, Sphere
from leapbench.envs.activeview.scenes.texture import Colour, Kind, Texture

FLOOR = -0.5
"""Height on which things stand."""
WHITE: Colour = (0.93, 0.92, 0.9)

Rng = np.random.Generator


def niche(rng: Rng) -> Scene:
    """A plain body with two walls before one of its faces, and textured things between them."""
    turn = float(rng.uniform(-np.pi, np.pi))
    plain, walls = Texture(_colour(rng, 0.25)), Texture(_colour(rng, 0.35))
    width, height = float(rng.uniform(0.32, 0.4)), float(rng.uniform(0.28, 0.36))
    solids = [_block(_spot(turn, -0.3), (0.22, width + 0.06, height), turn, plain)]
    for side in (-1, 1):
        solids.append(_block(_spot(turn, 0.2, side * width), (0.3, 0.05, height), turn, walls))
    for x, y in ((0.05, -0.17), (0.05, 0.17), (0.3, 0.0), (0.42, -0.2), (0.42, 0.2)):
        wobble = rng.uniform(-0.03, 0.03, 2)
        solids.append(_thing(rng, _spot(turn, x + wobble[0], y + wobble[1]), 0.1))
    return _scene(rng, solids)


def occluder(rng: Rng) -> Scene:
    """Textured things around a middle, with screens between them that hide one from the next."""
    turn, count = float(rng.uniform(-np.pi, np.pi)), int(rng.integers(4, 6))
    height = float(rng.uniform(0.3, 0.38))
    solids: list[Solid] = []
    for i in range(count):
        angle = turn + 2 * np.pi * i / count
        screen = Texture(_colour(rng, 0.35))
        solids.append(_block(_spot(angle, 0.38), (0.36, 0.04, height), angle, screen))
        between = angle + np.pi / count + float(rng.uniform(-0.1, 0.1))
        solids.append(_thing(rng, _spot(between, float(rng.uniform(0.38, 0.55))), 0.16))
    return _scene(rng, solids)


def uneven(rng: Rng) -> Scene:
    """Large plain bodies, and a group of small things with fine textures to one side."""
    return _scene(rng, _lopsided(rng, 4.0))


def noise(rng: Rng) -> Scene:
    """As `uneven`, with a panel whose texture is too fine for any field to learn."""
    turn = float(rng.uniform(-np.pi, np.pi))
    panel = Texture(_colour(rng, 1), _colour(rng, 1), "noise", 40.0)
    solids = _lopsided(rng, 4.0)
    solids.append(_block(_spot(turn, 0.6), (0.05, 0.35, 0.35), turn, panel))
    return _scene(rng, solids)


FAMILIES: dict[str, Callable[[Rng], Scene]] = {
    "niche": niche,
    "occluder": occluder,
    "uneven": uneven,
    "noise": noise,
}
"""Makers of scenes by name; "noise" is a stress test."""


def _lopsided(rng: Rng, frequency: float) -> list[Solid]:
    turn = float(rng.uniform(-np.pi, np.pi))
    body = Texture(_colour(rng, 0.3))
    solids: list[Solid] = [Sphere((*_spot(turn, -0.28), FLOOR + 0.36), 0.36, body)]
    slab = Texture(_colour(rng, 0.3))
    solids.append(_block(_spot(turn + 2.2, 0.55), (0.14, 0.3, 0.2), turn + 2.2, slab))
    for i in range(6):
        place = _spot(turn, 0.35 + 0.2 * (i % 2), 0.27 * (i // 2 - 1))
        solids.append(_thing(rng, place, float(rng.uniform(0.08, 0.12)), frequency))
    return solids


def _scene(rng: Rng, solids: list[Solid]) -> Scene:
    """Put a floor below and a lamp above."""
    tiles = Texture(WHITE, _colour(rng, 0.15, 0.75), "checker", 1.5)
    floor = Box((0.0, 0.0, FLOOR - 0.05), (0.9, 0.9, 0.05), tiles)
    lamp = on_sphere(rng.uniform(-np.pi, np.pi), rng.uniform(0.7, 1.2), 1.0)
    return Scene((floor, *solids), (float(lamp[0]), float(lamp[1]), float(lamp[2])))


def _spot(turn: float, x: float, y: float = 0.0) -> tuple[float, float]:
    """A place on the floor, given in a frame turned about the middle."""
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    return cos * float(x) - sin * float(y), sin * float(x) + cos * float(y)


def _block(
    spot: tuple[float, float], half: tuple[float, float, float], turn: float, texture: Texture
) -> Solid:
    """A box that stands on the floor."""
    return Box((*spot, FLOOR + half[2]), half, texture, turn)


def _thing(rng: Rng, spot: tuple[float, float], size: float, frequency: float = 2.5) -> Solid:
    """A small sphere or box with two strong colours."""
    kind: Kind = "checker" if rng.random() < 0.5 else "sine"
    hue = rng.random()
    bright, dark = hsv_to_rgb(hue, 0.85, 1.0), hsv_to_rgb((hue + 0.45) % 1, 0.9, 0.45)
    texture = Texture(bright, dark, kind, frequency * float(rng.uniform(0.8, 1.2)))
    if rng.random() < 0.5:
        return Sphere((*spot, FLOOR + size), size, texture)
    half = (size, size, size * float(rng.uniform(0.8, 1.6)))
    return _block(spot, half, float(rng.uniform(0, np.pi)), texture)


def _colour(rng: Rng, saturation: float, value: float = 0.85) -> Colour:
    return hsv_to_rgb(rng.random(), saturation, value)

"""Scenes of a world: objects, pixels, captions and the relations that hold.

Following the dossier's needs, an object's region stays where it is in the picture (a crop
would take its position away), and relations prefer some pairs of objects, as in the graphs
of real pictures; else the entity at one end of a triplet would say nothing about the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.knowledge.drawing import (
    BATCH,
    GREY,
    SIDE,
    Floats,
    Ints,
    Pixels,
    coverage,
    paint,
)
from leapbench.envs.knowledge.words import (
    COLOURS,
    INVERSE,
    KINDS,
    RELATIONS,
    SHAPES,
    SIZES,
    TEXTURES,
    TOKENS,
    Tokens,
    Words,
)

OBJECTS = 3
"""At most in a scene."""
THIRD = 0.3
"""Share of scenes with three objects."""
LIKED = 8
"""Object types that a relation prefers beside a given one."""
LOYAL = 0.7
"""Share of scenes in which it gets one of them."""
MENTIONED = 0.5
"""Share of objects whose size, and whose texture, a caption says."""
DENIED = 0.25
"""Share of captions that say what is not there."""
NOISE = 6.0
"""Standard deviation of the pixels' noise, in grey levels."""
CELLS = np.array([5.5, 16.0, 26.5], np.float32)


@dataclass(frozen=True)
class Scenes:
    """N scenes of one world.

    Attributes:
        words: the world's.
        colour: int64 (N, 3), place among the world's colours.
        shape: int64 (N, 3), likewise.
        size: int64 (N, 3), place in `SIZES`.
        texture: int64 (N, 3), place in `TEXTURES`.
        centre: float32 (N, 3, 2), x and y in pixels.
        present: bool (N, 3); the first two always are.
        relation: int64 (N,), place in `RELATIONS`, of the first object to the second.
        images: uint8 (N, 32, 32, 3).
        captions: int64 (N, TOKENS).
    """

    words: Words
    colour: Ints
    shape: Ints
    size: Ints
    texture: Ints
    centre: Floats
    present: NDArray[np.bool_]
    relation: Ints
    images: Pixels
    captions: Tokens

    def __len__(self) -> int:
        return len(self.relation)

    def regions(self, scenes: Ints, objects: Ints) -> Pixels:
        """An object of each scene where it is, on an empty ground, uint8 (M, 32, 32, 3)."""
        out = np.empty((len(scenes), SIDE, SIDE, 3), np.uint8)
        for start in range(0, len(scenes), BATCH):
            at = slice(start, start + BATCH)
            i, j = scenes[at], objects[at]
            ground = np.full((len(i), SIDE, SIDE, 3), GREY, np.float32)
            out[at] = _drawn(self, i, j, ground).astype(np.uint8)
        return out

    def edges(self) -> Ints:
        """Every triplet of objects, int64 (M, 4): scene, head, relation, tail."""
        rows = []
        for head in range(OBJECTS):
            for tail in range(OBJECTS):
                if head == tail:
                    continue
                scene = np.flatnonzero(self.present[:, head] & self.present[:, tail])
                rows.append(
                    np.stack(
                        [
                            scene,
                            np.full_like(scene, head),
                            between(self.centre[scene, head], self.centre[scene, tail]),
                            np.full_like(scene, tail),
                        ],
                        axis=1,
                    )
                )
        every = np.concatenate(rows)
        return every[np.argsort(every[:, 0], kind="stable")]


def between(a: Floats, b: Floats) -> Ints:
    """The relation (N,) of places a to places b (N, 2), by the larger of both distances."""
    dx, dy = (b - a).T
    across = np.where(dx > 0, 0, 1)
    return np.where(np.abs(dx) > np.abs(dy), across, np.where(dy > 0, 2, 3)).astype(np.int64)


def make(seed: int, count: int, split: int = 0) -> Scenes:
    """Draw `count` scenes of world `seed`.

    Args:
        seed: of the world, 0 or more.
        count: how many.
        split: which draw; another gives other scenes of the same world.

    Returns:
        The scenes, the same bytes for the same arguments.
    """
    words, rng = Words.draw(seed), np.random.default_rng([seed, 2, split])
    kinds = KINDS[0] * KINDS[1]
    liked = np.random.default_rng([seed, 3]).permuted(
        np.tile(np.arange(kinds), (kinds * len(RELATIONS), 1)), axis=1
    )[:, :LIKED]
    relation = rng.integers(len(RELATIONS), size=count)
    head = rng.integers(kinds, size=count)
    loyal = liked[head * len(RELATIONS) + relation, rng.integers(LIKED, size=count)]
    tail = np.where(rng.random(count) < LOYAL, loyal, rng.integers(kinds, size=count))
    tail = np.where(tail == head, (tail + 1 + rng.integers(kinds - 1, size=count)) % kinds, tail)
    third = (tail + 1 + rng.integers(kinds - 1, size=count)) % kinds
    third = np.where(third == head, (third + 1) % kinds, third)
    third = np.where(third == tail, (third + 1) % kinds, third)
    third = np.where(third == head, (third + 1) % kinds, third)
    what = np.stack([head, tail, third], axis=1)
    present = np.ones((count, OBJECTS), bool)
    present[:, 2] = rng.random(count) < THIRD
    scenes = Scenes(
        words,
        what // KINDS[1],
        what % KINDS[1],
        rng.integers(2, size=(count, OBJECTS)),
        rng.integers(2, size=(count, OBJECTS)),
        _places(relation, rng),
        present,
        relation,
        np.empty((count, SIDE, SIDE, 3), np.uint8),
        np.empty((count, TOKENS), np.int64),
    )
    for start in range(0, count, BATCH):
        rows = np.arange(start, min(start + BATCH, count))
        picture = rng.normal(GREY, NOISE, (len(rows), SIDE, SIDE, 1)).astype(np.float32)
        picture = np.repeat(picture, 3, axis=3)
        for j in range(OBJECTS):
            there = present[rows, j]
            chosen = np.full(int(there.sum()), j)
            picture[there] = _drawn(scenes, rows[there], chosen, picture[there])
        scenes.images[rows] = np.clip(picture, 0, 255).astype(np.uint8)
    scenes.captions[:] = captions(scenes, rng)
    return scenes


def described(scenes: Scenes, j: int, rng: np.random.Generator | None = None) -> Tokens:
    """Words (N, 4) for object j: size, texture, colour, shape; 0 for those left out.

    Args:
        scenes: N scenes.
        j: which object.
        rng: draws what is left out; None leaves out size and texture.
    """
    words, count = scenes.words, len(scenes)
    chance = np.ones((2, count)) if rng is None else rng.random((2, count))
    size = np.where(chance[0] < MENTIONED, words.ids(SIZES)[scenes.size[:, j]], 0)
    texture = np.where(chance[1] < MENTIONED, words.ids(TEXTURES)[scenes.texture[:, j]], 0)
    colour = words.ids(words.colours)[scenes.colour[:, j]]
    return np.stack([size, texture, colour, words.ids(words.shapes)[scenes.shape[:, j]]], axis=1)


def captions(scenes: Scenes, rng: np.random.Generator) -> Tokens:
    """A caption for each scene, int64 (N, TOKENS), in either order of its two objects."""
    words, count = scenes.words, len(scenes)
    first, second = described(scenes, 0, rng), described(scenes, 1, rng)
    turned = rng.random(count) < 0.5
    verb = np.where(turned, np.asarray(INVERSE)[scenes.relation], scenes.relation)
    a = np.where(turned[:, None], second, first)
    b = np.where(turned[:, None], first, second)
    denied = absent(scenes, rng)
    denied[rng.random(count) >= DENIED] = 0
    link = np.where(denied[:, :1] > 0, words.ids(("and", "no"))[None, :], 0)
    parts = [a, words.ids(RELATIONS)[verb][:, None], b, link, denied]
    return packed(np.concatenate(parts, axis=1))


def absent(scenes: Scenes, rng: np.random.Generator) -> Tokens:
    """Colour and shape (N, 2), as words, of an object that each scene does not have."""
    words, kinds = scenes.words, KINDS[0] * KINDS[1]
    what = rng.integers(kinds, size=len(scenes))
    for _ in range(2 * OBJECTS):
        there = (scenes.colour * KINDS[1] + scenes.shape == what[:, None]) & scenes.present
        what = np.where(there.any(1), (what + 1) % kinds, what)
    colours, shapes = words.ids(words.colours), words.ids(words.shapes)
    return np.stack([colours[what // KINDS[1]], shapes[what % KINDS[1]]], axis=1)


def packed(rows: Tokens) -> Tokens:
    """Texts (N, M) with the words moved to the front, cut or padded to `TOKENS`."""
    order = np.argsort(rows == 0, axis=1, kind="stable")
    front = np.take_along_axis(rows, order, axis=1)[:, :TOKENS]
    return np.pad(front, ((0, 0), (0, max(0, TOKENS - front.shape[1]))))


def _places(relation: Ints, rng: np.random.Generator) -> Floats:
    """Centres (N, 3, 2) such that the first object stands in `relation` to the second.

    They lie in different cells of a grid of 3 x 3; the cells of the first two differ more
    along the axis of the relation than along the other.
    """
    count = len(relation)
    low = rng.integers(0, 2, count)
    high = np.where(low == 1, 2, rng.integers(1, 3, count))
    across = rng.integers(0, 3, count)
    near = np.where(high - low == 2, rng.integers(-1, 2, count), 0)
    other = np.clip(across + near, 0, 2)
    first = np.where(relation % 2 == 0, low, high)
    second = np.where(relation % 2 == 0, high, low)
    level = relation < 2
    cells = np.zeros((count, OBJECTS, 2), np.int64)
    cells[:, 0, 0], cells[:, 1, 0] = np.where(level, first, across), np.where(level, second, other)
    cells[:, 0, 1], cells[:, 1, 1] = np.where(level, across, first), np.where(level, other, second)
    used = cells[:, :2, 1] * 3 + cells[:, :2, 0]
    third = rng.integers(9, size=count)
    for _ in range(3):
        third = np.where((used == third[:, None]).any(1), (third + 1) % 9, third)
    cells[:, 2, 0], cells[:, 2, 1] = third % 3, third // 3
    shifts = rng.uniform(-0.9, 0.9, (count, OBJECTS, 2))
    return (CELLS[cells] + shifts).astype(np.float32)


def _drawn(scenes: Scenes, rows: Ints, objects: Ints, ground: Floats) -> Floats:
    """Object `objects` of scene `rows` over `ground`."""
    colours = np.array([list(COLOURS).index(name) for name in scenes.words.colours])
    shapes = np.array([SHAPES.index(name) for name in scenes.words.shapes])
    masks = coverage(
        shapes[scenes.shape[rows, objects]],
        scenes.size[rows, objects],
        scenes.centre[rows, objects],
    )
    colour = colours[scenes.colour[rows, objects]]
    return paint(colour, scenes.texture[rows, objects], masks, ground)

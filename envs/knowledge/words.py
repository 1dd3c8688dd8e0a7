"""The words of one world: which there are, what they mean, and the graph between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

COLOURS = {
    "red": (214, 48, 49),
    "green": (46, 160, 67),
    "blue": (45, 98, 214),
    "yellow": (240, 200, 20),
    "purple": (142, 68, 173),
    "orange": (235, 125, 30),
    "cyan": (30, 190, 200),
    "pink": (240, 130, 180),
    "brown": (121, 85, 60),
    "white": (245, 245, 245),
}
SHAPES = ("circle", "square", "triangle", "cross", "ring", "diamond", "bar", "crescent")
SIZES = ("small", "large")
TEXTURES = ("plain", "striped")
RELATIONS = ("left-of", "right-of", "above", "below")
INVERSE = (1, 0, 3, 2)
GROUPS = ("vivid", "mild", "soft", "sharp")
"""Category words: two of colours, two of shapes. No caption has them."""
LINKS = ("has-colour", "has-shape", "has-size", "has-texture", "is-a", "opposite-of")
PAIRED = ("image-of", "caption-of")
"""Relations of pairs that are written as triplets; they are not classified."""
OTHERS = ("pad", "and", "no", "what", "where", "is")
KINDS = 6, 5
"""Colours and shapes of a world."""
TOPICS = sum(KINDS)
"""Words that can be asked about: a world's colours, then its shapes."""
ASKED = ("objects", "facts")
"""What can be bought of a word: objects that have it, or what it is."""
STOP = TOPICS * len(ASKED)
"""The action that buys nothing more."""
TOKENS = 14
"""Words of the longest text; texts are padded to it with word 0."""

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class Words:
    """Vocabulary of a world.

    Attributes:
        seed: of the world; it draws which colours and shapes there are, which categories
            they belong to, and the number of each word, so that nothing is learned of
            another world's words.
        colours: names of its colours.
        shapes: names of its shapes.
        category_of_colour: bool (colours,), whether each is in the first group of colours.
        category_of_shape: bool (shapes,), likewise.
        order: numbers of all words.
    """

    seed: int
    colours: tuple[str, ...]
    shapes: tuple[str, ...]
    category_of_colour: tuple[bool, ...]
    category_of_shape: tuple[bool, ...]
    order: tuple[int, ...]

    @classmethod
    def draw(cls, seed: int) -> Words:
        """The words of world `seed`."""
        rng = np.random.default_rng([seed, 1])
        colours = [list(COLOURS)[i] for i in sorted(rng.permutation(len(COLOURS))[: KINDS[0]])]
        shapes = [SHAPES[i] for i in sorted(rng.permutation(len(SHAPES))[: KINDS[1]])]
        first = [tuple(bool(v) for v in rng.permutation(n) < n // 2) for n in KINDS]
        order = tuple(int(i) for i in rng.permutation(len(every()) - 1) + 1)
        return cls(seed, tuple(colours), tuple(shapes), first[0], first[1], order)

    @cached_property
    def number(self) -> dict[str, int]:
        """Number of each word; "pad" is 0."""
        names = [word for word in every() if word != "pad"]
        return {"pad": 0} | dict(zip(names, self.order, strict=True))

    @cached_property
    def names(self) -> dict[int, str]:
        """Word of each number."""
        return {number: word for word, number in self.number.items()}

    @property
    def count(self) -> int:
        """Words that there are."""
        return len(self.number)

    def ids(self, names: tuple[str, ...]) -> Tokens:
        """Numbers (N,) of several words."""
        return np.array([self.number[name] for name in names], np.int64)

    def text(self, *names: str) -> Tokens:
        """A text of up to `TOKENS` words, int64 (TOKENS,)."""
        row = np.zeros(TOKENS, np.int64)
        row[: len(names)] = self.ids(names)
        return row

    def read(self, tokens: Tokens) -> str:
        """A text as it is read."""
        return " ".join(self.names[int(t)] for t in tokens if t)

    @cached_property
    def facts(self) -> list[tuple[str, str, str]]:
        """Triplets between words: categories in both directions of opposition."""
        rows = [
            (name, "is-a", GROUPS[0] if first else GROUPS[1])
            for name, first in zip(self.colours, self.category_of_colour, strict=True)
        ] + [
            (name, "is-a", GROUPS[2] if first else GROUPS[3])
            for name, first in zip(self.shapes, self.category_of_shape, strict=True)
        ]
        for a, b in (SIZES, TEXTURES, RELATIONS[:2], RELATIONS[2:], GROUPS[:2], GROUPS[2:]):
            rows += [(a, "opposite-of", b), (b, "opposite-of", a)]
        return rows


def every() -> tuple[str, ...]:
    """All words that any world may have, in one order."""
    return (
        *OTHERS,
        *COLOURS,
        *SHAPES,
        *SIZES,
        *TEXTURES,
        *RELATIONS,
        *GROUPS,
        *LINKS,
        *PAIRED,
        "colour",
        "size",
    )

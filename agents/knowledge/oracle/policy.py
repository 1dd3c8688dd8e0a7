"""Upper bounds that know every scene's annotations, with and without the order of words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leapbench.agents.common.state import require
from leapbench.contract.agent import LearningPhase
from leapbench.envs.knowledge.drawing import SIDE, Floats, Pixels
from leapbench.envs.knowledge.network import CELLS
from leapbench.envs.knowledge.scenes import OBJECTS, Scenes, between
from leapbench.envs.knowledge.words import (
    GROUPS,
    RELATIONS,
    SIZES,
    TEXTURES,
    TOKENS,
    Tokens,
    Words,
)

RECORD = "agent.json"
Seen = tuple[frozenset[str], float, float]
"""An object: its words, and where it is."""


class Annotated:
    """Looks pictures up among the annotated scenes, so that it is shown and not ranked.

    Args:
        order: whether it heeds the order of words; without, it is the bound of whatever
            reads a text as a bag of words.
    """

    privileged = True

    def __init__(self, order: bool = True) -> None:
        self.order = order
        self._known: dict[bytes, list[Seen]] = {}
        self._words: Words | None = None

    def learn(self, phase: LearningPhase) -> None:
        """Nothing is learned."""
        phase.report(1.0, "nothing to learn")

    def save(self, folder: Path) -> None:
        """Write that there is nothing."""
        (folder / RECORD).write_text(json.dumps({}))

    def load(self, folder: Path) -> None:
        """There is nothing to restore."""

    def bind(self, scenes: Sequence[Scenes]) -> None:
        """Take the annotated scenes of an evaluation."""
        self._known.clear()
        for each in scenes:
            self._words = each.words
            rows = np.arange(len(each))
            regions = [each.regions(rows, np.full_like(rows, j)) for j in range(OBJECTS)]
            for i in rows.tolist():
                objects = [_described(each, i, j) for j in range(OBJECTS) if each.present[i, j]]
                self._known[each.images[i].tobytes()] = objects
                for j, region in enumerate(regions):
                    if each.present[i, j]:
                        self._known[region[i].tobytes()] = [objects[j]]

    def tokens(self, images: Pixels) -> Floats:
        """What is in each of 4 x 4 places, and where exactly, float32 (N, 16, words + 2)."""
        words = self._vocabulary()
        out = np.zeros((len(images), CELLS, words.count + 2), np.float32)
        across = round(CELLS**0.5)
        for i, image in enumerate(images):
            for names, x, y in self._objects(image):
                cell = int(y * across / SIDE) * across + int(x * across / SIDE)
                out[i, cell, [words.number[name] for name in names]] = 1.0
                out[i, cell, -2:] = 2 * x / SIDE, 2 * y / SIDE
        return out

    def words(self, texts: Tokens) -> Floats:
        """Which word stands where (N, TOKENS * words), or which there are (N, words)."""
        one = np.eye(self._vocabulary().count, dtype=np.float32)[texts] * (texts > 0)[..., None]
        out: Floats = one.reshape(len(texts), -1) if self.order else one.max(1)
        return out

    def scores(self, images: Pixels, texts: Tokens) -> Floats:
        """How much of each text is true of each picture (N, M)."""
        said = [self._vocabulary().read(text).split() for text in texts]
        true = self._in_order if self.order else self._in_a_bag
        rows = [[true(self._objects(image), text) for text in said] for image in images]
        return np.array(rows, np.float32)

    def _in_order(self, objects: list[Seen], text: list[str]) -> float:
        """Objects as they are described, and in the relation that is said."""
        front, denied = _split(text)
        verb = next((i for i, word in enumerate(front) if word in RELATIONS), len(front))
        first = [o for o in objects if set(front[:verb]) <= o[0]]
        second = [o for o in objects if set(front[verb + 1 :]) <= o[0]]
        score = float(bool(first)) + float(bool(second) and verb < len(front))
        if verb < len(front):
            score += 2.0 * any(
                RELATIONS[_relation(a, b)] == front[verb] for a in first for b in second if a != b
            )
        if denied:
            score += 1.0 - any(set(denied) <= o[0] for o in objects)
        return score + len(front) / TOKENS * bool(first and second)

    def _in_a_bag(self, objects: list[Seen], text: list[str]) -> float:
        """Share of the words that any object has, and of relations that hold either way."""
        there = {name for names, _, _ in objects for name in names}
        verbs = {RELATIONS[_relation(a, b)] for a in objects for b in objects if a is not b}
        words = [word for word in text if word not in ("and", "no")]
        return sum(word in there or word in verbs for word in words) / max(1, len(words))

    def _objects(self, image: Pixels) -> list[Seen]:
        return self._known.get(image.tobytes(), [])

    def _vocabulary(self) -> Words:
        require(self._words is not None, self)
        return self._words  # type: ignore[return-value]


def _described(scenes: Scenes, i: int, j: int) -> Seen:
    """All words that are true of an object, those of its categories too."""
    words, colour, shape = scenes.words, int(scenes.colour[i, j]), int(scenes.shape[i, j])
    x, y = scenes.centre[i, j].tolist()
    names = (
        words.colours[colour],
        words.shapes[shape],
        SIZES[int(scenes.size[i, j])],
        TEXTURES[int(scenes.texture[i, j])],
        GROUPS[0 if words.category_of_colour[colour] else 1],
        GROUPS[2 if words.category_of_shape[shape] else 3],
    )
    return frozenset(names), x, y


def _relation(a: Seen, b: Seen) -> int:
    return int(between(np.array([a[1:]], np.float32), np.array([b[1:]], np.float32))[0])


def _split(text: list[str]) -> tuple[list[str], list[str]]:
    """What is said to be there, and what is not."""
    if "no" not in text:
        return text, []
    at = text.index("no")
    front = text[: at - 1] if at and text[at - 1] == "and" else text[:at]
    return front, text[at + 1 :]

"""What an update learns from: entities, each once, and pairs and triplets of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.knowledge.drawing import SIDE, Ints, Pixels
from leapbench.envs.knowledge.network import CLASSES
from leapbench.envs.knowledge.words import TOKENS, Tokens

GRAPHS = ("scene", "attribute", "language")
"""Kinds of triplets: (image, relation, image), (image, relation, word), (word, relation, word)."""
SOURCES = ("pairs", *GRAPHS, "negatives")
NEGATIVE = 3
"""What an image with its caption and an annotated wrong one costs, in triplets."""
NO_CLASS = -1
"""Class of relations that are not classified: those of pairs."""


def cost(source: str) -> int:
    """What one pair or triplet of a source costs, in triplets."""
    return NEGATIVE if source == "negatives" else 1


def _none() -> Ints:
    return np.zeros(0, np.int64)


def _no_texts() -> Tokens:
    return np.zeros((0, TOKENS), np.int64)


@dataclass(frozen=True)
class Batch:
    """Pairs and triplets over the same entities, which are images first and then texts.

    Attributes:
        images: uint8 (I, 32, 32, 3), entities 0 to I - 1.
        texts: int64 (M, TOKENS), entities I to I + M - 1.
        pairs: int64 (N, 2), entities of an image and of its caption.
        wrong: int64 (W,), entities that are wrong captions, for every image.
        heads: int64 (T,), entity of each triplet's head.
        relations: int64 (T,), row of `verbs`.
        tails: int64 (T,).
        verbs: int64 (R, TOKENS), relations in words.
        classes: int64 (T,), place of each relation among `network.CLASSES`, or NO_CLASS.
    """

    images: Pixels = field(default_factory=lambda: np.zeros((0, SIDE, SIDE, 3), np.uint8))
    texts: Tokens = field(default_factory=_no_texts)
    pairs: Ints = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    wrong: Ints = field(default_factory=_none)
    heads: Ints = field(default_factory=_none)
    relations: Ints = field(default_factory=_none)
    tails: Ints = field(default_factory=_none)
    verbs: Tokens = field(default_factory=_no_texts)
    classes: Ints = field(default_factory=_none)

    @property
    def graph(self) -> NDArray[np.bool_]:
        """Which triplets (T,) are of a graph, and not pairs that are written as triplets."""
        return np.asarray(self.classes != NO_CLASS)


def joined(parts: Sequence[Batch]) -> Batch:
    """Several batches as one, with equal texts and relations once."""
    images = np.concatenate([each.images for each in parts])
    texts, place = _unique([each.texts for each in parts])
    verbs, which = _unique([each.verbs for each in parts])
    own: dict[str, list[Ints]] = {n: [] for n in ("pairs", "wrong", "heads", "tails", "relations")}
    before = np.zeros(3, np.int64)
    for each in parts:
        sizes = np.array([len(each.images), len(each.texts), len(each.verbs)])
        moved = np.concatenate(
            [
                np.arange(sizes[0]) + before[0],
                place[before[1] : before[1] + sizes[1]] + len(images),
            ]
        )
        for name in ("pairs", "wrong", "heads", "tails"):
            own[name].append(moved[getattr(each, name)])
        own["relations"].append(which[each.relations + before[2]])
        before += sizes
    classes = np.concatenate([each.classes for each in parts])
    merged = {name: np.concatenate(rows) for name, rows in own.items()}
    return Batch(images, texts, verbs=verbs, classes=classes, **merged)


def paired(batch: Batch) -> Batch:
    """The pairs alone, with their images and texts and no others, each once."""
    images, seen = np.unique(batch.pairs[:, 0], return_inverse=True)
    said = np.concatenate([batch.pairs[:, 1], batch.wrong]) - len(batch.images)
    texts, place = np.unique(said, return_inverse=True)
    place = place.reshape(-1) + len(images)
    pairs = np.stack([seen.reshape(-1), place[: len(seen)]], axis=1)
    return Batch(batch.images[images], batch.texts[texts], pairs, place[len(seen) :])


def written(batch: Batch, verbs: Tokens, rng: np.random.Generator) -> Batch:
    """The batch with each pair as (image, image-of, caption) or (caption, caption-of, image).

    Args:
        batch: N pairs without triplets.
        verbs: int64 (2, TOKENS), image-of and caption-of in words.
        rng: draws which of both.
    """
    turned = rng.integers(len(verbs), size=len(batch.pairs))
    image, caption = batch.pairs.T
    return replace(
        batch,
        heads=np.where(turned, caption, image),
        relations=turned,
        tails=np.where(turned, image, caption),
        verbs=verbs,
        classes=np.full(len(turned), NO_CLASS),
    )


def classes_of(names: Sequence[str]) -> Ints:
    """Place of each relation's name among `network.CLASSES`."""
    return np.array([CLASSES.index(name) for name in names], np.int64)


def _unique(rows: list[Tokens]) -> tuple[Tokens, Ints]:
    every, place = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
    return every, place.reshape(-1)

"""Where knowledge comes from in a world: captions, scene graphs, attributes, words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from leapbench.envs.knowledge import scenes as drawing
from leapbench.envs.knowledge.batches import Batch, classes_of, joined, written
from leapbench.envs.knowledge.drawing import Ints
from leapbench.envs.knowledge.scenes import OBJECTS
from leapbench.envs.knowledge.words import (
    INVERSE,
    LINKS,
    PAIRED,
    RELATIONS,
    SIZES,
    TEXTURES,
    TOKENS,
    Tokens,
    Words,
)


class Sources:
    """The knowledge of one world, drawn at random.

    Args:
        seed: of the world.
        count: scenes that the knowledge is about.
        split: which draw of scenes; 0 is learned from.
    """

    def __init__(self, seed: int, count: int, split: int = 0) -> None:
        self.scenes = drawing.make(seed, count, split)
        self.words: Words = self.scenes.words

    @cached_property
    def _edges(self) -> tuple[Ints, Ints]:
        """All triplets of objects, and where those of each scene begin."""
        edges = self.scenes.edges()
        return edges, np.searchsorted(edges[:, 0], np.arange(len(self.scenes) + 1))

    def draw(self, counts: Mapping[str, int], rng: np.random.Generator) -> Batch:
        """A batch of several sources.

        Args:
            counts: how much of each of `SOURCES`, in pairs or triplets.
            rng: draws them.
        """
        parts = [getattr(self, name)(n, rng) for name, n in counts.items() if n]
        return joined(parts) if parts else Batch()

    def pairs(self, count: int, rng: np.random.Generator) -> Batch:
        """Images with their captions, which are written as triplets, too."""
        rows = rng.integers(len(self.scenes), size=count)
        pairs = np.stack([np.arange(count), np.arange(count) + count], axis=1)
        batch = Batch(self.scenes.images[rows], self.scenes.captions[rows], pairs)
        return written(batch, self.verbs(list(PAIRED)), rng)

    def negatives(self, count: int, rng: np.random.Generator) -> Batch:
        """Images with their captions and one annotated wrong caption each."""
        batch = self.pairs(count, rng)
        kinds = rng.integers(len(WRONG), size=count)
        pairs = zip(kinds, batch.texts, strict=True)
        wrong = np.stack([WRONG[kind](self.words, text) for kind, text in pairs])
        texts = np.concatenate([batch.texts, wrong])
        return replace(batch, texts=texts, wrong=np.arange(count) + 2 * count)

    def scene(self, count: int, rng: np.random.Generator) -> Batch:
        """`count` triplets between objects; those of one scene come together."""
        edges, begins = self._edges
        order = rng.permutation(len(self.scenes))[:count]
        rows = np.concatenate([np.arange(begins[i], begins[i + 1]) for i in order])[:count]
        scene, head, relation, tail = edges[rows].T
        ends = np.concatenate([scene * OBJECTS + head, scene * OBJECTS + tail])
        entities, place = np.unique(ends, return_inverse=True)
        used, relations = np.unique(relation, return_inverse=True)
        return Batch(
            self.scenes.regions(entities // OBJECTS, entities % OBJECTS),
            heads=place[:count],
            relations=relations,
            tails=place[count:],
            verbs=self.verbs([RELATIONS[i] for i in used]),
            classes=relation,
        )

    def attribute(self, count: int, rng: np.random.Generator) -> Batch:
        """`count` triplets of an object and a word; the four of one object come together."""
        some = -(-count // 4)
        scene = rng.permutation(len(self.scenes))[:some]
        return self._described(scene, rng.integers(2, size=some), count)

    def objects(self, topic: int, count: int, rng: np.random.Generator) -> Batch:
        """`count` triplets of objects with a colour or shape, the world's colours first."""
        shape = topic - len(self.words.colours)
        value = self.scenes.colour == topic if shape < 0 else self.scenes.shape == shape
        scene, which = np.nonzero(value[:, :2])
        chosen = rng.permutation(len(scene))[: -(-count // 4)]
        return self._described(scene[chosen], which[chosen], count)

    def language(self, count: int, rng: np.random.Generator) -> Batch:
        """`count` triplets between words, each fact as often as the others."""
        facts = self.words.facts
        return self._told([facts[int(i)] for i in rng.integers(len(facts), size=count)])

    def about(self, topic: int, count: int, rng: np.random.Generator) -> Batch:
        """What a colour or shape is, and what the like of it are not, `count` triplets.

        A single fact has nothing that it could be told from, so that its category's opposite
        comes with it.
        """
        name = (*self.words.colours, *self.words.shapes)[topic]
        facts = [fact for fact in self.words.facts if fact[0] == name]
        group = facts[0][2]
        facts += [fact for fact in self.words.facts if group in (fact[0], fact[2])][:3]
        return self._told([facts[i % len(facts)] for i in range(min(count, 2 * len(facts)))])

    def _described(self, scene: Ints, which: Ints, count: int) -> Batch:
        """At most `count` triplets of objects and words."""
        words, at, some = self.words, (scene, which), len(scene)
        said = np.stack(
            [
                words.ids(words.colours)[self.scenes.colour[at]],
                words.ids(words.shapes)[self.scenes.shape[at]],
                words.ids(SIZES)[self.scenes.size[at]],
                words.ids(TEXTURES)[self.scenes.texture[at]],
            ],
            axis=1,
        ).reshape(-1)[:count]
        texts, tails = np.unique(said, return_inverse=True)
        links = np.tile(np.arange(4), some)[:count]
        return Batch(
            self.scenes.regions(scene, which),
            _single(texts),
            heads=np.repeat(np.arange(some), 4)[:count],
            relations=links,
            tails=tails.reshape(-1) + some,
            verbs=self.verbs(list(LINKS[:4])),
            classes=classes_of(LINKS)[links],
        )

    def _told(self, facts: list[tuple[str, str, str]]) -> Batch:
        """Triplets between words."""
        names, place = np.unique([(h, t) for h, _, t in facts], return_inverse=True)
        place = place.reshape(len(facts), 2)
        verbs, relations = np.unique([r for _, r, _ in facts], return_inverse=True)
        return Batch(
            texts=_single(self.words.ids(tuple(names))),
            heads=place[:, 0],
            relations=relations,
            tails=place[:, 1],
            verbs=self.verbs(list(verbs)),
            classes=classes_of([r for _, r, _ in facts]),
        )

    def verbs(self, names: list[str]) -> Tokens:
        """Relations as texts (N, TOKENS)."""
        return _single(self.words.ids(tuple(names)))


def attributes_swapped(words: Words, caption: Tokens) -> Tokens:
    """The caption with both objects' colours exchanged."""
    at = np.flatnonzero(np.isin(caption, words.ids(words.colours)))[:2]
    out = caption.copy()
    out[at] = caption[at[::-1]]
    return out


def arguments_swapped(words: Words, caption: Tokens) -> Tokens:
    """The caption with both objects exchanged around the relation."""
    verb = int(np.flatnonzero(np.isin(caption, words.ids(RELATIONS)))[0])
    shapes = np.flatnonzero(np.isin(caption, words.ids(words.shapes)))
    end = int(shapes[1]) + 1
    front, back = caption[:verb], caption[verb + 1 : end]
    return np.concatenate([back, caption[verb : verb + 1], front, caption[end:]])


def relation_turned(words: Words, caption: Tokens) -> Tokens:
    """The caption with the relation's opposite."""
    every = words.ids(RELATIONS)
    out = caption.copy()
    at = int(np.flatnonzero(np.isin(caption, every))[0])
    out[at] = every[INVERSE[int(np.flatnonzero(every == caption[at])[0])]]
    return out


WRONG = (attributes_swapped, arguments_swapped, relation_turned)


def _single(words: Tokens) -> Tokens:
    """Texts of one word each, (N, TOKENS)."""
    out = np.zeros((len(words), TOKENS), np.int64)
    out[:, 0] = words
    return out

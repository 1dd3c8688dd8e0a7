"""Questions about scenes, for what the paper's table 7 asks of VQA: colour, position, and more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leapbench.envs.knowledge.drawing import Ints
from leapbench.envs.knowledge.scenes import Scenes, absent, described, packed
from leapbench.envs.knowledge.words import INVERSE, KINDS, RELATIONS, SIZES, Tokens, Words

KINDS_OF_QUESTIONS = ("colour", "position", "negation", "size")
CHANCE = {"colour": 1 / KINDS[0], "position": 1 / len(RELATIONS), "negation": 0.5, "size": 0.5}
"""Accuracy of guessing among the answers of a kind."""
ANSWERS = KINDS[0] + len(RELATIONS) + 2 + len(SIZES)
BEGINS = dict(zip(KINDS_OF_QUESTIONS, np.cumsum([0, KINDS[0], len(RELATIONS), 2]), strict=True))
"""First answer of each kind."""


@dataclass(frozen=True)
class Questions:
    """Q questions of one kind.

    Attributes:
        scenes: int64 (Q,), which scene each is about.
        texts: int64 (Q, TOKENS).
        answers: int64 (Q,), place among all `ANSWERS`.
    """

    scenes: Ints
    texts: Tokens
    answers: Ints


def ask(scenes: Scenes, kind: str, rng: np.random.Generator) -> Questions:
    """A question of one kind for each scene about which it can be asked.

    Args:
        scenes: N scenes.
        kind: one of `KINDS_OF_QUESTIONS`.
        rng: draws which object is asked for.
    """
    rows, texts, answers = _ASK[kind](scenes, rng)
    return Questions(rows, packed(texts), answers + int(BEGINS[kind]))


def _colour(scenes: Scenes, rng: np.random.Generator) -> tuple[Ints, Tokens, Ints]:
    """What colour has the (only) SHAPE?"""
    words, which = scenes.words, rng.integers(2, size=len(scenes))
    every = np.arange(len(scenes))
    shape = scenes.shape[every, which]
    alone = ((scenes.shape == shape[:, None]) & scenes.present).sum(1) == 1
    shapes = words.ids(words.shapes)[shape]
    text = np.concatenate([_said(words, len(scenes), "what", "colour"), shapes[:, None]], axis=1)
    return every[alone], text[alone], scenes.colour[every, which][alone]


def _position(scenes: Scenes, rng: np.random.Generator) -> tuple[Ints, Tokens, Ints]:
    """Where is the one object, seen from the other?"""
    turned = rng.random(len(scenes)) < 0.5
    first, second = described(scenes, 0)[:, 2:], described(scenes, 1)[:, 2:]
    a = np.where(turned[:, None], second, first)
    b = np.where(turned[:, None], first, second)
    answer = np.where(turned, np.asarray(INVERSE)[scenes.relation], scenes.relation)
    text = np.concatenate([_said(scenes.words, len(scenes), "where", "is"), a, b], axis=1)
    return np.arange(len(scenes)), text, answer


def _negation(scenes: Scenes, rng: np.random.Generator) -> tuple[Ints, Tokens, Ints]:
    """Is there no such object? Answer 0 is yes."""
    count = len(scenes)
    none = rng.random(count) < 0.5
    there = np.where(rng.random((count, 1)) < 0.5, described(scenes, 0), described(scenes, 1))[
        :, 2:
    ]
    what = np.where(none[:, None], absent(scenes, rng), there)
    text = np.concatenate([_said(scenes.words, count, "is", "no"), what], axis=1)
    return np.arange(count), text, np.where(none, 0, 1)


def _size(scenes: Scenes, rng: np.random.Generator) -> tuple[Ints, Tokens, Ints]:
    """What size has the object?"""
    which, every = rng.integers(2, size=len(scenes)), np.arange(len(scenes))
    what = np.stack([described(scenes, 0)[:, 2:], described(scenes, 1)[:, 2:]])[which, every]
    text = np.concatenate([_said(scenes.words, len(scenes), "what", "size"), what], axis=1)
    return every, text, scenes.size[every, which]


def _said(words: Words, count: int, *names: str) -> Tokens:
    return np.tile(words.ids(names), (count, 1))


_ASK = {"colour": _colour, "position": _position, "negation": _negation, "size": _size}

"""What a pair of encoders knows: retrieval, wrong captions, questions, relations, categories.

Nothing of what is measured is learned from here but two small heads over frozen features,
which every method gets alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from leapbench.envs.knowledge import questions
from leapbench.envs.knowledge.drawing import Floats, Pixels
from leapbench.envs.knowledge.questions import (
    ANSWERS,
    BEGINS,
    CHANCE,
    KINDS_OF_QUESTIONS,
    Questions,
)
from leapbench.envs.knowledge.scenes import Scenes, absent, described, packed
from leapbench.envs.knowledge.sources import WRONG
from leapbench.envs.knowledge.words import GROUPS, RELATIONS, TOKENS, Tokens

HIDDEN = 64
BATCH = 256
RATE = 3e-3


class Encoders(Protocol):
    """What is probed; all arrays are float32."""

    def tokens(self, images: Pixels) -> Floats:
        """Features (N, L, d) of images, before any pooling."""

    def words(self, texts: Tokens) -> Floats:
        """Features (N, d) of texts int64 (N, TOKENS)."""

    def scores(self, images: Pixels, texts: Tokens) -> Floats:
        """How well each text fits each image (N, M)."""


@dataclass(frozen=True)
class Effort:
    """How much the heads learn.

    Attributes:
        scenes: about which they learn.
        updates: of each head.
    """

    scenes: int = 2000
    updates: int = 400


def retrieval(part: Encoders, scenes: Scenes) -> float:
    """R@1, the mean of both directions, among the scenes given."""
    scores = part.scores(scenes.images, scenes.captions)
    right = np.arange(len(scenes))
    return float(((scores.argmax(1) == right).mean() + (scores.argmax(0) == right).mean()) / 2)


def hard_negatives(part: Encoders, scenes: Scenes, rng: np.random.Generator) -> dict[str, float]:
    """Share of scenes whose caption scores above a wrong one, by kind; chance is .5."""
    said = packed(_caption(scenes))
    out = {}
    for change in WRONG:
        wrong = np.stack([change(scenes.words, row) for row in said])
        differs = (wrong != said).any(1)
        out[change.__name__] = _preferred(
            part, scenes.images[differs], said[differs], wrong[differs]
        )
    no = np.full((len(scenes), 1), scenes.words.number["no"])
    true = packed(np.concatenate([no, absent(scenes, rng)], axis=1))
    false = packed(np.concatenate([no, described(scenes, 0)[:, 2:]], axis=1))
    out["negation"] = _preferred(part, scenes.images, true, false)
    return out


def categories(part: Encoders, scenes: Scenes) -> float:
    """Share of single objects that fit their category's word better than its opposite.

    The words occur in no caption. Objects are half of each category; chance is .5.
    """
    words, rows = scenes.words, np.arange(len(scenes))
    images = scenes.regions(rows, np.zeros_like(rows))
    texts = np.zeros((len(GROUPS), TOKENS), np.int64)
    texts[:, 0] = words.ids(GROUPS)
    scores = part.scores(images, texts)
    right = []
    ends = ((words.category_of_colour, scenes.colour), (words.category_of_shape, scenes.shape))
    for k, (first, value) in enumerate(ends):
        belongs = np.asarray(first)[value[:, 0]]
        chosen = scores[:, 2 * k] > scores[:, 2 * k + 1]
        right += [(chosen == belongs)[belongs == side].mean() for side in (True, False)]
    return float(np.mean(right))


def answered(
    part: Encoders, train: Scenes, test: Scenes, rng: np.random.Generator, effort: Effort
) -> dict[str, float]:
    """Accuracy on questions about the test scenes by kind, after a head has learned."""
    asked = [questions.ask(train, kind, rng) for kind in KINDS_OF_QUESTIONS]
    features = torch.from_numpy(part.tokens(train.images))
    known = _joined(asked)
    texts = torch.from_numpy(part.words(known.texts))
    rows, answers = torch.from_numpy(known.scenes), torch.from_numpy(known.answers)
    head = _made(lambda: Reader(features.shape[2], texts.shape[1]), rng)

    def loss(at: Tensor) -> Tensor:
        return cross_entropy(head(features[rows[at]], texts[at]), answers[at])

    _learned(head, loss, len(answers), rng, effort.updates)
    tokens = torch.from_numpy(part.tokens(test.images))
    out = {}
    for kind in KINDS_OF_QUESTIONS:
        new = questions.ask(test, kind, rng)
        with torch.no_grad():
            logits = head(
                tokens[torch.from_numpy(new.scenes)], torch.from_numpy(part.words(new.texts))
            ).numpy()
        of_kind = slice(int(BEGINS[kind]), int(BEGINS[kind]) + round(1 / CHANCE[kind]))
        found = logits[:, of_kind].argmax(1) + of_kind.start
        out[kind] = float((found == new.answers).mean())
    return out


def related(
    part: Encoders, train: Scenes, test: Scenes, rng: np.random.Generator, effort: Effort
) -> float:
    """Accuracy of naming the relation of two regions, each encoded alone; chance is .25."""
    features, names = _regions(part, train)
    head = _made(
        lambda: nn.Sequential(
            nn.Linear(features.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, len(RELATIONS))
        ),
        rng,
    )

    def loss(at: Tensor) -> Tensor:
        return cross_entropy(head(features[at]), names[at])

    _learned(head, loss, len(names), rng, effort.updates)
    unseen, aims = _regions(part, test)
    with torch.no_grad():
        return float((head(unseen).argmax(1) == aims).float().mean())


class Reader(nn.Module):
    """Two layers that answer a question: what it attends to in the picture, and an answer.

    Args:
        width: of an image's tokens.
        text: of a question's features.
        heads: places that are attended to at once.
    """

    def __init__(self, width: int, text: int, heads: int = 4) -> None:
        super().__init__()
        self.query = nn.Linear(text, heads * HIDDEN)
        self.key, self.place = nn.Linear(width, HIDDEN), nn.Parameter(torch.zeros(16, HIDDEN))
        self.first = nn.Linear(heads * (width + HIDDEN) + text, 2 * HIDDEN)
        self.second = nn.Linear(2 * HIDDEN, ANSWERS)
        nn.init.normal_(self.place, std=0.1)
        self.heads = heads

    def forward(self, tokens: Tensor, text: Tensor) -> Tensor:
        """Logits (N, ANSWERS) of tokens (N, 16, width) and questions (N, text)."""
        query = self.query(text).view(len(text), self.heads, HIDDEN)
        keys = self.key(tokens) + self.place
        looked = (query @ keys.transpose(1, 2) / HIDDEN**0.5).softmax(-1)
        seen = torch.cat([looked @ tokens, looked @ self.place.expand(len(text), -1, -1)], dim=2)
        out: Tensor = self.second(self.first(torch.cat([seen.flatten(1), text], dim=1)).relu())
        return out


def _caption(scenes: Scenes) -> Tokens:
    verb = scenes.words.ids(RELATIONS)[scenes.relation]
    return np.concatenate([described(scenes, 0), verb[:, None], described(scenes, 1)], axis=1)


def _preferred(part: Encoders, images: Pixels, true: Tokens, false: Tokens) -> float:
    """Share of images that score higher with their true text; ties count half."""
    scores, rows = part.scores(images, np.concatenate([true, false])), np.arange(len(images))
    a, b = scores[rows, rows], scores[rows, rows + len(rows)]
    return float((a > b).mean() + (a == b).mean() / 2)


def _joined(parts: list[Questions]) -> Questions:
    return Questions(
        *(
            np.concatenate([getattr(each, name) for each in parts])
            for name in ("scenes", "texts", "answers")
        )
    )


def _regions(part: Encoders, scenes: Scenes) -> tuple[Tensor, Tensor]:
    """Features of the first two regions side by side, and their relation."""
    rows = np.arange(len(scenes))
    both = np.concatenate([scenes.regions(rows, np.full_like(rows, j)) for j in (0, 1)])
    ends = np.split(part.tokens(both).mean(1), 2)
    return torch.from_numpy(np.concatenate(ends, axis=1)), torch.from_numpy(scenes.relation)


def _made(build: Callable[[], nn.Module], rng: np.random.Generator) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        return build()


def _learned(
    head: nn.Module,
    loss: Callable[[Tensor], Tensor],
    count: int,
    rng: np.random.Generator,
    updates: int,
) -> None:
    optimiser = torch.optim.Adam(head.parameters(), RATE, fused=True)
    for i in range(updates):
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 - i / updates)
        at = torch.from_numpy(rng.integers(count, size=BATCH))
        optimiser.zero_grad(set_to_none=True)
        loss(at).backward()  # type: ignore[no-untyped-call]
        optimiser.step()

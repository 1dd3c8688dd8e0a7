"""Trained networks as they are asked: images and words in, features and scores out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from leapbench.envs.knowledge.drawing import Floats, Pixels
from leapbench.envs.knowledge.network import CELLS, Clip, Fusion, pooled
from leapbench.envs.knowledge.words import PAIRED, TOKENS, Tokens

BATCH = 512


class Trained:
    """Both towers and, if scores are fused, the fusion transformer.

    Args:
        clip: the towers.
        number: of each word.
        fusion: scores are the cosine of Y(image, image-of, -) and Y(-, -, text); None for
            the towers' own. The paper does not say which it takes. Both stay
            pre-computable.
    """

    def __init__(self, clip: Clip, number: Mapping[str, int], fusion: Fusion | None = None) -> None:
        self.clip, self.number, self.fusion = clip.eval(), number, fusion

    @torch.no_grad()
    def tokens(self, images: Pixels) -> Floats:
        """See `probes.Encoders`."""
        return _batched(lambda rows: self.clip.image_tokens(rows), images)

    @torch.no_grad()
    def words(self, texts: Tokens) -> Floats:
        """See `probes.Encoders`."""
        return _batched(lambda rows: pooled(self.clip.text_tokens(rows), rows), texts)

    @torch.no_grad()
    def scores(self, images: Pixels, texts: Tokens) -> Floats:
        """See `probes.Encoders`."""
        clip, fusion = self.clip, self.fusion
        if fusion is None:
            seen = _batched(lambda rows: clip.images(clip.image_tokens(rows)), images)
            said = _batched(lambda rows: clip.texts(clip.text_tokens(rows), rows), texts)
            return _products(seen, said)
        verb = torch.zeros(1, TOKENS, dtype=torch.int64)
        verb[0, 0] = self.number[PAIRED[0]]
        relation = fusion.from_text(pooled(clip.text_tokens(verb), verb))

        def of_image(rows: Tensor) -> Tensor:
            tokens = fusion.from_image(clip.image_tokens(rows))
            there = torch.ones(tokens.shape[:2], dtype=torch.bool)
            return normalize(
                fusion((tokens, there), relation.expand(len(rows), -1), None)[0], dim=-1
            )

        def of_text(rows: Tensor) -> Tensor:
            short = CELLS - rows.shape[1]
            tokens = pad(fusion.from_text(clip.text_tokens(rows)), (0, 0, 0, short))
            return normalize(fusion(None, None, (tokens, pad(rows > 0, (0, short))))[0], dim=-1)

        return _products(_batched(of_image, images), _batched(of_text, texts))


def _products(a: Floats, b: Floats) -> Floats:
    out: Floats = a @ b.T
    return out


def _batched(encode: Callable[[Tensor], Tensor], rows: Pixels | Tokens) -> Floats:
    """Encode rows in batches."""
    parts = [encode(torch.from_numpy(rows[i : i + BATCH])) for i in range(0, len(rows), BATCH)]
    out: Floats = torch.cat(parts).numpy()
    return out

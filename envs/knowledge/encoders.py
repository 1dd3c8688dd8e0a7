"""Trained networks as they are asked: images and words in, features and scores out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from leapbench.envs.knowledge.drawing import Floats, Pixels
from leapbench.envs.knowledge.network import CELLS, Clip, Fusion, pooled
from leapbench.envs.knowledge.words import PAIRED, TOKENS, Tokens, Words

BATCH = 512


class Trained:
    """Both towers and, if scores are fused, the fusion transformer.

    Args:
        clip: the towers.
        words: of the world.
        fusion: scores are the cosine of Y(image, image-of, -) and Y(-, -, text); None for
            the towers' own. The paper does not say which it takes. Both stay
            pre-computable.
    """

    def __init__(self, clip: Clip, words: Words, fusion: Fusion | None = None) -> None:
        self.clip, self.vocabulary, self.fusion = clip.eval(), words, fusion

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
        of_image = self._fused_image if self.fusion else self._image
        of_text = self._fused_text if self.fusion else self._text
        scores: Floats = _batched(of_image, images) @ _batched(of_text, texts).T
        return scores

    def _image(self, rows: Tensor) -> Tensor:
        return self.clip.images(self.clip.image_tokens(rows))

    def _text(self, rows: Tensor) -> Tensor:
        return self.clip.texts(self.clip.text_tokens(rows), rows)

    def _fused_image(self, rows: Tensor) -> Tensor:
        assert self.fusion is not None
        tokens = self.fusion.from_image(self.clip.image_tokens(rows))
        verb = torch.zeros(1, TOKENS, dtype=torch.int64)
        verb[0, 0] = self.vocabulary.number[PAIRED[0]]
        relation = self.fusion.from_text(pooled(self.clip.text_tokens(verb), verb))
        there = torch.ones(tokens.shape[:2], dtype=torch.bool)
        out = self.fusion((tokens, there), relation.expand(len(rows), -1), None)[0]
        return normalize(out, dim=-1)

    def _fused_text(self, rows: Tensor) -> Tensor:
        assert self.fusion is not None
        short = CELLS - rows.shape[1]
        tokens = pad(self.fusion.from_text(self.clip.text_tokens(rows)), (0, 0, 0, short))
        return normalize(self.fusion(None, None, (tokens, pad(rows > 0, (0, short))))[0], dim=-1)


def _batched(encode: Callable[[Tensor], Tensor], rows: Pixels | Tokens) -> Floats:
    """Encode rows in batches."""
    parts = [encode(torch.from_numpy(rows[i : i + BATCH])) for i in range(0, len(rows), BATCH)]
    out: Floats = torch.cat(parts).numpy()
    return out

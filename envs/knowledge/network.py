"""A small CLIP, and the fusion transformer that reads triplets (paper, sections 3 and 4.2).

What the paper leaves open is an argument with a default, see `Shape`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import linear, normalize, scaled_dot_product_attention

from leapbench.envs.knowledge.words import LINKS, RELATIONS, TOKENS

CLASSES = (*RELATIONS, *LINKS)
"""Relations that are classified (Eq 10), in the order of the classifier's outputs."""
SCALE = 1 / 0.07
"""Initial inverse temperature, CLIP's."""
CELLS = 16
"""Tokens of an image: 4 x 4."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the networks.

    Attributes:
        width: of both towers, a multiple of `heads`.
        layers: transformer layers of the image tower, behind its convolutions.
        text_layers: of the text tower.
        fusion: width of the fusion transformer, a multiple of `heads`; the paper's is 1024
            over towers of 512 (how one is mapped to the other it does not say: here a linear
            layer for each modality).
        fusion_layers: 4 in the paper.
        heads: of every attention.
    """

    width: int = 48
    layers: int = 1
    text_layers: int = 1
    fusion: int = 48
    fusion_layers: int = 2
    heads: int = 2


SHAPE = Shape()


class Block(nn.Module):
    """Transformer layer with the norms first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixed, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.act = nn.GELU()

    def forward(
        self, x: Tensor, seen: Tensor | None = None, wanted: list[int] | None = None
    ) -> Tensor:
        """Transform tokens (N, L, width).

        Args:
            x: the tokens.
            seen: bool (N, L), which are attended to; None for all.
            wanted: which tokens are given back; None for all.
        """
        normed = self.first(x)
        if wanted is not None:
            x = x[:, wanted]
        n, length, width = x.shape
        if wanted is None:
            query, key, value = self._split(self.mixed(normed), 3)
        else:
            weight, bias = self.mixed.weight, self.mixed.bias
            (query,) = self._split(linear(normed[:, wanted], weight[:width], bias[:width]), 1)
            key, value = self._split(linear(normed, weight[width:], bias[width:]), 2)
        mask = None if seen is None else seen[:, None, None, :]
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.out(mixed.transpose(1, 2).reshape(n, length, width))
        out: Tensor = x + self.down(self.act(self.up(self.second(x))))
        return out

    def _split(self, mixed: Tensor, parts: int) -> tuple[Tensor, ...]:
        n, length = mixed.shape[:2]
        width = mixed.shape[2] // (parts * self.heads)
        return mixed.view(n, length, parts, self.heads, width).permute(2, 0, 3, 1, 4).unbind(0)


class Clip(nn.Module):
    """Image and text tower, and the space in which both meet.

    Args:
        words: size of the vocabulary; word 0 is no word.
        shape: sizes.
    """

    def __init__(self, words: int, shape: Shape = Shape()) -> None:
        super().__init__()
        width = shape.width
        self.stem = nn.Sequential(
            nn.Conv2d(3, width // 2, 3, 2, 1),
            nn.GELU(),
            nn.Conv2d(width // 2, width, 3, 2, 1),
            nn.GELU(),
            nn.Conv2d(width, width, 3, 2, 1),
        )
        self.place = nn.Parameter(torch.randn(CELLS, width) * 0.02)
        self.image_layers = nn.ModuleList(Block(width, shape.heads) for _ in range(shape.layers))
        self.image_norm = nn.LayerNorm(width)
        self.embedding = nn.Embedding(words, width)
        nn.init.normal_(self.embedding.weight, std=0.05)
        self.order = nn.Parameter(torch.randn(TOKENS, width) * 0.02)
        self.text_layers = nn.ModuleList(
            Block(width, shape.heads) for _ in range(shape.text_layers)
        )
        self.text_norm = nn.LayerNorm(width)
        self.image_out = nn.Linear(width, width, bias=False)
        self.text_out = nn.Linear(width, width, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())

    def image_tokens(self, images: Tensor) -> Tensor:
        """Features (N, 16, width) of images uint8 (N, 32, 32, 3), before any pooling."""
        pixels = images.permute(0, 3, 1, 2).float().div(64.0).sub(118 / 64)
        x = self.stem(pixels).flatten(2).transpose(1, 2) + self.place
        for layer in self.image_layers:
            x = layer(x)
        out: Tensor = self.image_norm(x)
        return out

    def text_tokens(self, texts: Tensor) -> Tensor:
        """Features (N, TOKENS, width) of texts int64 (N, TOKENS), before any pooling."""
        seen = texts > 0
        x = self.embedding(texts) + self.order
        for layer in self.text_layers:
            x = layer(x, seen)
        out: Tensor = self.text_norm(x)
        return out

    def images(self, tokens: Tensor) -> Tensor:
        """Unit vectors (N, width) of image tokens, averaged."""
        return normalize(self.image_out(tokens.mean(1)), dim=-1)

    def texts(self, tokens: Tensor, texts: Tensor) -> Tensor:
        """Unit vectors (N, width) of text tokens, averaged over the words that there are."""
        return normalize(self.text_out(pooled(tokens, texts)), dim=-1)

    def similarity(self, images: Tensor, texts: Tensor) -> Tensor:
        """Logits (N, M): cosine over the learned temperature."""
        return self.log_scale.clamp(max=4.6).exp() * images @ texts.T


class Fusion(nn.Module):
    """The multi-modal encoder of triplets (Eq 3 to 6), and what reads its outputs.

    A slot that is masked is one zero token with its role's vector, and is attended to; the
    paper puts a zero in its place and does not say whether the vector stays.

    Args:
        shape: sizes.
        hops: layers L of the graph network (Eq 11), which the paper does not state.
        classes: relations that are told apart (Eq 10).
    """

    def __init__(self, shape: Shape = Shape(), hops: int = 1, classes: int = len(CLASSES)) -> None:
        super().__init__()
        width = shape.fusion
        self.from_image = nn.Linear(shape.width, width)
        self.from_text = nn.Linear(shape.width, width)
        self.head = nn.Parameter(torch.randn(width) * 0.02)
        self.roles = nn.Parameter(torch.randn(3, width) * 0.02)
        self.layers = nn.ModuleList(Block(width, shape.heads) for _ in range(shape.fusion_layers))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, classes)
        )
        self.gates = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(hops))
        self.log_scale = nn.Parameter(torch.tensor(SCALE).log())

    def forward(
        self,
        head: tuple[Tensor, Tensor] | None,
        relation: Tensor | None,
        tail: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, Tensor]:
        """Y (Eq 4) and R (Eq 5), each (N, fusion).

        Args:
            head: tokens (N, L, fusion) and which are there, bool (N, L); None when masked.
            relation: vectors (N, fusion), or None.
            tail: like `head`.
        """
        parts, masks, place = [], [], 1
        given = [
            x[0] if isinstance(x, tuple) else x for x in (head, relation, tail) if x is not None
        ]
        count, device = len(given[0]), given[0].device
        there = torch.ones(count, 1, dtype=torch.bool, device=device)
        parts.append(self.head.expand(count, 1, -1))
        masks.append(there)
        for role, entity in enumerate((head, relation, tail)):
            if entity is None:
                parts.append(self.roles[role].expand(count, 1, -1))
                masks.append(there)
            elif isinstance(entity, tuple):
                parts.append(entity[0] + self.roles[role])
                masks.append(entity[1])
            else:
                parts.append((entity + self.roles[role])[:, None])
                masks.append(there)
            if role == 0:
                place += parts[-1].shape[1]
        x, seen = torch.cat(parts, 1), torch.cat(masks, 1)
        for layer in self.layers[:-1]:
            x = layer(x, seen)
        x = self.norm(self.layers[-1](x, seen, [0, place]))
        return x[:, 0], x[:, 1]

    def scale(self) -> Tensor:
        """Inverse temperature of the losses between triplets."""
        return self.log_scale.clamp(max=4.6).exp()


def restored(weights: Mapping[str, NDArray[Any]], shape: Shape) -> Clip:
    """A network with copies of the weights given.

    Args:
        weights: arrays by name, as `Clip.state_dict` names them.
        shape: sizes of the networks.
    """
    clip = Clip(len(weights["embedding.weight"]), shape)
    clip.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in weights.items()})
    return clip


def pooled(tokens: Tensor, texts: Tensor) -> Tensor:
    """Mean (N, width) of text tokens over words other than 0."""
    seen = (texts > 0).unsqueeze(-1)
    return (tokens * seen).sum(1) / seen.sum(1).clamp(min=1)

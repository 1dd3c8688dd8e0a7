"""A small vision transformer, and what is put on it while it learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, scaled_dot_product_attention

from leapbench.envs.pretrain.positions import table
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.spread import Norm

EXPANSION = 4


class Channels(nn.Module):
    """Batch normalisation of tokens (N, L, width) over all tokens of the batch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = Norm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the same shape."""
        flat: Tensor = self.norm(tokens.reshape(-1, tokens.shape[-1]))
        return flat.view_as(tokens)


class Block(nn.Module):
    """Attention and a perceptron, each after a norm and added to what came in.

    Args:
        width: of tokens.
        heads: of attention.
        norm: "layer" or "batch"; the latter as in the released projector and decoder.
    """

    def __init__(self, width: int, heads: int, norm: str = "layer") -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width, 1e-6) if norm == "layer" else Channels(width)
        self.after = nn.LayerNorm(width, 1e-6) if norm == "layer" else Channels(width)
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = (
            nn.Linear(width, EXPANSION * width),
            nn.Linear(EXPANSION * width, width),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, L, width) of the same shape."""
        count, length, width = tokens.shape
        mixed = self.mix(self.before(tokens)).view(count, length, 3, self.heads, -1)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value).transpose(1, 2)
        tokens = tokens + self.out(seen.reshape(count, length, width))
        out: Tensor = tokens + self.down(gelu(self.up(self.after(tokens))))
        return out


class Encoder(nn.Module):
    """Patches to tokens; the first is the class token. There is no norm at the end.

    Args:
        shape: sizes.
    """

    positions: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Linear(shape.channels * shape.patch**2, shape.width)
        self.first = nn.Parameter(torch.empty(1, 1, shape.width))
        self.register_buffer("positions", table(shape.width, shape.grid), persistent=False)
        self.blocks = nn.ModuleList(Block(shape.width, shape.heads) for _ in range(shape.depth))
        for each in self.embed.parameters():
            each.requires_grad = not shape.frozen

    def forward(self, pixels: Tensor, kept: Tensor | None = None) -> Tensor:
        """Tokens (N, 1 + K, width) of views (N, channels, size, size).

        Args:
            pixels: the views.
            kept: int64 (N, K), the patches that are seen; all where it is not given.
        """
        tokens: Tensor = self.embed(patches(pixels, self.shape.patch)) + self.positions
        if kept is not None:
            tokens = picked(tokens, kept)
        tokens = torch.cat([self.first.expand(len(tokens), -1, -1), tokens], 1)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens


class Projector(nn.Module):
    """A linear layer and blocks between the encoder and what is predicted."""

    def __init__(self, shape: Shape, norm: str) -> None:
        super().__init__()
        self.linear = nn.Linear(shape.width, shape.width)
        width, heads, count = shape.width, shape.heads, shape.projector
        self.blocks = nn.ModuleList(Block(width, heads, norm) for _ in range(count))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the same shape."""
        tokens = self.linear(tokens)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens


class Decoder(nn.Module):
    """Predicts what is at places from what is seen at others.

    Args:
        shape: sizes.
        norm: of its blocks.
        out: numbers predicted for a place.
    """

    def __init__(self, shape: Shape, norm: str, out: int) -> None:
        super().__init__()
        self.asked = nn.Parameter(torch.empty(1, 1, shape.width))
        width, heads, count = shape.width, shape.heads, shape.decoder
        self.blocks = nn.ModuleList(Block(width, heads, norm) for _ in range(count))
        self.last = nn.Linear(width, out)

    def forward(self, seen: Tensor, own: Tensor, wanted: Tensor) -> Tensor:
        """What is predicted (N, Q, out).

        Args:
            seen: tokens (N, 1 + K, width), the class token first.
            own: embedded positions (N or 1, K, width) of the others.
            wanted: embedded positions (N, Q, width) of the places.
        """
        rest = torch.cat([seen[:, :1], seen[:, 1:] + own, self.asked + wanted], 1)
        for block in self.blocks:
            rest = block(rest)
        made: Tensor = self.last(rest[:, seen.shape[1] :])
        return made


def patches(pixels: Tensor, side: int) -> Tensor:
    """Pixels of each patch (N, patches, channels * side * side), rows of patches first."""
    count, channels, high, wide = pixels.shape
    cut = pixels.view(count, channels, high // side, side, wide // side, side)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, channels * side * side)


def picked(tokens: Tensor, rows: Tensor) -> Tensor:
    """The tokens (N, K, width) at places (N, K) of tokens (N, L, width)."""
    return tokens.gather(1, rows[..., None].expand(-1, -1, tokens.shape[-1]))


def features(tokens: Tensor) -> Tensor:
    """Patch tokens (N, patches, width) as they are asked for, after a plain layer norm."""
    return layer_norm(tokens[:, 1:], tokens.shape[-1:])


def begin(module: nn.Module, generator: torch.Generator) -> None:
    """First weights: Xavier's for linear layers, normal of .02 for single tokens."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight, generator=generator)
            nn.init.zeros_(part.bias)
        for name in ("first", "asked"):
            if isinstance(token := getattr(part, name, None), nn.Parameter):
                nn.init.normal_(token, std=0.02, generator=generator)

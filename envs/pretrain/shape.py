"""Sizes of pictures and networks."""

from __future__ import annotations

from dataclasses import dataclass

from leapbench.errors import UserError


@dataclass(frozen=True)
class Shape:
    """Sizes of views and networks.

    Args:
        size: side of a view in pixels, a multiple of `patch`.
        patch: side of a patch in pixels.
        channels: colours.
        width: numbers of a token, a multiple of 4 and of `heads`.
        depth: blocks of the encoder.
        heads: of attention.
        projector: blocks between the encoder and what is predicted.
        decoder: blocks of the predictor.
        frozen: whether patches are embedded by fixed random weights, as in the released code.

    Raises:
        UserError: when they do not fit.
    """

    size: int = 24
    patch: int = 4
    channels: int = 3
    width: int = 48
    depth: int = 3
    heads: int = 4
    projector: int = 1
    decoder: int = 2
    frozen: bool = False

    def __post_init__(self) -> None:
        whole = (self.size, self.patch, self.channels, self.width, self.depth, self.heads)
        if min(whole) < 1 or min(self.projector, self.decoder) < 0:
            raise UserError(f"Sizes must be positive, got {self}.")
        if self.size % self.patch or self.width % self.heads or self.width % 4:
            raise UserError(
                f"{self} does not fit.",
                "size is a multiple of patch, width of heads and of 4.",
            )

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.size // self.patch

    @property
    def patches(self) -> int:
        """Patches of a view."""
        return self.grid**2

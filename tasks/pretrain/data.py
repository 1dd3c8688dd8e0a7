"""What a method learns from: views of pictures, counted by the patches that it encodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from leapbench.contract.meter import Meter
from leapbench.envs.pretrain import views
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Look, Pixels, View
from leapbench.errors import UserError

LEAST = 4
"""A view costs a quarter of its patches at least, however many are hidden."""
MOST = 4
"""Views of a picture in one draw, at most."""


class MeteredViews:
    """Views of pictures without labels; each is paid for when it is drawn.

    Args:
        images: uint8 (N, H, W, C).
        shape: sizes of views and of the networks that methods share.
        meter: counter of patches.
    """

    def __init__(self, images: Pixels, shape: Shape, meter: Meter) -> None:
        self.shape, self.meter, self.count = shape, meter, len(images)
        self._images = images

    def price(self, count: int, encoded: Sequence[int]) -> int:
        """Patches that views of `count` pictures cost, of which so many are encoded each."""
        least = self.shape.patches // LEAST
        return count * sum(max(least, number) for number in encoded)

    def draw(
        self, count: int, looks: Sequence[Look], encoded: Sequence[int], rng: np.random.Generator
    ) -> list[View]:
        """Views of pictures that are drawn by chance, the same pictures in each view.

        Args:
            count: pictures.
            looks: how each view is made, one to four of them.
            encoded: patches of each view that will be encoded; the rest may be predicted.
            rng: draws pictures, crops and colours.

        Raises:
            BudgetExceeded: when the budget cannot pay for all of it.
            UserError: for what is no number of pictures, look or number of patches. Nothing
                is counted then.
        """
        if type(rng) is not np.random.Generator:
            raise UserError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}.")
        looks, encoded = tuple(looks), tuple(encoded)
        whole = all(_whole(n, 0, self.shape.patches) for n in encoded)
        if not _whole(count, 1, self.count) or not whole or len(encoded) != len(looks):
            raise UserError(
                f"There are no views of {count!r} pictures with {encoded!r} patches encoded.",
                f"Pictures are 1 to {self.count:,}, patches 0 to {self.shape.patches} a view.",
            )
        if not 1 <= len(looks) <= MOST or any(type(look) is not Look for look in looks):
            raise UserError(f"A draw takes one to {MOST} looks, got {looks!r}.")
        self.meter.spend(self.price(int(count), [int(n) for n in encoded]))
        chosen = self._images[rng.integers(self.count, size=int(count))]
        return [views.make(chosen, look, self.shape.size, rng) for look in looks]


def _whole(number: Any, low: int, high: int) -> bool:
    exact = type(number) is int or isinstance(number, np.integer)
    return exact and low <= number <= high

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
from leapbench.tasks.pretrain.folder import FolderPictures

LEAST = 4
"""A view costs a quarter of its patches at least, however many are hidden."""
MOST = 4
"""Views of a picture in one draw, at most."""
WHOLE = tuple(np.dtype(code).type for code in "bhilqBHILQ")
"""NumPy's whole numbers."""


class MeteredViews:
    """Views of pictures without labels; each is paid for when it is drawn.

    Args:
        images: uint8 (N, H, W, C), or what decodes them when it is indexed.
        shape: sizes of views and of the networks that methods share.
        meter: counter of patches.
    """

    def __init__(self, images: Pixels | FolderPictures, shape: Shape, meter: Meter) -> None:
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
        if not isinstance(looks, list | tuple) or not isinstance(encoded, list | tuple):
            raise UserError(f"looks and encoded are lists, got {looks!r} and {encoded!r}.")
        looks, seen = tuple(looks), [_plain(n, 0, self.shape.patches) for n in encoded]
        pictures = _plain(count, 1, self.count)
        if pictures is None or None in seen or len(seen) != len(looks):
            raise UserError(
                f"There are no views of {count!r} pictures with {encoded!r} patches encoded.",
                f"Pictures are 1 to {self.count:,}, patches 0 to {self.shape.patches} a view.",
            )
        if not 1 <= len(looks) <= MOST or any(type(look) is not Look for look in looks):
            raise UserError(f"A draw takes one to {MOST} looks, got {looks!r}.")
        self.meter.spend(self.price(pictures, [n for n in seen if n is not None]))
        chosen = self._images[rng.integers(self.count, size=pictures)]
        return [views.make(chosen, look, self.shape.size, rng) for look in looks]


def _plain(number: Any, low: int, high: int) -> int | None:
    """A whole number in a range, or None; a type of one's own could say two different ones."""
    if type(number) is not int and type(number) not in WHOLE:
        return None
    return int(number) if low <= number <= high else None

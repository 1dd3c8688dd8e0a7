"""What a learner is asked to predict: the points between which methods differ."""

from __future__ import annotations

from dataclasses import dataclass

from leapbench.errors import UserError

KINDS = ("unigrad", "cosine", "contrast")
NORMS = ("batch", "layer")


@dataclass(frozen=True)
class Objective:
    """Weights of predictions, and how views are masked.

    Args:
        pixels: weight of a view's own hidden pixels (MAE).
        crossed: weight of the other view's pixels.
        dense: weight of the other view's features, place by place (SIM).
        whole: weight of the other view's mean feature (instance discrimination).
        kind: of the loss of mean features: "unigrad", "cosine" (BYOL), "contrast" (MoCo v3).
        mask: share of the first view's patches that is hidden, in [0, 0.9].
        blocks: whether rectangles are hidden, and not single patches.
        relative: whether the predictor is told where the other view lies.
        same: whether the other view is the first one, unmasked.
        norm: of projector and predictor, "batch" or "layer".
        balance: weight of the second term of `losses.unigrad`.
        momentum: of the target's weights at the start, rising to 1.

    Raises:
        UserError: for a number out of its range, or nothing to predict.
    """

    pixels: float = 0.0
    crossed: float = 0.0
    dense: float = 1.0
    whole: float = 0.0
    kind: str = "unigrad"
    mask: float = 0.6
    blocks: bool = True
    relative: bool = True
    same: bool = False
    norm: str = "batch"
    balance: float = 0.02
    momentum: float = 0.99

    def __post_init__(self) -> None:
        weights = (self.pixels, self.crossed, self.dense, self.whole)
        if min(weights) < 0 or not sum(weights) or self.balance < 0:
            raise UserError(f"Weights must be 0 or more, and one above 0, got {self}.")
        if not 0 <= self.mask <= 0.9 or not 0 <= self.momentum <= 1:
            raise UserError(f"mask is in [0, 0.9] and momentum in [0, 1], got {self}.")
        if self.pixels and not self.mask:
            raise UserError("Without hidden patches there are no pixels to predict.")
        if self.kind not in KINDS or self.norm not in NORMS:
            raise UserError(f"kind is one of {KINDS} and norm of {NORMS}, got {self}.")

    @property
    def paired(self) -> bool:
        """Whether another view is looked at."""
        return bool(self.crossed or self.dense or self.whole)

    def hidden(self, patches: int) -> int:
        """Patches of the first view that are hidden."""
        return min(patches - 1, round(self.mask * patches))

    def encoded(self, patches: int) -> tuple[int, ...]:
        """Patches of each view that are encoded for one picture."""
        seen = patches - self.hidden(patches)
        if not self.paired:
            return (seen,)
        return (seen, patches if self.dense or self.whole else 0)

"""Which losses are added to those of the reinforcement learner, and how heavy they are."""

from __future__ import annotations

from dataclasses import dataclass

from leapbench.errors import UserError


@dataclass
class Auxiliary:
    """Losses on what a model imagines K steps ahead.

    Equations are of Yue et al., Value-Consistent Representation Learning for
    Data-Efficient Reinforcement Learning, AAAI 2023 (arXiv 2206.12542).

    Args:
        ahead: K, imagined steps; 0 for no model and no loss.
        cosine: weight of SPR's loss, the sum over k of 1 - cos; VCR's paper does not give it.
        value: weight of the value consistency, Eq 4, summed over k; the paper does not give it.
        latent: weight of the mean squared error between latents, summed over k.
        predictor: whether SPR's loss has a layer of its own on the imagined side; VCR's has not.
        substitute: whether Eq 6 holds the action taken to its return, and not to the value of
            the real state.
        all_actions: whether Eq 6 is about all actions or the one taken.

    Raises:
        UserError: for a negative number.
    """

    ahead: int = 0
    cosine: float = 0.0
    value: float = 0.0
    latent: float = 0.0
    predictor: bool = True
    substitute: bool = True
    all_actions: bool = True

    def __post_init__(self) -> None:
        for name in ("ahead", "cosine", "value", "latent"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} must be 0 or more, got {getattr(self, name)}.")

    @property
    def any(self) -> bool:
        """Whether there is a loss on imagined steps."""
        return self.ahead > 0 and max(self.cosine, self.value, self.latent) > 0

    @property
    def returns(self) -> bool:
        """Whether n-step returns of the imagined steps are needed."""
        return self.value > 0 and self.substitute

"""Constants of the data-efficient Rainbow."""

from __future__ import annotations

from dataclasses import dataclass

from leapbench.agents.common.bounds import bounded


@dataclass
class Backbone:
    """Constants of the learner; defaults are those of the paper.

    Args:
        encoder: "nature" or "data-efficient", see `Encoder`.
        filters: of the encoder's first layer.
        hidden: units of each branch of the head.
        batch: sequences of an update.
        updates: for each step.
        rate: Adam's learning rate.
        warmup: steps with random actions before the first update.
        steps: n of the n-step returns.
        discount: a step's.
        atoms: of a distribution of returns.
        limit: the largest return that it can tell.
        sigma: initial noise of the noisy layers.
        alpha: how much priorities prefer, 0 not at all.
        beta: how much of that is undone at the beginning; all of it at the end.
        clip: the largest norm of a gradient.
        pad: pixels of the widest random shift; 0 for none.
        intensity: of the random intensity; 0 for none.

    Raises:
        UserError: for a number that has no meaning.
    """

    encoder: str = "nature"
    filters: int = 32
    hidden: int = 256
    batch: int = 32
    updates: int = 2
    rate: float = 1e-4
    warmup: int = 2000
    steps: int = 10
    discount: float = 0.99
    atoms: int = 51
    limit: float = 10.0
    sigma: float = 0.5
    alpha: float = 0.5
    beta: float = 0.4
    clip: float = 10.0
    pad: int = 4
    intensity: float = 0.05

    def __post_init__(self) -> None:
        least = {"filters": 1, "hidden": 1, "batch": 2, "updates": 0, "steps": 1, "atoms": 2}
        least |= {"warmup": 0, "pad": 0, "intensity": 0, "sigma": 0}
        bounded(self, least, ("rate", "limit", "clip"), ("discount", "alpha", "beta"))

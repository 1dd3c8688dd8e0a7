"""Constants of soft actor-critic."""

from __future__ import annotations

from dataclasses import dataclass

from leapbench.agents.common.bounds import bounded


@dataclass
class Backbone:
    """Constants of the learner; defaults are those of the paper.

    Args:
        hidden: units of actor and critics.
        filters: of the pixel encoder's convolutions.
        model: units of the model.
        batch: transitions of an update.
        sequences: sequences of an update of the auxiliary losses.
        rate: Adam's learning rate of actor, critic and auxiliary losses.
        temperature: initial weight of the entropy.
        temperature_rate: its learning rate.
        every: updates of the critic for one of actor, temperature and targets.
        follow: share by which target critics follow.
        follow_encoder: share by which target encoder and projection follow.
        discount: a step's.
        warmup: steps with random actions before the first update.
        views: random shifts that target and loss are averaged over; 2 is DrQ.
        pad: pixels of the widest random shift; 0 for none.
        intensity: of the random intensity in the auxiliary losses; 0 for none.
        others: random actions besides the one taken that Eq 6 compares.

    Raises:
        UserError: for a number that has no meaning.
    """

    hidden: int = 1024
    filters: int = 64
    model: int = 512
    batch: int = 512
    sequences: int = 128
    rate: float = 1e-3
    temperature: float = 0.1
    temperature_rate: float = 1e-4
    every: int = 2
    follow: float = 0.01
    follow_encoder: float = 0.05
    discount: float = 0.99
    warmup: int = 1000
    views: int = 1
    pad: int = 4
    intensity: float = 0.05
    others: int = 4

    def __post_init__(self) -> None:
        ones = ("hidden", "filters", "model", "batch", "sequences", "every", "views")
        zeros = ("warmup", "pad", "intensity", "others")
        bounded(
            self,
            dict.fromkeys(ones, 1) | dict.fromkeys(zeros, 0),
            ("rate", "temperature", "temperature_rate"),
            ("follow", "follow_encoder", "discount"),
        )

"""Soft actor-critic as an agent: its settings, its spaces and how it acts."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.life import Life, Sizes
from leapbench.agents.common.practice import Point
from leapbench.agents.dmc.common import probe
from leapbench.agents.dmc.common.backbone import Backbone
from leapbench.agents.dmc.common.learner import Learner
from leapbench.agents.dmc.common.student import CHANNELS, SacStudent
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError


class Sac(Life[Learner]):
    """Soft actor-critic with auxiliary losses; by default with none.

    Eq 6 holds the action taken to the critic's own target, one step's reward and the soft
    value of what follows. The paper writes that target without the entropy, and does not say
    how many random actions it compares besides.

    Args:
        ahead: K, imagined steps; 3 as published.
        cosine: weight of SPR's loss; VCR's paper does not give it.
        value: weight of the value consistency, which VCR's paper does not give.
        latent: weight of the mean squared error between latents.
        predictor: whether SPR's loss has a network of its own on the imagined side; VCR's has
            not.
        substitute: whether Eq 6 holds the action taken to the critic's target.
        all_actions: whether Eq 6 compares random actions besides.
        contrast: weight of CURL's loss.
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
        UserError: for a setting that has no meaning.
    """

    def __init__(
        self,
        ahead: int = 0,
        cosine: float = 0.0,
        value: float = 0.0,
        latent: float = 0.0,
        predictor: bool = True,
        substitute: bool = True,
        all_actions: bool = True,
        contrast: float = 0.0,
        hidden: int = 1024,
        filters: int = 64,
        model: int = 512,
        batch: int = 512,
        sequences: int = 128,
        rate: float = 1e-3,
        temperature: float = 0.1,
        temperature_rate: float = 1e-4,
        every: int = 2,
        follow: float = 0.01,
        follow_encoder: float = 0.05,
        discount: float = 0.99,
        warmup: int = 1000,
        views: int = 1,
        pad: int = 4,
        intensity: float = 0.05,
        others: int = 4,
    ) -> None:
        super().__init__()
        if not contrast >= 0:
            raise UserError(f"contrast must be 0 or more, got {contrast}.")
        self.contrast = contrast
        self.auxiliary = Auxiliary(ahead, cosine, value, latent, predictor, substitute, all_actions)
        self.backbone = Backbone(
            hidden=hidden,
            filters=filters,
            model=model,
            batch=batch,
            sequences=sequences,
            rate=rate,
            temperature=temperature,
            temperature_rate=temperature_rate,
            every=every,
            follow=follow,
            follow_encoder=follow_encoder,
            discount=discount,
            warmup=warmup,
            views=views,
            pad=pad,
            intensity=intensity,
            others=others,
        )

    def measure(self, observation: Any, action: Any) -> Sizes:
        """Shape of an observation and numbers of an action; see `Life.measure`."""
        boxes = all(isinstance(space, gym.spaces.Box) for space in (observation, action))
        shape = tuple(observation.shape) if boxes else ()
        pixels = len(shape) == 3 and observation.dtype == np.uint8 and shape[0] % CHANNELS == 0
        fits = boxes and (pixels or len(shape) == 1) and len(action.shape) == 1
        if not fits or not (np.all(action.low == -1) and np.all(action.high == 1)):
            raise UserError(
                f"{type(self).__name__} needs numbers in a row or pixels uint8 (3 * stack, height, "
                f"width), and actions in [-1, 1], got {observation} and {action}.",
                "Use it on a dmc task.",
            )
        return {"observation": list(shape), "actions": int(action.shape[0])}

    def make(self, sizes: Sizes, seed: int, device: torch.device) -> Learner:
        """See `Life.make`."""
        shape, actions = tuple(sizes["observation"]), int(sizes["actions"])
        own = (self.backbone, self.auxiliary, self.contrast)
        return Learner(shape, actions, *own, seed, device)

    def student(self, learner: Learner, sizes: Sizes, limit: int, seed: int) -> SacStudent:
        """See `Life.student`."""
        return SacStudent(learner, tuple(sizes["observation"]), limit, seed)

    def probe(self, phase: LearningPhase, learner: Learner) -> list[Point]:
        """See `Life.probe`."""
        return probe.learn_model(phase, learner)

    def sizes_of(self, data: Any) -> Sizes:
        """See `Life.sizes_of`; an encoder that is not used is made for one number."""
        return {"observation": [1], "actions": int(data.actions.shape[1])}

    def imagine(self, latents: NDArray[np.float32], actions: NDArray[np.float32]) -> Any:
        """Latents that the model imagines; see `probe.imagine`."""
        return probe.imagine(self._require(), latents, actions)

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """Actions float32 (B, actions): the mean, or a sample unless `deterministic`.

        Raises:
            UserError: before `learn` or `load`.
        """
        return self._require().act(observation, noisy=not deterministic), state

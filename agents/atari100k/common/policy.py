"""A data-efficient Rainbow as an agent: its settings, its spaces and how it acts."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.agents.atari100k.common import probe
from leapbench.agents.atari100k.common.backbone import Backbone
from leapbench.agents.atari100k.common.learner import Learner
from leapbench.agents.atari100k.common.student import RainbowStudent
from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.life import Life, Sizes
from leapbench.agents.common.practice import Point
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

SIDE = 84


class Rainbow(Life[Learner]):
    """Data-efficient Rainbow with losses on imagined steps; by default with none.

    Args:
        ahead: K, imagined steps; 5 as published.
        cosine: weight of SPR's loss, 2 in SPR: the released code's 5 times the mean over its
            5 steps of the squared distance. VCR's paper does not give it.
        value: weight of the value consistency, which VCR's paper does not give.
        latent: weight of the mean squared error between latents.
        predictor: whether SPR's loss has a layer of its own on the imagined side; VCR's has not.
        substitute: whether Eq 6 holds the action taken to its n-step return.
        all_actions: whether Eq 6 is about all actions or the one taken.
        epsilon: share of random actions when evaluated without `deterministic`.
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
        epsilon: float = 0.001,
        encoder: str = "nature",
        filters: int = 32,
        hidden: int = 256,
        batch: int = 32,
        updates: int = 2,
        rate: float = 1e-4,
        warmup: int = 2000,
        steps: int = 10,
        discount: float = 0.99,
        atoms: int = 51,
        limit: float = 10.0,
        sigma: float = 0.5,
        alpha: float = 0.5,
        beta: float = 0.4,
        clip: float = 10.0,
        pad: int = 4,
        intensity: float = 0.05,
    ) -> None:
        super().__init__()
        if not 0 <= epsilon <= 1:
            raise UserError(f"epsilon must be in [0, 1], got {epsilon}.")
        self.epsilon = epsilon
        self.auxiliary = Auxiliary(ahead, cosine, value, latent, predictor, substitute, all_actions)
        self.backbone = Backbone(
            encoder=encoder,
            filters=filters,
            hidden=hidden,
            batch=batch,
            updates=updates,
            rate=rate,
            warmup=warmup,
            steps=steps,
            discount=discount,
            atoms=atoms,
            limit=limit,
            sigma=sigma,
            alpha=alpha,
            beta=beta,
            clip=clip,
            pad=pad,
            intensity=intensity,
        )

    def measure(self, observation: Any, action: Any) -> Sizes:
        """Frames of a stack and number of actions; see `Life.measure`."""
        boxes = isinstance(observation, gym.spaces.Box) and observation.dtype == np.uint8
        fits = boxes and len(observation.shape) == 3 and observation.shape[1:] == (SIDE, SIDE)
        if not fits or not isinstance(action, gym.spaces.Discrete):
            raise UserError(
                f"{type(self).__name__} needs observations uint8 (stack, {SIDE}, {SIDE}) and a "
                f"choice of actions, got {observation} and {action}.",
                "Use it on an atari100k task.",
            )
        return {"stack": int(observation.shape[0]), "actions": int(action.n)}

    def make(self, sizes: Sizes, seed: int, device: torch.device) -> Learner:
        """See `Life.make`."""
        stack, actions = int(sizes["stack"]), int(sizes["actions"])
        return Learner(stack, actions, self.backbone, self.auxiliary, seed, device)

    def student(self, learner: Learner, sizes: Sizes, limit: int, seed: int) -> RainbowStudent:
        """See `Life.student`."""
        return RainbowStudent(learner, (int(sizes["stack"]), SIDE, SIDE), limit, seed)

    def probe(self, phase: LearningPhase, learner: Learner) -> list[Point]:
        """See `Life.probe`."""
        return probe.learn_model(phase, learner)

    def sizes_of(self, data: Any) -> Sizes:
        """See `Life.sizes_of`; observations are taken for stacks of 4 frames."""
        atoms = len(data.weights["head.value.bias"])
        return {"stack": 4, "actions": len(data.weights["head.advantage.bias"]) // atoms}

    def imagine(self, latents: NDArray[np.float32], actions: NDArray[np.int64]) -> Any:
        """Latents that the model imagines; see `probe.imagine`."""
        return probe.imagine(self._require(), latents, actions)

    def predict(
        self,
        observation: NDArray[np.uint8],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], Any]:
        """Best actions int64 (B,) by the mean weights; a few random ones unless `deterministic`.

        Raises:
            UserError: before `learn` or `load`.
        """
        learner = self._require()
        actions = learner.values(observation, noisy=False).argmax(1).cpu().numpy()
        if not deterministic:
            chance = self._rng.random(len(actions)) < self.epsilon
            drawn = self._rng.integers(learner.head.actions, size=len(actions))
            actions = np.where(chance, drawn, actions)
        return actions.astype(np.int64), state

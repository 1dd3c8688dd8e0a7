"""The skill that fits a task, by least squares (APS, Liu & Abbeel, 2021, section 3.4)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from leapbench.agents.urlb.aps.features import Features
from leapbench.agents.urlb.common.behaviour import Behaviour
from leapbench.agents.urlb.common.ddpg import DDPG
from leapbench.agents.urlb.common.replay import TransitionReplay
from leapbench.agents.urlb.common.skills import Skills

SAMPLES = 4096
"""Transitions of a regression, as published."""


class Regressor(Behaviour):
    """Continues after the warm-up with the direction w for which w . phi / |phi| fits the reward.

    Rewards are n-step returns, features those of the state n steps on. URLB's code hands
    rewards and features to the solver in the other order.

    Args:
        ddpg: see `Behaviour`, as for the next four.
        skills: directions.
        horizon: steps of an episode.
        seed: of skills, noise and samples.
        warm: how the warm-up acts.
        features: learned without reward.
    """

    def __init__(
        self,
        ddpg: DDPG,
        skills: Skills,
        horizon: int,
        seed: int,
        warm: str,
        features: Features,
    ) -> None:
        super().__init__(ddpg, skills, horizon, seed, warm, "constant")
        self.features = features

    def end_warmup(self, replay: TransitionReplay) -> None:
        """Regress on what was stored; without an episode the constant skill is kept."""
        if replay:
            self.chosen = self.direction(replay)
        super().end_warmup(replay)

    @torch.no_grad()
    def direction(self, replay: TransitionReplay) -> NDArray[np.float32]:
        """The solution, scaled to length 1, float32 (skill,); constant where it is 0."""
        batch = replay.sample(SAMPLES, self.rng)
        net = self.features.net.to(batch.next.device)
        units = functional.normalize(net(batch.next), dim=1).double().cpu().numpy()
        # Features may be few and alike: the solution of least length is asked for.
        solved, *_ = np.linalg.lstsq(units, batch.reward.double().cpu().numpy(), 1e-6)
        length = np.linalg.norm(solved)
        return np.asarray(solved / length, np.float32) if length else self.skills.constant()

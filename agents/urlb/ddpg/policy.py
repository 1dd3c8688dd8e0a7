"""DDPG that makes no use of the reward-free phase."""

from __future__ import annotations

from leapbench.agents.urlb.common.tuner import Tuner


class Scratch(Tuner):
    """DDPG that skips the reward-free phase and warms up with uniformly random actions."""

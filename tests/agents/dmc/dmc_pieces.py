"""Tiny worlds of the shapes of dmc, and a phase in one."""

from importlib import import_module

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.task import Budget


class Push(gym.Env):
    """Push a point to the middle; an episode is cut after 12 steps."""

    def __init__(self):
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)
        self.action_space = gym.spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at, self.time = self.np_random.uniform(-1, 1, 2), 0
        return self.seen(), {}

    def step(self, action):
        self.at, self.time = np.clip(self.at + 0.3 * action, -1, 1), self.time + 1
        return self.seen(), 1 - float(np.abs(self.at).mean()), False, self.time == 12, {}

    def seen(self):
        return np.array([*self.at, self.time / 12], np.float32)


class Pixels(Push):
    """The same, seen as three frames of 32 x 32 pixels."""

    def __init__(self):
        super().__init__()
        self.observation_space = gym.spaces.Box(0, 255, (9, 32, 32), np.uint8)
        self.stack = None

    def reset(self, *, seed=None, options=None):
        self.stack = None
        return super().reset(seed=seed)

    def seen(self):
        frame = np.zeros((3, 32, 32), np.uint8)
        x, y = ((self.at + 1) * 14).astype(int)
        frame[:, y : y + 4, x : x + 4] = 255
        self.stack = [frame] * 3 if self.stack is None else [*self.stack[1:], frame]
        return np.concatenate(self.stack)


def phase(limit, make=Push, seed=0, checkpoints=None, **settings):
    """A metered phase."""
    meter = Meter(Budget(unit="steps", limit=limit))

    def make_env(count):
        mode = AutoresetMode.SAME_STEP
        return MeteredVectorEnv(SyncVectorEnv([make] * count, autoreset_mode=mode), meter)

    return LearningPhase("learn", meter, seed, settings, make_env=make_env, checkpoints=checkpoints)


def made(name, **settings):
    """The agent called `name`, small."""
    part = registry.agent(name, "dmc")
    module, _, kind = part.entry.partition(":")
    return getattr(import_module(module), kind)(**part.config | part.small | settings)

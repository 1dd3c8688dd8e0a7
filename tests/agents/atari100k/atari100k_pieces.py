"""A short stream of steps, weights that both codes can make, and a tiny game."""

from __future__ import annotations

from importlib import import_module

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from leapbench.agents.atari100k.common.backbone import Backbone
from leapbench.agents.atari100k.common.learner import Learner
from leapbench.agents.common.augment import Augmenter
from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.replay import Replay
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.task import Budget

CPU = torch.device("cpu")
STEPS, ACTIONS, ENDS = 60, 6, (9, 23, 38)
NONE = Auxiliary()
SPR = Auxiliary(5, cosine=2.0)
VCR = Auxiliary(5, cosine=2.0, value=1.0, predictor=False)


def wave(parameter: torch.Tensor, phase: float) -> None:
    """Fill by a formula, in the order of (out, in, row, column)."""
    fan = int(np.prod(parameter.shape[1:])) if parameter.dim() > 1 else 64
    values = np.sin(np.arange(parameter.numel()) * 0.7 + phase) * fan**-0.5
    filled = torch.from_numpy(values.astype(np.float32)).view(parameter.shape)
    with torch.no_grad():
        parameter.copy_(filled)


def stream() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames (60, 84, 84), actions and rewards of the golden numbers."""
    rng = np.random.default_rng(7)
    frames = rng.integers(0, 256, (STEPS, 84, 84), dtype=np.uint8)
    actions = rng.integers(0, ACTIONS, STEPS)
    return frames, actions, rng.integers(-1, 2, STEPS).astype(np.float32)


def stored() -> Replay:
    """The stream in a replay, with episodes that end after the steps `ENDS`."""
    replay = Replay((84, 84), 4, (), STEPS, pixels=True, discrete=True)
    stack = np.zeros((4, 84, 84), np.uint8)
    for i, (frame, action, reward) in enumerate(zip(*stream(), strict=True)):
        stack = np.concatenate([stack[1:], frame[None]])
        replay.add(stack, int(action), float(reward))
        if i in ENDS:
            replay.finish(stack, True)
            stack = np.zeros_like(stack)
    return replay


def plain(replay: Replay) -> Augmenter:
    """Inputs as they were seen."""
    return Augmenter(replay, np.random.default_rng(0), CPU, pad=0, intensity=0)


def waving(auxiliary: Auxiliary) -> Learner:
    """A learner of full size with the golden weights and without noise."""
    learner = Learner(4, ACTIONS, Backbone(sigma=0.0), auxiliary, 0, CPU)
    for i in range(3):
        layer = learner.encoder.layers[2 * i]
        wave(layer.weight, i), wave(layer.bias, i + 0.5)
    head = learner.head
    for phase, half in ((10, slice(256, 512)), (12, slice(256))):
        weight = torch.empty(256, 64, 7, 7)
        wave(weight, phase), wave(head.first.bias[half], phase + 0.5)
        with torch.no_grad():
            head.first.weight[half] = weight.permute(0, 2, 3, 1).flatten(1)
    for phase, layer in ((11, head.advantage), (13, head.value)):
        wave(layer.weight, phase), wave(layer.bias, phase + 0.5)
    if learner.model is not None:
        whole = torch.empty(64, 64 + ACTIONS, 3, 3)
        wave(whole, 20)
        with torch.no_grad():
            learner.model.first.weight.copy_(whole[:, :64])
            learner.model.action.copy_(whole[:, 64:])
        wave(learner.model.first.bias, 20.5)
        wave(learner.model.second.weight, 21), wave(learner.model.second.bias, 21.5)
    if learner.predictor is not None:
        wave(learner.predictor.weight, 30), wave(learner.predictor.bias, 30.5)
    return learner


class Catch(gym.Env):
    """A tiny game of the shape of Atari: a square falls, action 1 or 2 moves towards it."""

    def __init__(self):
        self.observation_space = gym.spaces.Box(0, 255, (4, 84, 84), np.uint8)
        self.action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.stack = np.zeros((4, 84, 84), np.uint8)
        self.x, self.y, self.at = int(self.np_random.integers(12)), 0, 6
        return self._seen(), {}

    def step(self, action):
        self.at = int(np.clip(self.at + (0, -1, 1)[int(action)], 0, 11))
        self.y += 1
        over = self.y == 11
        reward = float(self.at == self.x) if over else 0.0
        return self._seen(), reward, over, False, {}

    def _seen(self):
        frame = np.zeros((84, 84), np.uint8)
        frame[7 * self.y : 7 * self.y + 7, 7 * self.x : 7 * self.x + 7] = 255
        frame[77:, 7 * self.at : 7 * self.at + 7] = 128
        self.stack = np.concatenate([self.stack[1:], frame[None]])
        return self.stack.copy()


def phase(limit, make=Catch, seed=0, **settings):
    """A metered phase; give `checkpoints` to save in it."""
    checkpoints = settings.pop("checkpoints", None)
    meter = Meter(Budget(unit="steps", limit=limit))

    def make_env(count):
        mode = AutoresetMode.SAME_STEP
        return MeteredVectorEnv(SyncVectorEnv([make] * count, autoreset_mode=mode), meter)

    return LearningPhase("learn", meter, seed, settings, make_env=make_env, checkpoints=checkpoints)


def made(name, **settings):
    """The agent called `name`, small."""
    part = registry.agent(name, "atari100k")
    module, _, kind = part.entry.partition(":")
    return getattr(import_module(module), kind)(**part.config | part.small | settings)

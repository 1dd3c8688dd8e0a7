"""Worlds and agent parts that each break one rule."""

from __future__ import annotations

import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench.contract.agent import LearningPhase
from toys.agents.coins.guess.learn import Guess
from toys.agents.coins.mean.learn import Mean
from toys.worlds import Coins

_CALLS = itertools.count()


class SharedMemory(Coins):
    buffer = np.zeros(2, np.float32)

    def observe(self) -> np.ndarray:
        self.buffer[:] = super().observe()
        return self.buffer


class Unseeded(Coins):
    def reset(self, **kwargs: Any) -> Any:
        super().reset(**kwargs)
        self.bias = float(np.random.default_rng().random())
        return self.observe(), {}


class ProcessDependent(Coins):
    def reset(self, **kwargs: Any) -> Any:
        super().reset(**kwargs)
        self.bias = hash("coin") % 1000 / 1000
        return self.observe(), {}


class DeafToSeeds(Coins):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return super().reset(seed=None if seed is None else 0)


class WrongDtype(Coins):
    def observe(self) -> np.ndarray:
        return super().observe().astype(np.float16)


class OutOfBounds(Coins):
    def observe(self) -> np.ndarray:
        return super().observe() + np.float32(0.5)


class NanReward(Coins):
    def step(self, action: Any) -> Any:
        observation, _, *rest = super().step(action)
        return observation, float("nan"), *rest


class BothEnds(Coins):
    def step(self, action: Any) -> Any:
        observation, reward, over, _, info = super().step(action)
        return observation, reward, over, over, info


class NumberEnds(Coins):
    def step(self, action: Any) -> Any:
        observation, reward, over, _, info = super().step(action)
        return observation, reward, int(over), 0, info


class Endless(Coins):
    def step(self, action: Any) -> Any:
        self.done = 0
        return super().step(action)


class Undead(Coins):
    def step(self, action: Any) -> Any:
        if self.over:
            return self.observe(), 1.0, False, False, {}
        return super().step(action)


class FloatPicture(Coins):
    def render(self) -> Any:
        picture = super().render()
        return None if picture is None else picture / 255


class BlankPicture(Coins):
    def render(self) -> Any:
        return np.zeros((8, 8, 3), np.uint8)


class DisturbingPicture(Coins):
    def render(self) -> Any:
        self.np_random.random()
        return super().render()


class NoPicture(Coins):
    metadata = {"render_modes": []}


class NoReset(Coins):
    """Refuses options, which Gymnasium's checker passes."""

    def reset(self, *, seed: int | None = None) -> Any:  # type: ignore[override]
        return super().reset(seed=seed)


class NumpyReward(Coins):
    """Rewards of a type that Stable-Baselines3 refuses."""

    def step(self, action: Any) -> Any:
        observation, reward, *rest = super().step(action)
        return observation, np.float32(reward), *rest


class Unpicklable(Coins):
    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(render_mode)
        self.fair = lambda: self.bias == 0.5


class FrozenWhenCopied(Coins):
    """Writes into a view of a buffer, which a copy does not make again."""

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(render_mode)
        self.buffer = np.zeros(2, np.float32)
        self.view = self.buffer[:]

    def observe(self) -> np.ndarray:
        self.view[:] = super().observe()
        return self.buffer.copy()


class Entangled(Coins):
    """Draws from one generator with all of its copies."""

    generators: dict[int, np.random.Generator] = {}

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.key = 0
        if seed is not None:
            self.generators[self.key] = np.random.default_rng(seed)
        return self.observe(), {}

    def step(self, action: Any) -> Any:
        self.bias = float(self.generators[self.key].random())
        return super().step(action)


class GenerousVector(gym.vector.SyncVectorEnv, gym.vector.VectorEnv[Any, Any, Any]):
    """A native vector environment whose rewards are not the single one's."""

    def __init__(
        self, num_envs: int = 1, autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP
    ) -> None:
        super().__init__([Coins] * num_envs, autoreset_mode=autoreset_mode)

    def step(self, actions: Any) -> Any:
        observation, reward, *rest = super().step(actions)
        return observation, reward + 0.5, *rest


class Pickler(Guess):
    def save(self, folder: Path) -> None:
        (folder / "guess.pkl").write_bytes(pickle.dumps(self.reward))

    def load(self, folder: Path) -> None:
        self.reward = 0.0


class DisguisedPickler(Guess):
    def save(self, folder: Path) -> None:
        (folder / "guess.json").write_bytes(pickle.dumps(self.reward))

    def load(self, folder: Path) -> None:
        self.reward = 0.0


class ObjectArrays(Guess):
    def save(self, folder: Path) -> None:
        np.savez(folder / "guess.npz", reward=np.array([{}], object))

    def load(self, folder: Path) -> None:
        self.reward = 0.0


class Forgetful(Guess):
    def learn(self, phase: LearningPhase) -> None:
        super().learn(phase)
        self.rate = 2.0  # never heads; save and load know nothing of it


class HalfLoaded(Guess):
    def load(self, folder: Path) -> None:
        self.reward = -1.0


class Spendthrift(Guess):
    def learn(self, phase: LearningPhase) -> None:
        env = phase.make_env(2)  # type: ignore[misc]
        env.reset(seed=phase.seed)
        while True:
            env.step(np.zeros(2, np.int64))


class Tamperer(Guess):
    def learn(self, phase: LearningPhase) -> None:
        super().learn(phase)
        phase.meter.used = 0


class Unrepeatable(Guess):
    def learn(self, phase: LearningPhase) -> None:
        self.rate = (0.05, 2.0)[next(_CALLS) % 2]

    def save(self, folder: Path) -> None:
        (folder / "guess.json").write_text(json.dumps(self.rate))

    def load(self, folder: Path) -> None:
        self.rate = json.loads((folder / "guess.json").read_text())


class FloatActions(Guess):
    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        actions, state = super().predict(observation, state, episode_start, deterministic)
        return actions.astype(np.float32), state


class BatchBlind(FloatActions):
    def predict(self, observation: np.ndarray, *args: Any, **kwargs: Any) -> tuple[np.ndarray, Any]:
        return Guess.predict(self, observation[:1])


class OutOfSpace(Guess):
    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        return np.full(len(observation), 2), state


class Scribbler(Guess):
    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        observation[:] = 0.0
        return np.zeros(len(observation), np.int64), state


class ComputedDefault(Guess):
    def __init__(
        self, rate: float = 1 / 2, rounds: int = 3, greedy: bool = True, mode: str = "last"
    ) -> None:
        super().__init__(rate, rounds, greedy, mode)


class Untold(Guess):
    def __init__(self, rate: float = 0.5, unsaid: int = 1) -> None:
        super().__init__(rate)


class Catchall(Guess):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)


class Undeclared(Guess):
    def __init__(
        self, secret: int, rate: float = 0.5, rounds: int = 3, greedy: bool = True,
        mode: str = "last",
    ) -> None:  # fmt: skip
        super().__init__(rate, rounds, greedy, mode)


class Mute(Mean):
    """A "policy" that cannot act."""

    def __init__(
        self, rate: float = 0.5, rounds: int = 3, greedy: bool = True, mode: str = "last"
    ) -> None:
        super().__init__()

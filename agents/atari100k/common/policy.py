"""The life of a data-efficient Rainbow: learn, act, be saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from leapbench.agents.atari100k.common.learner import Backbone, Learner
from leapbench.agents.atari100k.common.student import RainbowStudent
from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.agents.common.mlp import seeded
from leapbench.agents.common.practice import Point, Practice, device_of, environment
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

WEIGHTS, RECORD = "networks.safetensors", "agent.json"
SIDE = 84


class Rainbow:
    """Data-efficient Rainbow with losses on imagined steps.

    Args:
        auxiliary: what is learned besides.
        epsilon: share of random actions when evaluated without `deterministic`.
        **backbone: see `Backbone`.

    Attributes:
        learner: the networks; None until something was learned.
        curve: returns and losses by steps, of the newest phase.

    Raises:
        UserError: for a setting that has no meaning.
    """

    def __init__(self, auxiliary: Auxiliary, epsilon: float = 0.001, **backbone: Any) -> None:
        if not 0 <= epsilon <= 1:
            raise UserError(f"epsilon must be in [0, 1], got {epsilon}.")
        self.auxiliary, self.epsilon = auxiliary, epsilon
        self.backbone = Backbone(**backbone)
        self.learner: Learner | None = None
        self.curve: list[Point] = []
        self._restart(0)

    def learn(self, phase: LearningPhase) -> None:
        """Practise until the budget is spent.

        Raises:
            UserError: when observations are not stacks of 84 x 84 pixels, or actions no choice.
        """
        env = environment(phase)
        shape, actions = spaces(env.single_observation_space, env.single_action_space)
        with seeded(phase.seed):
            learner = self._made(shape[0], actions, phase.seed, device_of(phase))
            student = RainbowStudent(learner, shape, phase.meter.budget.limit, phase.seed)
            practice = Practice(phase, student)
            practice.run()
        self.learner, self.curve = learner, practice.curve
        self._restart(phase.seed)
        phase.report(1.0, f"{phase.meter.used} {phase.meter.budget.unit} used")

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

    def save(self, folder: Path) -> None:
        """Write networks (safetensors), and sizes, seed and curve (JSON).

        Raises:
            UserError: before `learn` or `load`.
        """
        learner = self._require()
        weights = {
            f"{name}.{key}": value.detach().contiguous()
            for name, part in learner.parts().items()
            for key, value in part.state_dict().items()
        }
        save_file(weights, folder / WEIGHTS)
        channels = learner.encoder.layers[0].weight.shape[1]  # type: ignore[union-attr, index]
        record = {"channels": channels, "actions": learner.head.actions, "seed": self.seed}
        (folder / RECORD).write_text(json.dumps(record | {"curve": self.curve}))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when a file is absent or is not of these settings.
        """
        try:
            record = json.loads((folder / RECORD).read_text())
            sizes = int(record["channels"]), int(record["actions"])
            learner = self._made(*sizes, 0, torch.device("cpu"))
            weights = load_file(folder / WEIGHTS)
            for name, part in learner.parts().items():
                head = f"{name}."
                own = {k.removeprefix(head): v for k, v in weights.items() if k.startswith(head)}
                part.load_state_dict(own)
            self._restart(int(record["seed"]))
            self.curve = [(int(a), str(b), float(c)) for a, b, c in record["curve"]]
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            reason, name = " ".join(str(error).split()), type(self).__name__
            raise UserError(
                f"{folder} holds no {name} of these settings: {reason}.",
                f"{name}.save(folder) writes one.",
            ) from error
        self.learner = learner

    def _made(self, channels: int, actions: int, seed: int, device: torch.device) -> Learner:
        return Learner(channels, actions, self.backbone, self.auxiliary, seed, device)

    def _restart(self, seed: int) -> None:
        self.seed, self._rng = seed, np.random.default_rng([seed, 2])

    def _require(self) -> Learner:
        if self.learner is None:
            raise UserError(
                f"{type(self).__name__} has nothing learned yet.",
                "Call learn(phase) or load(folder) first.",
            )
        return self.learner


def spaces(observation: Any, action: Any) -> tuple[tuple[int, int, int], int]:
    """Shape of an observation (stack, 84, 84) and number of actions.

    Raises:
        UserError: for other spaces.
    """
    boxes = isinstance(observation, gym.spaces.Box) and observation.dtype == np.uint8
    fits = boxes and len(observation.shape) == 3 and observation.shape[1:] == (SIDE, SIDE)
    if not fits or not isinstance(action, gym.spaces.Discrete):
        raise UserError(
            f"Rainbow needs observations uint8 (stack, {SIDE}, {SIDE}) and a choice of actions, "
            f"got {observation} and {action}.",
            "Use it on an atari100k task.",
        )
    return observation.shape, int(action.n)

"""A policy that learned elsewhere, as a part that the suite evaluates."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from leapbench.contract.agent import LearningPhase
from leapbench.errors import InvalidOutput

ACTIONS = "actions.json"


class Elsewhere:
    """A policy that learned elsewhere, as a part: it learns nothing and is not saved.

    Args:
        policies: by name of the phase; under "" the one for the rest.
    """

    def __init__(self, policies: Mapping[str, Any]) -> None:
        self._policies = dict(policies)
        self._policy: Any = next(iter(policies.values()))
        self._space: gym.Space[Any] | None = None
        mode = getattr(self._policy, "observation_mode", "")
        if mode:
            self.observation_mode = mode

    def learn(self, phase: LearningPhase) -> None:
        """See which actions there are; nothing of the budget is spent."""
        if phase.make_env is not None:
            env = phase.make_env(1)
            self._space = env.single_action_space
            env.close()

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions; see `leapbench.contract.agent.Policy.predict`."""
        if hasattr(self._policy, "predict"):
            asked = {"episode_start": episode_start, "deterministic": deterministic}
            actions, state = self._policy.predict(observation, state, **asked)
            return np.asarray(actions), state
        return chosen(called(self._policy, observation), self._space), state

    def placed(self, phase: str) -> Elsewhere:
        """The part for one phase."""
        own = Elsewhere({"": self._policies.get(phase, self._policies.get("", self._policy))})
        own._space = self._space
        return own

    def save(self, folder: Path) -> None:
        """Write which actions there are (JSON); what it is remains where it was made."""
        (folder / ACTIONS).write_text(json.dumps(record(self._space)))

    def load(self, folder: Path) -> None:
        """Read which actions there are."""
        self._space = space(json.loads((folder / ACTIONS).read_text()))


def record(actions: gym.Space[Any] | None) -> dict[str, Any]:
    """Discrete or continuous actions as JSON data; empty for others."""
    if isinstance(actions, gym.spaces.Discrete):
        return {"n": int(actions.n), "start": int(actions.start)}
    if isinstance(actions, gym.spaces.Box):
        return {"low": actions.low.tolist(), "high": actions.high.tolist()}
    return {}


def space(facts: Mapping[str, Any]) -> gym.Space[Any] | None:
    """What `record` gave, as a space."""
    if "n" in facts:
        return gym.spaces.Discrete(facts["n"], start=facts["start"])
    if "low" in facts:
        return gym.spaces.Box(
            np.array(facts["low"], np.float32), np.array(facts["high"], np.float32)
        )
    return None


def called(policy: Any, observation: np.ndarray) -> np.ndarray:
    """What a module or function answers to a batch, as an array."""
    if not _is_module(policy):
        return np.asarray(policy(observation))
    import torch

    with torch.no_grad():
        device = next((p.device for p in policy.parameters()), torch.device("cpu"))
        answer = policy(torch.as_tensor(np.asarray(observation), device=device))
    return np.asarray(answer.cpu().numpy())


def chosen(answer: np.ndarray, space: gym.Space[Any] | None) -> np.ndarray:
    """Actions of what was answered: the highest of scores, continuous ones clipped.

    Args:
        answer: actions (B, *action shape), or a score for each discrete action (B, n).
        space: of one environment's actions.

    Raises:
        InvalidOutput: for scores that are as many as no action.
    """
    if isinstance(space, gym.spaces.Discrete) and answer.ndim == 2:
        if answer.shape[1] != space.n:
            raise InvalidOutput(f"a policy scored {answer.shape[1]} actions, there are {space.n}")
        return np.asarray(answer.argmax(axis=1) + space.start)
    if isinstance(space, gym.spaces.Box) and answer.dtype.kind == "f":
        return np.asarray(np.clip(answer, space.low, space.high))
    return answer


def _is_module(policy: Any) -> bool:
    torch: Any = sys.modules.get("torch")
    return torch is not None and isinstance(policy, torch.nn.Module)

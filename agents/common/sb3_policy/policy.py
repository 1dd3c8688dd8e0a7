"""Runs a policy from the zip file that Stable-Baselines3's `save` wrote."""

from __future__ import annotations

import json
import sys
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.contract.agent import LearningPhase
from leapbench.contract.files import sha256
from leapbench.errors import UserError, unknown

ALGORITHMS = {name.lower(): name for name in ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3")}
FILE = "stored.json"


class Stored:
    """A trained policy; it learns nothing more.

    Args:
        algorithm: "a2c", "ddpg", "dqn", "ppo", "sac" or "td3".
        path: the zip file; it stays where it is.
        sha256: what the file's SHA-256 must be, 64 hexadecimal digits; "" for any.

    Raises:
        UserError: for an unknown algorithm.
    """

    def __init__(self, algorithm: str, path: str, sha256: str = "") -> None:
        check_algorithm(algorithm)
        self.algorithm, self.path, self.sha256 = algorithm, path, sha256

    @cached_property
    def model(self) -> Any:
        """The Stable-Baselines3 model, loaded on first use, on the CPU.

        Raises:
            UserError: when the file has changed, or is not what it should be.
        """
        import stable_baselines3

        if self.sha256 not in ("", sha256(Path(self.path))):
            raise UserError(f"{self.path} has changed since this run began.")
        _warn(self.path)
        try:
            return getattr(stable_baselines3, ALGORITHMS[self.algorithm]).load(
                self.path, device="cpu"
            )
        except Exception as error:  # what a wrong file raises depends on what it is
            raise UserError(
                f"{self.path} cannot be loaded as {self.algorithm}: {error}",
                "Expected a file written by Stable-Baselines3's `model.save`.",
            ) from error

    def learn(self, phase: LearningPhase) -> None:
        """Learn nothing; see that the policy fits the environment of `phase`.

        Raises:
            UserError: when the policy was trained on other spaces.
        """
        if phase.make_env is None:
            return
        env = phase.make_env(1)
        _same(self.model.observation_space, env.single_observation_space, "observations")
        _same(self.model.action_space, env.single_action_space, "actions")

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions of the stored policy; see `leapbench.contract.agent.Policy`.

        Raises:
            UserError: for observations of another shape than it was trained on.
        """
        shape = self.model.observation_space.shape
        if observation.shape[1:] != shape:
            raise UserError(
                f"{self.path} was trained on observations of shape {shape}, "
                f"these are {observation.shape[1:]}."
            )
        actions, state = self.model.predict(observation, state, episode_start, deterministic)
        return actions, state

    def save(self, folder: Path) -> None:
        """Write which file it is, as JSON; the file itself is not copied."""
        record = {"algorithm": self.algorithm, "path": self.path, "sha256": sha256(Path(self.path))}
        (folder / FILE).write_text(json.dumps(record))

    def load(self, folder: Path) -> None:
        """Point to the file that `save` recorded; it must be unchanged when it is used."""
        record = json.loads((folder / FILE).read_text())
        self.algorithm, self.path = record["algorithm"], record["path"]
        self.sha256 = record["sha256"]
        self.__dict__.pop("model", None)


def check_algorithm(name: str) -> None:
    """Refuse what Stable-Baselines3 has no algorithm for.

    Raises:
        UserError: with the nearest name.
    """
    if name not in ALGORITHMS:
        raise unknown("Stable-Baselines3 algorithm", name, ALGORITHMS)


@cache
def _warn(path: str) -> None:
    """Say once a file what loading it means; Stable-Baselines3 offers no other way."""
    sys.stderr.write(f"warning: Stable-Baselines3 unpickles {path}: load only your own files.\n")


def _same(trained: Any, given: Any, what: str) -> None:
    if trained != given:
        raise UserError(
            f"The policy was trained for {what} in {trained}, here they are in {given}."
        )

"""Episodes of a fixed length, which `spec.max_episode_steps` tells whatever the arguments."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy

from gymnasium.envs.registration import EnvSpec


class Timed:
    """Mixin of an environment that truncates its episodes itself, after `longest` steps.

    A number in the declaration would hold for the default arguments only, and Gymnasium
    would cut longer episodes there.
    """

    _spec: EnvSpec | None = None

    @property
    @abstractmethod
    def longest(self) -> int | None:
        """Steps of an episode; None where no number is known."""

    @property
    def spec(self) -> EnvSpec | None:
        """Gymnasium's specification, as `gymnasium.make` sets it."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = copy(spec)
        if self._spec is not None:
            self._spec.max_episode_steps = self.longest

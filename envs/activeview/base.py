"""What the environments have in common: arguments, seeds, steps, pictures."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.envs.activeview.cameras import Floats
from leapbench.envs.activeview.capture import Capture, CaptureSource, Picture
from leapbench.envs.activeview.episode import Episode, Rules
from leapbench.envs.activeview.observation import Observation
from leapbench.envs.refusals import begun, drawable, no_options


class ViewsEnv(gym.Env[Observation, Any]):
    """An agent takes views, a field learns from them, hidden views judge the field.

    Args:
        source: what episodes are played on.
        rules: of an episode.
        render_mode: None or "rgb_array".

    Attributes:
        episode: the one under way; it holds the truth, so only oracles may look.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}
    episode: Episode

    def __init__(self, source: CaptureSource, rules: Rules, render_mode: str | None) -> None:
        self.source, self.rules, self.render_mode = source, rules, drawable(render_mode)
        self._over, self._started = True, False

    @property
    def feature_seconds(self) -> float:
        """CPU seconds that the episode's candidate features took.

        They are the agent's to pay for, and not in `info`, which is the same in every run.
        """
        return self.episode.referee.seconds

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a scene and its cameras, and train the field on the initial views.

        Args:
            seed: seeds the random numbers; None goes on with them.
            options: none are known.

        Returns:
            The observation, and an info as after a step.
        """
        no_options(options)
        super().reset(seed=seed)
        capture, start = self.draw()
        self.episode = Episode(capture, self.rules, start)
        self._over, self._started = False, True
        self._begin()
        return self._observe(), self._info()

    def draw(self) -> tuple[Capture, int]:
        """What the next episode is played on, and the seed of its field."""
        scenes, fields = self.np_random.spawn(2)
        return self.source.capture(scenes), int(fields.integers(2**31))

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Take one view.

        Raises:
            InvalidAction: for what is no action.
            ResetNeeded: when the episode is over.
        """
        if self._over:
            raise ResetNeeded("The episode is over: call `reset` before `step`.")
        view = self._shoot(action)
        reward = self.episode.stop() if view is None else self.episode.take(*view)
        self._over = self.episode.over
        observation = self._observe()  # before the info, which counts what it costs
        info = self._info() | (self.episode.summary() if self._over else {})
        return observation, reward, self._over, False, info

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the episode so far, uint8 (400, 640, 3); None without a render mode.

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.activeview.render import draw

        return draw(self.episode, self._free())

    @abstractmethod
    def _begin(self) -> None:
        """Forget the episode before."""

    @abstractmethod
    def _shoot(self, action: Any) -> tuple[Picture, Floats] | None:
        """The picture and pose of an action; None for one that ends the episode."""

    @abstractmethod
    def _free(self) -> Floats:
        """Poses of the candidates that are left, (n, 4, 4)."""

    @abstractmethod
    def _observe(self) -> Observation:
        """What the agent sees."""

    def _info(self) -> dict[str, Any]:
        return self.episode.spent()

"""Choose the next view freely, from anywhere around the scene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from leapbench.envs.activeview import observation
from leapbench.envs.activeview.base import ViewsEnv
from leapbench.envs.activeview.cameras import Floats
from leapbench.envs.activeview.capture import Picture
from leapbench.envs.activeview.episode import Rules
from leapbench.envs.activeview.observation import Observation
from leapbench.envs.activeview.pools import HIGHEST, LOWEST, pose_at
from leapbench.envs.activeview.scenes import FAMILIES, photograph
from leapbench.envs.activeview.sources import source
from leapbench.envs.refusals import reals
from leapbench.errors import unknown


class ActiveViewFreeEnv(ViewsEnv):
    """`ActiveViewEnv` without a pool: the agent names the place of the camera.

    ## Action Space

    `Box(-1, 1, (2,), float32)`

    | index | meaning                                                       |
    |-------|---------------------------------------------------------------|
    | 0     | azimuth, from -180 to 180 degrees                             |
    | 1     | elevation, from 8 to 70 degrees                               |

    Both are linear. The camera looks at the middle of the scene, from the distance of
    all other cameras, and its picture is drawn on demand. Every action is legal.

    ## Observation Space

    That of `ActiveViewEnv` without the entries of the candidates.

    Rewards, starting state, end and `info` are those of `ActiveViewEnv` (there is no
    `action_mask`), and so are the arguments, without `pool`, `candidates` and `features`.
    `scene` must be the name of a family: photographs cannot be taken on demand. With the
    same seed, scene, initial and hidden views are those of `ActiveViewEnv`.

    ## Version History

    * v0: first version.
    """

    def __init__(
        self,
        scene: str = "niche",
        views: int = 8,
        batch: int = 1,
        initial: int = 4,
        tests: int = 20,
        resolution: int = 40,
        first: int = 150,
        iterations: int = 75,
        field: Mapping[str, Any] | None = None,
        evaluation: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if scene not in FAMILIES:
            raise unknown("scene", str(scene), FAMILIES)
        rules = Rules(views, batch, first, iterations, evaluation, dict(field or {}))
        found = source(scene, None, initial, 1, tests, resolution)
        super().__init__(found, rules, render_mode)
        self.action_space = gym.spaces.Box(-1, 1, (2,), np.float32)
        self.observation_space = gym.spaces.Dict(observation.view_spaces(found, rules))

    def _begin(self) -> None:
        """Nothing is kept besides the episode."""

    def _shoot(self, action: Any) -> tuple[Picture, Floats]:
        around, up = reals(action, (2,)).astype(np.float64)
        pose = pose_at(np.pi * around, LOWEST + (HIGHEST - LOWEST) * (up + 1) / 2)
        capture = self.episode.capture
        assert capture.scene is not None  # noqa: S101 - only families get here
        return photograph(capture.scene, pose, capture.optics), pose

    def _free(self) -> Floats:
        return np.zeros((0, 4, 4), np.float32)

    def _observe(self) -> Observation:
        return observation.views(self.episode)

"""Choose the next view out of a pool of cameras."""

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
from leapbench.envs.activeview.sources import source
from leapbench.envs.refusals import whole
from leapbench.errors import UserError


class ActiveViewEnv(ViewsEnv):
    """Decide from where to photograph a scene next, so that it can be reconstructed.

    ## Description

    A few photographs of a scene are given, and a pool of cameras that have not taken
    theirs. In each step the agent picks a camera and gets its picture. A radiance field
    (`leapbench.envs.activeview.field`) belongs to the environment: after every `batch`
    acquisitions it goes on learning from all views so far. It is judged by hidden
    cameras all around the scene, which no observation shows. The agent chooses views and
    nothing else, so what differs between agents is where they look (ActiveNeRF, arXiv
    2209.08546, as a sequential decision problem).

    Scenes are drawn anew for each episode: spheres and boxes with textures that are
    functions of the place, before a white background. A large part of each is plain and
    seen from everywhere, a small part is full of detail and seen from few sides.

    ## Action Space

    `Discrete(C)`: index of a candidate. `info["action_mask"]` (int8 (C,)) and the
    observation's `candidate_mask` are 1 where it has not been taken. A candidate that has
    been taken is illegal: the episode ends, with the score of the views so far.

    ## Observation Space

    `Dict`, for V = `initial` + `views` pictures of H x W pixels:

    | key                | space                                | meaning                       |
    |--------------------|--------------------------------------|-------------------------------|
    | images             | `Box(0, 255, (V, H, W, 3), uint8)`   | pictures taken, then zeros    |
    | poses              | `Box(float32 (V, 4, 4))`             | their cameras, then zeros     |
    | n_views            | `Discrete(V + 1)`                    | how many there are            |
    | intrinsics         | `Box(float32 (4,))`                  | fx, fy, cx, cy in pixels      |
    | candidate_poses    | `Box(float32 (C, 4, 4))`             | cameras of the pool           |
    | candidate_mask     | `MultiBinary(C)`                     | 1 for those not taken         |
    | views_left         | `Discrete(views + 1)`                | acquisitions left             |
    | round              | `Discrete(rounds + 1)`               | trainings since the first     |
    | candidate_features | `Box(float32 (C, 6))`                | only with `features=True`     |

    Poses are camera-to-world matrices; cameras look along their -z, x to the right and y
    up. The scene lies in [-1, 1]^3, z up. The features of a candidate are means over its
    rays, every second row and column: rendered variance, information gain (Eq 21),
    that gain weighted by opacity, Fisher score (FisherRF, arXiv 2311.17874), opacity;
    and the distance to the nearest camera that took a view. They are computed from the
    field as it is, which does not change within a batch.

    ## Rewards

    The change in test PSNR (dB, mean over the hidden views) where the step ends with
    training, else 0; the return is what the acquired views added. With `evaluation=True`
    0 until the end, and then the score: the mean over the acquisitions of the PSNR after
    the training that each was first part of, which is the area under PSNR against views.
    After an illegal action the last PSNR counts for the acquisitions not made.

    ## Starting State

    The seed fixes the scene, all cameras and the field's random numbers, so agents differ
    in their choices only. Initial views lie in a sector of 70 degrees. The scene, the
    initial and the hidden views do not depend on the pool. The same seed and the same
    actions give the same episode, byte for byte.

    ## Episode End

    Terminated when the budget of views is used up, or by an illegal action; never
    truncated. A batch that is not full is trained on at the end. `info` always holds
    `action_mask`, `views` (acquisitions), `field_iterations` and `renders` (cameras that
    features were computed for), and at the end

    | key         | meaning                                                                |
    |-------------|------------------------------------------------------------------------|
    | score       | as above, dB                                                           |
    | acquired    | int64 (n,), acquisitions at each training; 0 for the first             |
    | psnr        | float64 (n,), test PSNR after each, dB                                 |
    | unseen_psnr | float64 (n,), of test pixels on surfaces that no initial view shows    |
    | ause        | area under the sparsification error of the variance; 0 is best         |

    Of photographs it is not known what they show, and `unseen_psnr` is nan.

    ## Arguments

    * `scene`: "niche", "occluder", "uneven", "noise" (with a texture that cannot be
      learned), or the path of a folder of photographs in the format of NeRF-synthetic or
      LLFF (`leapbench.envs.activeview.loaders`).
    * `pool`: "balanced", candidates anywhere; "unbalanced", 70 % of them in the sector of
      the initial views; "decoy", unbalanced and a third more cameras that look past the
      scene. None is "unbalanced"; photographs have a pool of their own.
    * `views`: budget of acquisitions.
    * `batch`: acquisitions between two trainings, 1, 2 or 4.
    * `initial`, `candidates`, `tests`: numbers of cameras; decoys are on top. For
      photographs the last two are upper bounds.
    * `resolution`: pixels of the longer edge of a picture.
    * `first`, `iterations`: of the field on the initial views, and for each acquired one.
    * `field`: settings of the field by name, or None: those of
      `leapbench.envs.activeview.field.FieldSettings`, or with `kind="mlp"`, the network of
      the paper, those of `MlpSettings`.
    * `features`: whether the observation has `candidate_features`.
    * `evaluation`: pay the score at the end and nothing before.
    * `render_mode`: None or "rgb_array" (uint8 (400, 640, 3)).

    Wrong arguments raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    def __init__(
        self,
        scene: str = "niche",
        pool: str | None = None,
        views: int = 8,
        batch: int = 1,
        initial: int = 4,
        candidates: int = 60,
        tests: int = 20,
        resolution: int = 40,
        first: int = 150,
        iterations: int = 75,
        field: Mapping[str, Any] | None = None,
        features: bool = False,
        evaluation: bool = False,
        render_mode: str | None = None,
    ) -> None:
        rules = Rules(views, batch, first, iterations, evaluation, dict(field or {}))
        found = source(scene, pool, initial, candidates, tests, resolution)
        if views > found.candidates:
            raise UserError(f"views={views}, but there are {found.candidates} candidates.")
        super().__init__(found, rules, render_mode)
        self.features = features
        self.action_space = gym.spaces.Discrete(found.candidates)
        self.observation_space = gym.spaces.Dict(
            observation.view_spaces(found, rules)
            | observation.candidate_spaces(found.candidates, features)
        )

    def action_masks(self) -> np.ndarray:
        """Which candidates are legal, bool (C,), as sb3-contrib asks for it."""
        return self._untaken.copy()

    def _begin(self) -> None:
        self._untaken = np.ones(self.source.candidates, bool)

    def _shoot(self, action: Any) -> tuple[Picture, Floats] | None:
        index = whole(action, self.source.candidates)
        if not self._untaken[index]:
            return None
        self._untaken[index] = False
        capture = self.episode.capture
        return capture.photograph(index), capture.candidates[index]

    def _free(self) -> Floats:
        return self.episode.capture.candidates[self._untaken]

    def _observe(self) -> Observation:
        return observation.views(self.episode) | observation.candidates(
            self.episode, self._untaken, self.features
        )

    def _info(self) -> dict[str, Any]:
        return super()._info() | {"action_mask": self._untaken.astype(np.int8)}

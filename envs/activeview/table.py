"""The observation as a table with a row of numbers for each candidate.

What every policy that compares candidates needs is worked out in one place, and an
observation is one array, as it is in all of the suite.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.activeview.cameras import Floats, Optics, nearest
from leapbench.envs.activeview.episode import Episode
from leapbench.errors import UserError

if TYPE_CHECKING:
    from leapbench.envs.activeview.field import VoxelField

ObservationMode = Literal["cameras", "field", "batch"]
"""What is looked at: cameras alone; the field too; or also what a batch will tell it."""


class ViewColumn(IntEnum):
    """Position of each quantity in a candidate's row; what is not looked at is 0."""

    X = 0
    """Place of the camera, as the next two; the scene lies in [-1, 1]^3."""
    Y = 1
    Z = 2
    RIGHT = 3
    """Direction of view, a unit vector, as the next two."""
    AHEAD = 4
    UP = 5
    FREE = 6
    """1 for a candidate that has not been taken, else 0."""
    LEFT = 7
    """Share of the budget of views that is left, the same in all rows."""
    DISTANCE = 8
    """To the nearest camera that has taken a view."""
    ANGLE = 9
    """To the nearest direction of a view taken, in radians, 0 to pi."""
    VARIANCE = 10
    """Rendered variance, a mean over the candidate's rays, as the rest."""
    GAIN = 11
    """Information gain as printed (arXiv 2209.08546, Eq 21)."""
    OPACITY_GAIN = 12
    """The same, weighted by the opacity of each ray."""
    FISHER = 13
    """Fisher information over that of the views taken (arXiv 2311.17874)."""
    OPACITY = 14
    """Share of the light that comes from the scene."""
    BATCH_GAIN = 15
    """GAIN after the views of this batch, which have not been trained on yet (Eq 22)."""
    BATCH_OPACITY_GAIN = 16
    """OPACITY_GAIN after them."""


class ViewTable(gym.ObservationWrapper[NDArray[np.float32], Any, dict[str, Any]]):
    """Shows an `ActiveViewEnv` as float32 (C, 17), a row for each candidate.

    What is looked at costs the CPU seconds of whoever looks, unlike the training of the
    field.

    Args:
        env: an `ActiveViewEnv`, perhaps in wrappers.
        mode: what is looked at.
    """

    def __init__(self, env: gym.Env[dict[str, Any], Any], mode: ObservationMode = "field") -> None:
        super().__init__(env)
        self.mode = mode
        count = int(env.action_space.n)  # type: ignore[attr-defined]
        self.observation_space = gym.spaces.Box(
            -np.inf, np.inf, (count, len(ViewColumn)), np.float32
        )
        free = [row * len(ViewColumn) + ViewColumn.FREE.value for row in range(count)]
        self.metadata = env.metadata | {"action_mask": {"allowed": free}}
        self._expected: tuple[int, VoxelField] | None = None

    def observation(self, observation: dict[str, Any]) -> NDArray[np.float32]:
        """The table of an observation of `ActiveViewEnv`."""
        episode: Episode = self.unwrapped.episode  # type: ignore[attr-defined]
        table = np.zeros((len(observation["candidate_mask"]), len(ViewColumn)), np.float32)
        taken = observation["poses"][: observation["n_views"]]
        _cameras(table, observation["candidate_poses"], taken)
        table[:, ViewColumn.FREE] = observation["candidate_mask"]
        table[:, ViewColumn.LEFT] = observation["views_left"] / episode.rules.views
        if self.mode != "cameras" and not episode.over:
            seen = episode.referee.features()
            table[:, ViewColumn.VARIANCE : ViewColumn.OPACITY + 1] = seen[:, :5]
            gains = seen if self.mode == "field" else self._after_batch(episode, seen)
            table[:, ViewColumn.BATCH_GAIN :] = gains[:, 1:3]
        return table

    def _after_batch(self, episode: Episode, seen: Floats) -> Floats:
        """Features (C, 5 or more) when the field knows the variance that a batch leaves."""
        referee = episode.referee
        if not referee.untrained:
            self._expected = None
            return seen
        thin = episode.capture.optics.thinned()
        field = self._expect(episode, thin)
        found = field.features(episode.capture.candidates, thin.intrinsics, thin.height, thin.width)
        return np.asarray(found.numpy(force=True))

    def _expect(self, episode: Episode, thin: Optics) -> VoxelField:
        """The field with the evidence of the batch's views, added once each.

        Raises:
            UserError: for a field that cannot say.
        """
        referee = episode.referee
        if not hasattr(referee.field, "anticipate"):
            raise UserError("Only a field on a lattice can tell what a batch will leave.")
        known, field = self._expected or (0, cast("VoxelField", referee.field))
        for pose in referee.views.poses[len(referee.views.poses) - referee.untrained + known :]:
            field = field.anticipate(pose, thin.intrinsics, thin.height, thin.width)
        self._expected = (referee.untrained, field)
        return field


def _cameras(table: NDArray[np.float32], candidates: Floats, taken: Floats) -> None:
    """Fill in what follows from the poses of candidates (C, 4, 4) and of views (V, 4, 4)."""
    places, directions = candidates[:, :3, 3], -candidates[:, :3, 2]
    along = directions @ -taken[:, :3, 2].T
    table[:, ViewColumn.X : ViewColumn.Z + 1] = places
    table[:, ViewColumn.RIGHT : ViewColumn.UP + 1] = directions
    table[:, ViewColumn.DISTANCE] = nearest(candidates, taken)
    table[:, ViewColumn.ANGLE] = np.arccos(np.clip(along.max(axis=1), -1, 1))

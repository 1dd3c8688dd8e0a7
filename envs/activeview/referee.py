"""The radiance field of an episode: it learns from the views and is judged by hidden ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.activeview import choice, measures
from leapbench.envs.activeview.cameras import Floats, nearest
from leapbench.envs.activeview.capture import Capture, Picture, Views
from leapbench.envs.threads import one_thread

if TYPE_CHECKING:
    from leapbench.envs.activeview.field import Field

FEATURES = ("variance", "literal gain", "weighted gain", "Fisher score", "opacity", "distance")
"""Columns of the candidates' features."""


@dataclass
class PSNRCurve:
    """How the reconstruction did, before the first acquisition and after each training.

    Attributes:
        acquired: acquisitions so far.
        psnr: mean over the test views, dB.
        unseen: PSNR of the test pixels on surfaces that no initial view shows, dB; nan
            where there are none.
    """

    acquired: list[int] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    unseen: list[float] = field(default_factory=list)

    def judge(self, acquired: int, colours: NDArray[np.float32], capture: Capture) -> None:
        """Add how near colours (T, H, W, 3) come to the test views after `acquired` views."""
        squared = measures.squared_errors(colours, capture.test.images)
        self.acquired.append(acquired)
        self.psnr.append(measures.psnr(squared))
        self.unseen.append(measures.psnr_within(squared, capture.unseen))

    def score(self, views: int) -> float:
        """Area under PSNR against acquisitions, dB, for a budget; see `measures.area`."""
        return measures.area(self.psnr, self.acquired, views)

    def summary(self, views: int) -> dict[str, Any]:
        """Score for a budget of views, and the curve as arrays."""
        return {
            "score": self.score(views),
            "acquired": np.array(self.acquired),
            "psnr": np.array(self.psnr),
            "unseen_psnr": np.array(self.unseen),
        }


class Referee:
    """Owns the field, its views and its training.

    Args:
        capture: what the episode is played on.
        settings: of the field; see `choice.build`.
        seed: of the field.

    Attributes:
        field: the radiance field; its `copy()` is there for oracles.
        views: what it learns from, the initial views first.
        curve: how it did so far.
        reconstruction: float32 (T, H, W, 3), the test views as it last rendered them.
        variance: float32 (T, H, W), theirs.
        iterations: optimisation steps so far.
        renders: cameras that features were computed for, so far.
        seconds: CPU time of the features, so far.
    """

    def __init__(self, capture: Capture, settings: Mapping[str, Any], seed: int) -> None:
        self.capture, self.views, self.curve = capture, capture.initial, PSNRCurve()
        self.field = choice.build(settings, seed)
        self.iterations = self.renders = 0
        self.seconds = 0.0
        self._features: Floats | None = None

    @property
    def acquired(self) -> int:
        """Views beyond the initial ones."""
        return len(self.views.poses) - len(self.capture.initial.poses)

    @property
    def untrained(self) -> int:
        """Views that the field has not learned from."""
        return self.acquired - self.curve.acquired[-1]

    def add(self, image: Picture, pose: Floats) -> None:
        """Take in a view; the field does not change."""
        images, poses = self.views
        self.views = Views(
            np.concatenate((images, image[None])), np.concatenate((poses, pose[None]))
        )

    def train(self, iterations: int) -> None:
        """Let the field learn from all views, and judge it."""
        with one_thread():
            self.field.observe(*self.views, self.capture.optics.intrinsics)
            self.field.train(iterations)
            self.reconstruction, self.variance = self.render(self.field)
        self.iterations += iterations
        self._features = None
        self.curve.judge(self.acquired, self.reconstruction, self.capture)

    def render(self, field: Field) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Colours (T, H, W, 3) and variances (T, H, W) of the test views in a field."""
        optics = self.capture.optics
        shown = [
            field.render(pose, optics.intrinsics, optics.height, optics.width)
            for pose in self.capture.test.poses
        ]
        colours = np.stack([one.colour.numpy(force=True) for one in shown])
        return colours, np.stack([one.variance.numpy(force=True) for one in shown])

    def features(self) -> Floats:
        """What the field says about each candidate, float32 (C, 6), columns `FEATURES`.

        The first five change with training only. The last is the distance to the nearest
        camera that has taken a view.
        """
        if self._features is None:
            started = process_time()
            self._features = self._field_features()
            self.seconds += process_time() - started
            self.renders += len(self._features)
        distance = nearest(self.capture.candidates, self.views.poses)
        return np.column_stack((self._features, distance))

    def _field_features(self) -> Floats:
        candidates, thin = self.capture.candidates, self.capture.optics.thinned()
        with one_thread():
            found = self.field.features(candidates, thin.intrinsics, thin.height, thin.width)
        return np.asarray(found.numpy(force=True))

    def ause(self) -> float:
        """How badly the variance orders the pixels of the test views; see `measures.ause`."""
        squared = measures.squared_errors(self.reconstruction, self.capture.test.images)
        return measures.ause(squared, self.variance)

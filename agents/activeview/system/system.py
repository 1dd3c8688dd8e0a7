"""A voxel field that learns from the views it chooses, and renders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import LearningPhase
from leapbench.envs.activeview.cameras import Floats, Intrinsics, Optics, nearest
from leapbench.envs.activeview.field import FieldSettings, Likelihood, VoxelField
from leapbench.errors import unknown

RENDERED = {"variance": 0, "gain": 1, "opacity-gain": 2, "fisher": 3}
"""Rules that use rendered quantities, and their columns of `Field.features`."""
RULES = ("random", "furthest", *RENDERED)


class VoxelSystem:
    """The field of the policy track, its training and a rule to choose views.

    With the same seed and the same choices it renders what the environment's field does.
    It trains when a method needs the field and there are views that it did not learn from.

    Args:
        rule: a name of `RULES`; "furthest" is the camera furthest from the nearest taken.
        likelihood: weight of the Gaussian likelihood and of the density penalty beside
            the squared error. With 0 the variance learns nothing and moves nothing.
        smoothness: weight of the differences between neighbouring vertices. As the
            likelihood pulls at the colours too, each has a best one of its own.
        first: iterations on the views given.
        iterations: iterations for each view after them.
        resolution: vertices along an edge of the field, in the end.
        coarse: vertices along an edge at first.
        coarse_iterations: iterations with them.
        samples: points along a ray.
        rays: rays of an iteration.

    Raises:
        UserError: for an unknown rule, or settings that no field has.
    """

    def __init__(
        self,
        rule: str = "opacity-gain",
        likelihood: float = 0.02,
        smoothness: float = 3e-3,
        first: int = 150,
        iterations: int = 75,
        resolution: int = 40,
        coarse: int = 20,
        coarse_iterations: int = 100,
        samples: int = 32,
        rays: int = 1024,
    ) -> None:
        if rule not in RULES:
            raise unknown("rule", rule, RULES)
        self.rule, self.first, self.iterations = rule, first, iterations
        self.settings = FieldSettings(
            resolution=resolution,
            coarse=coarse,
            coarse_iterations=coarse_iterations,
            samples=samples,
            rays=rays,
            smoothness=smoothness,
            likelihood=Likelihood(weight=likelihood),
        )

    def begin(self, intrinsics: Intrinsics, candidates: Floats, seed: int) -> None:
        """Start over with a new field; see `leapbench.tasks.activeview.system.System`."""
        self.intrinsics, self.candidates = intrinsics, candidates
        self.field, self.rng = VoxelField(self.settings, seed), np.random.default_rng(seed)
        self.images: list[NDArray[np.uint8]] = []
        self.poses: list[Floats] = []
        self.learned = 0

    def observe(self, image: NDArray[np.uint8], pose: Floats) -> None:
        """Keep a photograph, uint8 (H, W, 3), and its pose (4, 4)."""
        self.images.append(image)
        self.poses.append(pose)

    def choose(self, free: NDArray[np.bool_]) -> int:
        """The free candidate that the rule scores highest, the first of equals."""
        return int(np.where(free, self._scores(), -np.inf).argmax())

    def render(self, pose: Floats) -> NDArray[np.float32]:
        """What a camera sees in the field, (H, W, 3) in [0, 1]."""
        optics = self._optics()
        seen = self._trained().render(pose, optics.intrinsics, optics.height, optics.width)
        return np.asarray(seen.colour.numpy(force=True))

    def learn(self, phase: LearningPhase) -> None:
        """Nothing to learn before a scene is there; takes no views, and the device for them."""
        self.settings = replace(self.settings, device=phase.device)
        phase.report(1.0, "nothing to learn")

    def save(self, folder: Path) -> None:
        """Nothing to write."""

    def load(self, folder: Path) -> None:
        """Nothing to restore."""

    def _scores(self) -> NDArray[Any]:
        """Of all candidates, (C,)."""
        if self.rule == "random":
            return self.rng.random(len(self.candidates))
        if self.rule == "furthest":
            return nearest(self.candidates, np.stack(self.poses))
        thin = self._optics().thinned()
        features = self._trained().features(
            self.candidates, thin.intrinsics, thin.height, thin.width
        )
        return np.asarray(features[:, RENDERED[self.rule]].numpy(force=True))

    def _optics(self) -> Optics:
        return Optics(self.intrinsics, *self.images[0].shape[:2])

    def _trained(self) -> VoxelField:
        """The field after learning from all views so far."""
        new = len(self.images) - self.learned
        if new:
            self.field.observe(np.stack(self.images), np.stack(self.poses), self.intrinsics)
            self.field.train(self.iterations * new if self.learned else self.first)
            self.learned = len(self.images)
        return self.field

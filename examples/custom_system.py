"""A system of one's own for active views, in a single file: photographs instead of a field.

leapbench run activeview/system examples/custom_system.py:NearestPhotograph
leapbench run activeview/system examples/custom_system.py:NearestPhotograph --isolated
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leapbench.contract.agent import LearningPhase


class NearestPhotograph:
    """Photograph from where nobody has stood, and show the photograph taken closest by."""

    family = "activeview"

    def begin(
        self, intrinsics: tuple[float, float, float, float], candidates: np.ndarray, seed: int
    ) -> None:
        """Forget the last scene; keep the places (C, 3) of the candidates."""
        self.candidates = candidates[:, :3, 3]
        self.images: list[np.ndarray] = []
        self.places: list[np.ndarray] = []

    def observe(self, image: np.ndarray, pose: np.ndarray) -> None:
        """Keep a photograph, uint8 (H, W, 3), and where it was taken."""
        self.images.append(image)
        self.places.append(pose[:3, 3])

    def choose(self, free: np.ndarray) -> int:
        """The free candidate furthest from its nearest photograph."""
        nearest = self._distances(self.candidates).min(axis=1)
        return int(np.where(free, nearest, -1.0).argmax())

    def render(self, pose: np.ndarray) -> np.ndarray:
        """The photograph taken closest to `pose`, (H, W, 3)."""
        return self.images[int(self._distances(pose[None, :3, 3])[0].argmin())]

    def _distances(self, places: np.ndarray) -> np.ndarray:
        """From places (N, 3) to all photographs, (N, V)."""
        taken = np.stack(self.places)
        distances: np.ndarray = np.linalg.norm(places[:, None] - taken, axis=-1)
        return distances

    def learn(self, phase: LearningPhase) -> None:
        """Nothing to learn before a scene is there."""

    def save(self, folder: Path) -> None:
        """Nothing to write."""

    def load(self, folder: Path) -> None:
        """Nothing to restore."""

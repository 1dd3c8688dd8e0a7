"""Interface of a radiance field, whatever represents it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from leapbench.envs.activeview.field.gain import literal_gain, weighted_gain
from leapbench.envs.activeview.field.rays import Intrinsics, Rays, rays_of, spans
from leapbench.envs.activeview.field.render import Rendered, Samples, composite
from leapbench.errors import UserError

CHUNK = 1024
"""Rays that are rendered at a time: few enough for the processor's cache."""


class Field(ABC):
    """A Gaussian radiance field in the box [-1, 1]^3 before a white background.

    The same seed and the same calls give the same field, bit for bit, on a CPU.

    Args:
        device: where the tensors are.
        seed: of all random numbers.
    """

    def __init__(self, device: str, seed: int) -> None:
        self.device = torch.device(device)
        self.rng = torch.Generator(self.device).manual_seed(seed)
        empty = torch.zeros(0, 3, device=self.device)
        self.rays, self.colours = Rays(empty, empty), empty

    def observe(self, images: Any, poses: Any, intrinsics: Intrinsics) -> None:
        """Replace the training views.

        Args:
            images: uint8 (V, H, W, 3).
            poses: float32 (V, 4, 4), camera to world.
            intrinsics: fx, fy, cx, cy in pixels, of all views.
        """
        pictures = torch.tensor(np.asarray(images), device=self.device)
        self.colours = pictures.reshape(-1, 3).float() / 255
        self.rays = rays_of(self._tensor(poses), intrinsics, *pictures.shape[1:3])
        if len(self.rays.origins) != len(self.colours):
            raise UserError(f"There are {len(pictures)} images, and {len(poses)} poses for them.")

    def train(self, iterations: int) -> None:
        """Go on learning from the training views.

        Raises:
            UserError: before anything was observed.
        """
        if not len(self.colours):
            raise UserError("A field learns from views: call `observe` first.")
        for _ in range(iterations):
            self._iterate()

    @torch.no_grad()
    def render(self, pose: Any, intrinsics: Intrinsics, height: int, width: int) -> Rendered:
        """What a camera would see: (height, width, 3) in colour, (height, width) the rest."""
        rays = rays_of(self._tensor(pose), intrinsics, height, width)
        parts = [composite(samples)[0] for _, samples in self._sampled(rays)]
        whole = (torch.cat(part) for part in zip(*parts, strict=True))
        seen = Rendered(*(part.view(height, width, *part.shape[1:]) for part in whole))
        return seen._replace(colour=seen.colour.clamp(0, 1))  # against rounding

    @torch.no_grad()
    def features(self, poses: Any, intrinsics: Intrinsics, height: int, width: int) -> Tensor:
        """What the field says about C cameras whose pictures are not known.

        Returns:
            float32 (C, 5), means over the rays of a camera: rendered variance (Eq 9),
            literal gain (Eq 21), gain weighted by opacity, Fisher score, opacity.
        """
        rays = rays_of(self._tensor(poses), intrinsics, height, width)
        parts = [self._ray_features(samples) for _, samples in self._sampled(rays)]
        means = torch.cat(parts).view(len(poses), height * width, -1).mean(1)
        fisher = self.fisher(rays, len(poses))
        return torch.cat((means[:, :3], fisher[:, None], means[:, 3:]), 1)

    def copy(self) -> Self:
        """An independent field in the same state, random numbers included."""
        other = copy.copy(self)
        other.rng = torch.Generator(self.device)
        other.rng.set_state(self.rng.get_state())
        other._separate()
        return other

    @abstractmethod
    def sample(self, rays: Rays) -> Samples:
        """The field along rays, at the places that rendering uses."""

    @abstractmethod
    def fisher(self, rays: Rays, cameras: int) -> Tensor:
        """Fisher score of each camera, float32 (cameras,), 0 or more (FisherRF, 2311.17874).

        Sum over the parameters of the diagonal information of the camera's rays over
        that of the training views, per ray of the camera.

        Args:
            rays: those of all cameras, as many of each, camera by camera.
            cameras: how many there are.
        """

    @abstractmethod
    def _iterate(self) -> None:
        """Take one optimisation step."""

    @abstractmethod
    def _separate(self) -> None:
        """Replace what training changes by copies."""

    def _sampled(self, rays: Rays) -> Iterator[tuple[Rays, Samples]]:
        for start in range(0, len(rays.origins), CHUNK):
            part = Rays(*(values[start : start + CHUNK] for values in rays))
            yield part, self.sample(part)

    def _ray_features(self, samples: Samples) -> Tensor:
        """(N, 4): variance, literal gain, weighted gain, opacity."""
        ray, weights = composite(samples)
        literal = literal_gain(samples.variance, weights)
        weighted = weighted_gain(samples.variance, weights)
        return torch.stack((ray.variance, literal, weighted, ray.opacity), 1)

    def _tensor(self, values: Any) -> Tensor:
        return torch.tensor(np.asarray(values, np.float32), device=self.device)


def places(rays: Rays, count: int, shift: Tensor | float = 0.5) -> tuple[Tensor, Tensor]:
    """Samples evenly between a ray's entry and exit.

    Args:
        rays: N rays.
        count: S, samples a ray.
        shift: place inside each interval, in [0, 1], (N, 1) or the same for all.

    Returns:
        Distances (N, S) and the length of an interval (N, 1); 0 for a ray that misses.
    """
    near, far = spans(rays)
    step = ((far - near) / count)[:, None]
    order = torch.arange(count, device=near.device)
    return near[:, None] + (order + shift) * step, step

"""Masks by a rule: at random, in the centre, where activity is, or where the object is."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from leapbench.agents.common.bounds import bounded
from leapbench.agents.latency.common.masks import Flags, Floats, MaskPolicy
from leapbench.envs.latency.lessons import Lessons
from leapbench.errors import UserError

SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)
"""Shares of cells that are tried on held-out images."""


class Ranked(MaskPolicy):
    """Keeps the same share of cells of every block and image, those with the highest rank.

    Fine-tuned with the distillation of LASNet, at one share.

    Args:
        share: of cells that are kept in training.
        granularity: side of a cell in each stage, "pixel", "layer", or "" for the protocol's.
        alpha: of the distillation.
        temperature: of the distillation.
        rate: learning rate at the start; a cosine anneals it to 0.
        batch: images of an update.
    """

    def __init__(
        self,
        share: float = 0.3,
        granularity: str = "",
        alpha: float = 0.5,
        temperature: float = 4.0,
        rate: float = 0.04,
        batch: int = 64,
    ) -> None:
        super().__init__(granularity, alpha, temperature, rate, batch)
        self.share = share
        bounded(self, {}, positive=("share",), shares=("share",))

    @abstractmethod
    def ranks(self, block: int, energy: Floats) -> Floats:
        """A value for each cell, (B, N); the highest are kept."""

    def trained_mask(self, block: int, x: Tensor, index: NDArray[np.int64], done: float) -> Tensor:
        """The share of cells that is kept in training."""
        side = self._side(block)
        self.index = index
        energy = functional.adaptive_avg_pool2d(x.detach().abs().mean(1, True), side).flatten(1)
        chosen = top(self.ranks(block, energy.cpu().numpy()), np.full(len(x), self.share))
        return torch.from_numpy(chosen).view(-1, 1, side, side).to(x)

    @property
    def settings(self) -> int:
        """One a share."""
        return len(SHARES)

    def kept(self, block: int, scores: Floats, energy: Floats, knob: NDArray[np.int64]) -> Flags:
        """Cells with the highest rank."""
        return top(self.ranks(block, energy), np.array(SHARES)[knob])


class Random(Ranked):
    """Cells at random, drawn anew for each block and image."""

    def prepare(self, lessons: Lessons) -> None:
        """Restart what is drawn."""
        self._draws = np.random.default_rng([self.seed, 3])

    def fitted(self, lessons: Lessons) -> None:
        """Restart what is drawn, so that a policy that was loaded draws the same."""
        self._draws = np.random.default_rng([self.seed, 4])

    def generators(self) -> dict[str, np.random.Generator]:
        """See `MaskPolicy.generators`."""
        return super().generators() | {"ranks": self._draws}

    def ranks(self, block: int, energy: Floats) -> Floats:
        """Random numbers."""
        return self._draws.random(energy.shape, np.float32)

    def predict(
        self,
        observation: Floats,
        state: Any = None,
        episode_start: Flags | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.int8], Any]:
        """Masks int8 (B, cells), random in any case; the same ones after every start."""
        if state is None:
            self._draws = np.random.default_rng([self.seed, 5])
        return super().predict(observation, state, episode_start, deterministic)


class Centre(Ranked):
    """Cells nearest to the centre of the image."""

    def ranks(self, block: int, energy: Floats) -> Floats:
        """Minus the squared distance from the centre."""
        places = np.arange(self._side(block)) - (self._side(block) - 1) / 2
        distance = (places[:, None] ** 2 + places**2).ravel()
        return np.broadcast_to(-distance.astype(np.float32), energy.shape)


class Saliency(Ranked):
    """Cells in which what comes into the block is largest; nothing is learned."""

    def ranks(self, block: int, energy: Floats) -> Floats:
        """Mean absolute values."""
        return energy


class ObjectOracle(Ranked):
    """Upper bound on masks by a rule: cells nearest to the object, which only an oracle sees."""

    privileged: ClassVar[bool] = True

    def prepare(self, lessons: Lessons) -> None:
        """Take the objects' places.

        Raises:
            UserError: when the images have none.
        """
        if lessons.train.boxes is None or lessons.calibration.boxes is None:
            raise UserError(
                "The object oracle needs images that say where their object is.",
                "leapbench run latency/needle resnet+object-oracle",
            )
        size = lessons.train.images.shape[-1]
        self._boxes, self._held = lessons.train.boxes / size, lessons.calibration.boxes / size
        self._source = "train"

    def fitted(self, lessons: Lessons) -> None:
        """From now on held-out images are looked at."""
        self._source = "held"

    def bind(self, env: Any) -> None:
        """Look at a world's images."""
        self._env, self._source = env.unwrapped, "world"

    def ranks(self, block: int, energy: Floats) -> Floats:
        """Minus the distance from the object's middle."""
        boxes = self._now()
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        side = self._side(block)
        places = (np.arange(side) + 0.5) / side
        across = (places[None] - middle[:, :1]) ** 2
        down = (places[None] - middle[:, 1:]) ** 2
        distance = down[:, :, None] + across[:, None]
        return -distance.reshape(len(boxes), -1).astype(np.float32)

    def _now(self) -> NDArray[np.float64]:
        """Boxes of the images that are asked about, over the side of the image, (B, 4)."""
        if self._source == "train":
            return np.asarray(self._boxes[self.index])
        if self._source == "held":
            return np.asarray(self._held[self.tried])
        streams, world = self._env.streams, self._env.world
        place = np.minimum(streams.position[self.group], world.stream - 1)
        images = streams.order[self.group, place]
        return np.asarray(world.pictures.boxes[images] / world.pictures.images.shape[-1])


def top(values: Floats, shares: NDArray[np.float64]) -> Flags:
    """The share of each row's (B, N) values that are highest, rounded up; bool (B, N)."""
    count = np.ceil(shares * values.shape[1] - 1e-9).astype(int)
    place = np.argsort(np.argsort(-values, axis=1, kind="stable"), axis=1)
    return np.asarray(place < count[:, None])

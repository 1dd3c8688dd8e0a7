"""What both worlds share: a small encoder that learns inside, and what is seen of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from leapbench.envs.pretrain import pictures, views
from leapbench.envs.pretrain.network import Encoder
from leapbench.envs.pretrain.picture import picture
from leapbench.envs.pretrain.pictures import Split
from leapbench.envs.pretrain.probes import accuracy, overlap, rank
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.training import Trainer, tokens
from leapbench.envs.pretrain.views import View
from leapbench.envs.refusals import begun, drawable, no_options
from leapbench.errors import UserError

Observation = NDArray[np.float32]
SHAPE = Shape(size=16, patch=4, width=24, depth=2, heads=2, projector=1, decoder=1)
WORLDS = 1000
"""Worlds of which one is drawn at each reset, unless the range is given."""
PROBES = ("whole", "places")
MOST = 100_000
LARGER = {"first": 2**31, "worlds": 2**31, "budget": 10**9}
RIDGE = 1.0
"""Penalty of the quick probes' least squares."""


class LearningEnv(gym.Env[Observation, Any]):
    """An encoder that learns from pictures of one digit each, without their labels.

    Args:
        first: number of the first world that may be drawn.
        worlds: how many worlds may be drawn, from `first` on; each has pictures of its own.
        pool: pictures to learn from.
        held: pictures of each probe, half of them to fit it on.
        updates: of the encoder in a step.
        batch: pictures of an update.
        render_mode: None or "rgb_array".

    Raises:
        UserError: for what is no whole number, or out of its range.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}
    title = ""

    def __init__(
        self,
        first: int = 0,
        worlds: int = WORLDS,
        pool: int = 400,
        held: int = 300,
        updates: int = 8,
        batch: int = 32,
        render_mode: str | None = None,
    ) -> None:
        least = {"worlds": 1, "pool": 20, "held": 20, "updates": 1, "batch": 4, "first": 0}
        checked(locals(), least)
        self.first, self.worlds, self.pool, self.held = first, worlds, pool, held
        self.updates, self.batch = updates, batch
        self.render_mode = drawable(render_mode)
        self.started, self.over = False, False
        self.trainer: Trainer
        self.history: list[dict[str, float]] = []
        self.shown: list[View] = []

    @property
    @abstractmethod
    def left(self) -> float:
        """Share of the budget that is left, in [0, 1]."""

    @abstractmethod
    def said(self) -> list[tuple[str, float, str]]:
        """What the last action asked for: names, shares in [0, 1], and words."""

    @abstractmethod
    def _begin(self) -> None:
        """Begin an episode in the world that was drawn."""

    @abstractmethod
    def _observe(self) -> Observation:
        """What is seen now."""

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """A picture, uint8 (400, 640, 3).

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self.started)
        return picture(self)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a world, and put an encoder with its first weights there.

        Raises:
            UserError: for any option.
        """
        super().reset(seed=seed)
        no_options(options)
        self.world = self.first + int(self.np_random.integers(self.worlds))
        self.spent, self.history, self.shown = 0, [], []
        self.losses: dict[str, float] = {}
        self._begin()
        self.described = self._described()
        self.values = self.probe(drawn(self.world, self.held, 1))
        self.history.append(self.values | {"spent": 1 - self.left})
        self.started, self.over = True, False
        return self._observe(), self._info()

    def probe(self, asked: Split) -> dict[str, float]:
        """Right answers about whole pictures and about places, from chance (0) to all (1).

        Least squares on frozen features of the first half, asked about the second.
        """
        return quick(self.trainer.encoder, asked)

    def score(self) -> float:
        """What an episode is scored by: the mean of both probes on unseen pictures."""
        begun(self.started)
        return float(np.mean(list(self.probe(drawn(self.world, self.held, 2)).values())))

    def _live(self) -> None:
        """Refuse a step before `reset`, and after the end.

        Raises:
            ResetNeeded: Gymnasium's.
        """
        begun(self.started and not self.over)

    def _told(self, found: list[dict[str, float]]) -> float:
        """Take note of losses; the reward, which is the change of the mean of the probes."""
        self.losses = {
            name: float(np.mean([each[name] for each in found if name in each]))
            for name in sorted({name for each in found for name in each})
        }
        before, self.described = self.values, self._described()
        self.values = self.probe(drawn(self.world, self.held, 1))
        self.history.append(self.values | {"spent": 1 - self.left})
        return float(np.mean(list(self.values.values())) - np.mean(list(before.values())))

    def _described(self) -> list[float]:
        """Numbers in [-1, 1] of features of a few pictures, without labels.

        Effective rank and spread of pictures' means, cosines of neighbouring patches, of far
        ones, and of two views.
        """
        images = drawn(self.world, self.held, 1).whole.images[:64]
        rng = np.random.default_rng(self.world)
        look = views.Look(area=0.5, flip=0.0)
        with torch.no_grad():
            made = tokens(self.trainer.encoder, views.whole(images, SHAPE.size))
            pair = [
                tokens(self.trainer.encoder, views.make(images, look, SHAPE.size, rng).pixels)
                for _ in range(2)
            ]
        means = made.mean(1)
        unit, grid = normalize(made, dim=2), SHAPE.grid
        squares = unit.view(len(unit), grid, grid, -1)
        close = (squares[:, :, 1:] * squares[:, :, :-1]).sum(-1).mean()
        far = (squares[:, 0, 0] * squares[:, -1, -1]).sum(-1).mean()
        first, second = (normalize(each.mean(1), dim=1) for each in pair)
        spread = normalize(means, dim=1).std(0).mean() * SHAPE.width**0.5
        numbers = [rank(means) / SHAPE.width, spread, close, far, (first * second).sum(1).mean()]
        return [float(np.clip(float(each), -1, 1)) for each in numbers]

    def _info(self) -> dict[str, Any]:
        return {"world": self.world, "spent": self.spent, **self.values}


def quick(encoder: Encoder, asked: Split) -> dict[str, float]:
    """Both probes of frozen features, see `LearningEnv.probe`."""
    made = tokens(encoder, views.whole(asked.whole.images, SHAPE.size))
    half = len(made) // 2
    whole, places = asked.whole, asked.places
    said = ridged(made[:half].mean(1), whole.labels[:half], made[half:].mean(1), whole.classes)
    right = accuracy(said, whole.labels[half:])
    known, wanted = places.labels[:half].reshape(-1), places.labels[half:].reshape(-1)
    parts = ridged(made[:half].flatten(0, 1), known, made[half:].flatten(0, 1), places.classes)
    chance = 1 / whole.classes
    return {
        "whole": (right - chance) / (1 - chance),
        "places": overlap(parts.numpy(), wanted, places.classes),
    }


def ridged(known: Tensor, labels: NDArray[np.int64], asked: Tensor, classes: int) -> Tensor:
    """Labels (M,) by least squares with a penalty, all of which are as frequent in the fit."""
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    weights = torch.from_numpy((len(labels) / classes / counts[labels]).astype(np.float32))[:, None]
    middle, scale = known.mean(0), known.std(0) + 1e-6
    rows = torch.cat([(known - middle) / scale, torch.ones(len(known), 1)], 1)
    wanted = torch.eye(classes)[torch.from_numpy(labels)]
    squares = rows.T @ (weights * rows) + RIDGE * torch.eye(rows.shape[1])
    solved = torch.linalg.solve(squares, rows.T @ (weights * wanted))
    scores: Tensor = torch.cat([(asked - middle) / scale, torch.ones(len(asked), 1)], 1) @ solved
    return scores.argmax(1)


@lru_cache(maxsize=16)
def drawn(world: int, count: int, split: int) -> Split:
    """Pictures of a world: 0 to learn from, 1 for what is rewarded, 2 for what is scored.

    Each split shows other digits.

    Args:
        world: its number.
        count: pictures.
        split: 0, 1 or 2.
    """
    images, kinds = pictures.items()
    mine = np.random.default_rng([world, 3]).permutation(len(images))[split::3]
    seed = int(np.random.default_rng([world, 4 + split]).integers(2**31))
    return pictures.digits(images[mine], kinds[mine], count, SHAPE, seed)


def checked(settings: Mapping[str, Any], least: Mapping[str, int]) -> None:
    """Refuse what is no whole number, or out of its range.

    Args:
        settings: values by name.
        least: the least value of each that is checked.

    Raises:
        UserError: for the first.
    """
    for name, low in least.items():
        value, most = settings[name], LARGER.get(name, MOST)
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise UserError(f"{name} must be a whole number, got {value!r}.")
        if not low <= value <= most:
            raise UserError(f"{name} must be {low} or more, {most:,} at most, got {value:,}.")

"""The rules of an episode: when the field trains, what is rewarded, when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leapbench.envs.activeview.cameras import Floats
from leapbench.envs.activeview.capture import Capture, Picture
from leapbench.envs.activeview.referee import Referee
from leapbench.errors import UserError

BATCHES = (1, 2, 4)


@dataclass(frozen=True)
class Rules:
    """What an episode costs and pays.

    Attributes:
        views: budget of acquisitions.
        batch: acquisitions between two trainings, 1, 2 or 4.
        first: iterations on the initial views.
        iterations: iterations for each acquired view.
        evaluation: whether the score is paid at the end, and nothing before.
        field: settings of the field; see `choice.build`.
    """

    views: int
    batch: int
    first: int
    iterations: int
    evaluation: bool
    field: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.batch not in BATCHES:
            raise UserError(f"batch must be one of {BATCHES}, got {self.batch!r}.")
        for name in ("views", "first", "iterations"):
            positive(name, getattr(self, name))

    @property
    def rounds(self) -> int:
        """Trainings after the first, in an episode that uses its budget."""
        return -(-self.views // self.batch)


class Episode:
    """One episode; it begins with the field trained on the initial views.

    Args:
        capture: what it is played on.
        rules: its rules.
        seed: of the field.

    Attributes:
        referee: the field and its judge.
        over: whether the episode has ended.
    """

    def __init__(self, capture: Capture, rules: Rules, seed: int) -> None:
        self.capture, self.rules, self.over = capture, rules, False
        self.referee = Referee(capture, rules.field, seed)
        self.referee.train(rules.first)

    def take(self, image: Picture, pose: Floats) -> float:
        """Acquire a view; the reward."""
        self.referee.add(image, pose)
        self.over = self.referee.acquired == self.rules.views
        full = self.referee.untrained == self.rules.batch
        return self._reward(train=full or self.over)

    def stop(self) -> float:
        """End the episode with the views that it has; the reward."""
        self.over = True
        return self._reward(train=self.referee.untrained > 0)

    @property
    def score(self) -> float:
        """Area under PSNR against acquisitions, dB."""
        return self.referee.curve.score(self.rules.views)

    def spent(self) -> dict[str, Any]:
        """What the episode has used so far: acquisitions, iterations, rendered cameras."""
        referee = self.referee
        return {
            "views": referee.acquired,
            "field_iterations": referee.iterations,
            "renders": referee.renders,
        }

    def summary(self) -> dict[str, Any]:
        """How the reconstruction did, for the end of an episode."""
        return self.referee.curve.summary(self.rules.views) | {"ause": self.referee.ause()}

    def _reward(self, train: bool) -> float:
        before = self.referee.curve.psnr[-1]
        if train:
            self.referee.train(self.rules.iterations * self.referee.untrained)
        if self.rules.evaluation:
            return self.score if self.over else 0.0
        return self.referee.curve.psnr[-1] - before


def positive(name: str, value: object) -> None:
    """Refuse what is not an integer from 1 on.

    Raises:
        UserError: with the name of the argument.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise UserError(f"{name} must be an integer from 1 on, got {value!r}.")

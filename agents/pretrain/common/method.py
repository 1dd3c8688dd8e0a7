"""Updates of an encoder by views of pictures, until the budget is spent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from leapbench.agents.common import nested
from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.mlp import seeded
from leapbench.agents.pretrain.common.encoder import Kept
from leapbench.agents.pretrain.common.team import Recipe, Team
from leapbench.contract.agent import LearningPhase
from leapbench.contract.checkpoints import unreadable
from leapbench.envs.pretrain.objective import Objective
from leapbench.envs.pretrain.rates import Rates
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.training import Trainer
from leapbench.envs.pretrain.views import Look, View
from leapbench.errors import UserError

LINES = 20
"""Updates between two reports, and between two points of a curve."""


class Views(Protocol):
    """What a phase gives to learn from, as its `data`.

    Attributes:
        shape: sizes of views and networks.
    """

    shape: Shape

    def price(self, count: int, encoded: Sequence[int]) -> int:
        """Patches that a draw costs."""

    def draw(
        self, count: int, looks: Sequence[Look], encoded: Sequence[int], rng: np.random.Generator
    ) -> list[View]:
        """Views of pictures, which are paid for; see the task's data."""


@dataclass
class Method(Kept):
    """SIM by default; other weights, masks and views make the other methods.

    Args:
        pixels: weight of a view's own hidden pixels (MAE).
        crossed: weight of the other view's pixels.
        dense: weight of the other view's features, place by place (SIM).
        whole: weight of the other view's mean feature (instance discrimination).
        kind: of the loss of mean features: "unigrad", "cosine" (BYOL), "contrast" (MoCo v3).
        mask: share of the first view's patches that is hidden; .6 in SIM, .75 in MAE.
        blocks: whether rectangles are hidden, and not single patches.
        relative: whether the predictor is told where the other view lies.
        same: whether the other view is the first one, unmasked.
        norm: of projector and predictor, "batch" or "layer".
        balance: weight of the second term of UniGrad's loss.
        momentum: of the target's weights at the start, rising to 1; .995 in the paper.
        area: share of the picture that a crop has at least; .08 in the paper.
        colour: strength of changes of colour; 1 as in the paper, 0 for none.
        grey: share of views without colours.
        flip: share of views that are flipped.
        rate: AdamW's learning rate after a warm-up.
        decay: AdamW's weight decay.
        batch: pictures of an update; 4,096 in the paper.
        share: of the budget that is used, 0 for an encoder that learns nothing.

    Raises:
        UserError: for a number out of its range, and from `learn` where the budget does not
            pay for one update.
    """

    pixels: float = 0.0
    crossed: float = 0.0
    dense: float = 1.0
    whole: float = 0.0
    kind: str = "unigrad"
    mask: float = 0.6
    blocks: bool = True
    relative: bool = True
    same: bool = False
    norm: str = "batch"
    balance: float = 0.02
    momentum: float = 0.99
    area: float = 0.15
    colour: float = 1.0
    grey: float = 0.2
    flip: float = 0.5
    rate: float = 1.5e-3
    decay: float = 0.05
    batch: int = 64
    share: float = 1.0

    def __post_init__(self) -> None:
        bounded(self, {"decay": 0, "batch": 2}, positive=("rate",), shares=("share",))
        self.objective = Objective(
            **{each.name: getattr(self, each.name) for each in fields(Objective)}
        )
        self.look = Look(area=self.area, colour=self.colour, grey=self.grey, flip=self.flip)

    def learn(self, phase: LearningPhase) -> None:
        """Update until the share of the budget is spent."""
        data: Views = phase.data
        encoded = self.objective.encoded(data.shape.patches)
        price = data.price(self.batch, encoded)
        count = int(self.share * phase.meter.budget.limit) // price
        if self.share and not count:
            raise UserError(
                f"An update encodes {price:,} patches, and the budget has "
                f"{phase.meter.budget.limit:,}.",
                "Draw less: --set batch=16.",
            )
        self._written = time.monotonic()
        recipe = Recipe(
            data.shape, self.objective, self._rates(), phase.seed, phase.device, self.batch
        )
        latest = phase.checkpoints.latest if phase.checkpoints else None
        with seeded(phase.seed), Team(recipe, phase.cards) as team:
            trainer, rng = team.begin(latest), np.random.default_rng([phase.seed, 1])
            for i in range(self._begun(latest, trainer, rng), count):
                views = data.draw(self.batch, (self.look,) * len(encoded), encoded, rng)
                found = team.update(views[:1] if self.same else views, i / count)
                self._said(phase, i + 1, count, found)
                self._saved(phase, i + 1, trainer, rng)
        self.keep(trainer.encoder)

    def _rates(self) -> Rates:
        return Rates(self.rate, self.decay)

    @staticmethod
    def _said(phase: LearningPhase, done: int, count: int, found: dict[str, float]) -> None:
        if not done % LINES:
            phase.log(done, **found)
            phase.report(done / count, f"update {done} of {count}")

    def _saved(
        self, phase: LearningPhase, done: int, trainer: Trainer, rng: np.random.Generator
    ) -> None:
        """Write a checkpoint when the last one is `save_seconds` old."""
        every = phase.settings.get("save_seconds")
        if every is None or phase.checkpoints is None:
            return
        if time.monotonic() - self._written >= float(every):
            state = {"done": done, "trainer": trainer.state_dict(), "rng": rng.bit_generator.state}
            phase.checkpoints.write(phase.meter, lambda to: nested.write(state, to))
            self._written = time.monotonic()

    @staticmethod
    def _begun(latest: Path | None, trainer: Trainer, rng: np.random.Generator) -> int:
        """Updates that a checkpoint has behind it; 0 where there is none."""
        if latest is None:
            return 0
        try:
            state: dict[str, Any] = nested.read(latest)
            trainer.load_state_dict(state["trainer"])
            rng.bit_generator.state = state["rng"]
            return int(state["done"])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise unreadable(latest, error) from error

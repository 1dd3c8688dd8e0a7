"""How should an encoder learn from views, while its budget lasts?"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.pretrain import views
from leapbench.envs.pretrain.objective import Objective
from leapbench.envs.pretrain.rates import Rates
from leapbench.envs.pretrain.training import Trainer
from leapbench.envs.pretrain.views import Look
from leapbench.envs.pretrain.world import SHAPE, LearningEnv, Observation, checked, drawn
from leapbench.envs.refusals import reals, whole

KNOBS = ("mask", "scattered", "area", "overlap", "colour", "pixels", "dense", "whole", "rate")
"""What an action sets, each from 0 to 1 after it is moved there from [-1, 1]."""
POINTS = {
    "sim": (0.667, 0, 0.3, 0, 1, 0, 1, 0, 0.5),
    "mae": (0.833, 1, 0.3, 0, 0, 1, 0, 0, 0.5),
    "id": (0, 0, 0.3, 0, 1, 0, 0, 1, 0.5),
    "dense-id": (0, 0, 0.3, 0, 1, 0, 1, 0, 0.5),
    "mae-id": (0.667, 0, 0.3, 0, 1, 0.5, 0, 0.5, 0.5),
    "sim-global": (0.667, 0, 0.3, 0, 1, 0, 0.8, 0.2, 0.5),
    "same-view": (0.667, 0, 0.3, 1, 1, 0, 1, 0, 0.5),
}
"""Methods that are points of the box, by the knobs in [0, 1]."""
RATE = 1.5e-3
"""Learning rate in the middle of its knob; four times less and more at its ends."""
LEAST_WEIGHT = 0.02
"""A target of less weight is left out, and does not cost an encoding."""
NAMES = ("pixels", "dense", "whole")


class PretrainControlEnv(LearningEnv):
    """Steer masks, crops, colours and targets of self-supervised learning.

    ## Description

    A small vision transformer learns from pictures of one digit each. In each step the agent
    says how the next `updates` updates are done; MAE, instance discrimination and Siamese
    image modeling (Tao et al., CVPR 2023) are points of the box, see `POINTS`. The budget is
    in patches that are encoded: a hidden patch of the first view costs nothing, the second
    view is encoded whole where features of it are predicted. Every world has pictures of
    its own. No label is seen.

    ## Action Space

    `Box(-1, 1, (9,))`, from -1 to 1 in each: share of hidden patches (0 to .9); rectangles,
    or above 0 single patches; least area of a crop (.1 to 1); how near the second crop is to
    the first; strength of changes of colour (0 to 1); weights of the view's own hidden pixels,
    of the other view's features place by place, and of its mean feature; learning rate (a
    quarter to four times). With `discrete=True` `Discrete(7)`: one of `POINTS`.

    ## Observation Space

    `Box(-1, 1, (20,))`: share of the budget left; losses of the last step (pixels, dense,
    whole) over 2, the norm of the gradient over 5, at most 1; of features, effective rank and
    spread of pictures, cosine of neighbouring patches, of far ones, and of two views; momentum
    of the target, as the share of the budget spent; the last action.

    ## Rewards

    The change of the mean of two probes of labelled dev pictures, see `LearningEnv.probe`.

    ## Starting State

    A world drawn from `worlds` of them, and first weights.

    ## Episode End

    Terminated when less is left than the dearest update costs; a step makes fewer updates
    where the budget pays for no more.

    ## Arguments

    `discrete`: see above. `budget`: in patches. The others: see `LearningEnv`.

    ## Version History

    * v0: first.
    """

    title = "how should an encoder learn next?"

    def __init__(self, discrete: bool = False, budget: int = 160_000, **settings: Any) -> None:
        super().__init__(**settings)
        checked(locals(), {"budget": 2 * SHAPE.patches * self.batch})
        self.discrete, self.budget = discrete, budget
        count = len(KNOBS)
        self.action_space: gym.Space[Any] = (
            gym.spaces.Discrete(len(POINTS))
            if discrete
            else gym.spaces.Box(-1.0, 1.0, (count,), np.float32)
        )
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (11 + count,), np.float32)

    @property
    def left(self) -> float:
        """See `LearningEnv.left`."""
        return 1 - self.spent / self.budget

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Learn for a few updates in the way that is said; see the class.

        Raises:
            InvalidAction: for an action outside.
            ResetNeeded: before the first `reset`, and after the end.
        """
        self._live()
        self.knobs = self._knobs(action)
        goal, look, rate = meant(self.knobs)
        price = self.batch * sum(goal.encoded(SHAPE.patches))
        count = min(self.updates, (self.budget - self.spent) // price)
        self.trainer.objective, self.trainer.rates = goal, Rates(rate)
        found = [self._update(goal, look) for _ in range(count) if self._paid(price)]
        reward = self._told(found)
        self.over = self.budget - self.spent < 2 * SHAPE.patches * self.batch
        return self._observe(), reward, self.over, False, self._info()

    def said(self) -> list[tuple[str, float, str]]:
        """See `LearningEnv.said`."""
        if not self.losses:
            return []
        goal, look, rate = meant(self.knobs)
        by = dict(zip(KNOBS, self.knobs.tolist(), strict=True))
        return [
            ("hidden", goal.mask, f"{goal.mask:.0%}"),
            ("of them", float(not goal.blocks), "rectangles" if goal.blocks else "scattered"),
            ("crop at least", look.area, f"{look.area:.0%}"),
            ("overlap", by["overlap"], f"{by['overlap']:.0%}"),
            ("colours", look.colour, f"{look.colour:.0%}"),
            ("own pixels", goal.pixels, f"{goal.pixels:.0%}"),
            ("dense", goal.dense, f"{goal.dense:.0%}"),
            ("mean", goal.whole, f"{goal.whole:.0%}"),
            ("rate", by["rate"], f"{rate:.1e}"),
        ]

    def _paid(self, price: int) -> bool:
        self.spent += price
        return True

    def _update(self, goal: Objective, look: Look) -> dict[str, float]:
        images = drawn(self.world, self.pool, 0).whole.images
        rng, size = self.np_random, SHAPE.size
        chosen = images[rng.integers(len(images), size=self.batch)]
        first = views.make(chosen, look, size, rng)
        self.shown = [first]
        if goal.paired:
            near = float(self.knobs[KNOBS.index("overlap")])
            self.shown.append(views.make(chosen, look, size, rng, first.boxes, near))
        return self.trainer.update(self.shown, 1 - self.left)

    def _begin(self) -> None:
        every = Objective(pixels=1.0, dense=1.0, whole=1.0)
        self.trainer = Trainer(SHAPE, every, Rates(RATE), self.world)
        self.knobs = np.zeros(len(KNOBS))

    def _observe(self) -> Observation:
        losses = [min(1.0, self.losses.get(name, 0.0) / 2) for name in NAMES]
        slope = min(1.0, self.losses.get("gradient", 0.0) / 5)
        acted = 2 * self.knobs - 1 if self.losses else np.zeros(len(KNOBS))
        row = [self.left, *losses, slope, *self.described, 1 - self.left, *acted]
        return np.clip(np.array(row, np.float32), -1.0, 1.0)

    def _knobs(self, action: Any) -> NDArray[np.float64]:
        if self.discrete:
            return np.array(tuple(POINTS.values())[whole(action, len(POINTS))], np.float64)
        return (np.asarray(reals(action, (len(KNOBS),)), np.float64) + 1) / 2


def meant(knobs: NDArray[np.float64]) -> tuple[Objective, Look, float]:
    """What knobs in [0, 1] ask for: targets and masks, views, and a learning rate."""
    by = dict(zip(KNOBS, knobs.tolist(), strict=True))
    weights = np.array([by[name] for name in NAMES])
    shares = weights / weights.sum() if weights.sum() > 0 else np.array([0.0, 1.0, 0.0])
    shares = np.where(shares < LEAST_WEIGHT, 0.0, shares)
    pixels, dense, mean = shares.tolist()
    mask = 0.9 * by["mask"]
    goal = Objective(
        pixels=pixels,
        dense=dense,
        whole=mean,
        mask=max(mask, 1 / SHAPE.patches) if pixels else mask,
        blocks=by["scattered"] <= 0.5,
    )
    look = Look(area=0.1 + 0.9 * by["area"], colour=by["colour"], grey=0.0, flip=0.0)
    return goal, look, RATE * 4.0 ** (2 * by["rate"] - 1)


def action_of(name: str) -> Observation:
    """The action float32 (9,) that is a point of `POINTS`."""
    return (2 * np.array(POINTS[name]) - 1).astype(np.float32)

"""The latency budget, one stream at a time."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.envs.latency.budget.actions import Actions
from leapbench.envs.latency.budget.build import built
from leapbench.envs.latency.budget.streams import Streams
from leapbench.envs.latency.budget.world import BUDGETS, BudgetWorld
from leapbench.envs.refusals import begun, drawable
from leapbench.envs.timed import Timed

Observation = NDArray[np.float32]
FIRST = np.zeros(1, np.int64)


class LatencyBudgetEnv(Timed, gym.Env[Observation, Any]):  # type: ignore[misc]
    """Answer a stream of images on a device, in a total of milliseconds.

    ## Description

    A residual network whose blocks can be computed on a part of the image (LASNet, arXiv
    2210.06223) looks at one image after the other. In every step one block of the present image
    is computed, on the cells that the action keeps; the others pass on what came in. After the
    last block the network answers and the next image comes. What a block costs on the device is
    predicted by the paper's latency model from the number of cells. The budget is one amount for
    the whole stream: what an image does not use is there for another.

    The budget is hard. A block is paid before it is computed, and only if the rest of the
    stream can still pay what is computed in any case: the shortcuts of blocks with a stride.
    What cannot be paid passes on what came in.

    ## Action Space

    `Discrete(6)`: keep level. The masker's best-ranked 0, 10, 20, 35, 60 or 100 % of the cells
    of the block are kept, rounded up. In ids with `-Mask-`: `MultiBinary(M)`, 1 for each cell to
    keep, row by row; M is the most cells that a block has, and a block that has fewer looks at
    the first ones only.

    A block that keeps none costs its masker, one that keeps all is the ordinary block.

    ## Observation Space

    `Box(-10, 10, (34,), float32)`, whose columns `observation.Layout` names: the block that is
    next (6), what comes into it, pooled (8), statistics of its masker's probabilities (4), the
    price of each keep level (6), time left for each image, time given for each image, time spent
    on this one (3, all over the static latency of an image), share of images done (1), and the
    device's numbers (6; logarithms). In ids with `-Mask-` the masker's probability (M) and the
    mean absolute value of the input (M, over the largest) of every cell follow. The label is
    never part of it.

    ## Rewards

    1 for a right answer after the last block of an image, else 0. The return of an episode
    divided by the images is the accuracy on the stream.

    ## Starting State

    Images drawn without replacement and, where several budgets were given, one of them,
    uniformly. A seed fixes the stream whatever the budget.

    ## Episode End

    Terminated after the last block of the last image; never truncated. The final `info` holds
    `accuracy`, `spent_ms` and `budget_ms` (the stream's), `image_ms_median` and `image_ms_95`
    (50 and 95 % quantiles over its images), `kept` (mean share of cells) and `forced` (blocks
    that could not be paid); it is empty on every other step.

    ## Arguments

    * `device`: name of a device, or the path of one's own TOML file.
    * `batch`: images that the device computes together; 0 for what its file says.
    * `masks`: whether an action is a mask.
    * `stream`: images of an episode.
    * `budget`: time for an image over the static latency of the network, or several to draw from.
    * `world`: a `BudgetWorld` of one's own network and images, in place of the four above and of
      the packaged one.
    * `render_mode`: None or "rgb_array" (uint8 (400, 640, 3)).

    `reset(options={"budget": b})` sets the budget of one episode. Wrong arguments raise
    `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 6}

    def __init__(
        self,
        device: str = "v100",
        batch: int = 128,
        masks: bool = False,
        stream: int = 16,
        budget: float | tuple[float, ...] = BUDGETS,
        world: BudgetWorld | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.world = built(world, device, batch, stream, budget)
        self.render_mode = drawable(render_mode)
        self.streams = Streams(self.world, 1, masks)
        self.actions = Actions(self.world, masks)
        self.observation_space = self.streams.layout.space()
        self.action_space = self.actions.space
        self._started = False

    @property
    def longest(self) -> int:
        """Steps of an episode."""
        return self.world.horizon

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a stream; its first image has arrived.

        Args:
            seed: seeds the random numbers; None goes on with them.
            options: {"budget": share of the static latency} or nothing.

        Returns:
            The observation, float32, and an empty info.

        Raises:
            UserError: for an unknown option or a budget out of range.
        """
        budgets = self.world.asked(options, 1)
        super().reset(seed=seed)
        self.streams.seed(0, seed)
        self.streams.deal(FIRST, budgets)
        self._started = True
        return self.streams.observe()[0], {}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Compute the next block on the cells that the action keeps.

        Raises:
            InvalidAction: for another action.
            ResetNeeded: when the stream is over.
        """
        if self.streams.over[0]:
            raise ResetNeeded("The stream is over: call `reset` before `step`.")
        rewards, ended = self.streams.advance(self.actions.single(self.streams, action))
        over = bool(ended[0])
        info = self.streams.summary(0) if over else {}
        return self.streams.observe()[0], float(rewards[0]), over, False, info

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the stream, uint8 (400, 640, 3); None without a render mode.

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.latency.budget.render import draw

        return draw(self.streams, 0)

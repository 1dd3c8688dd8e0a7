"""Design of a network for a device, one choice at a time."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.envs.latency.design.world import COLUMNS, DesignWorld, packaged
from leapbench.envs.refusals import begun, drawable, no_options, whole

Observation = NDArray[np.float32]


def spaces(world: DesignWorld) -> tuple[Any, Any]:
    """Spaces of one observation and of one action."""
    box = gym.spaces.Box(-10.0, 10.0, (COLUMNS,), np.float32)
    return box, gym.spaces.Discrete(world.designs.count)


class LatencyDesignEnv(gym.Env[Observation, np.int64]):
    """Choose the grid of the masks in every stage, and how much they keep, for a device.

    ## Description

    LASNet's question (arXiv 2210.06223, section 3.3): finer masks are more accurate for the same
    multiply-adds, coarser ones are faster, and by how much depends on the device. A network with
    three stages was trained with every combination of granularities and looked at at several
    thresholds of its maskers; its accuracies are a table, on held-out images for those who choose
    (`world.designs.seen`) and on others for what is earned. Latencies are predicted from the mean
    share of cells that each block keeps.

    ## Action Space

    `Discrete(D * K)`: design i // K of `world.designs.granularity`, at its target i % K; targets
    ascend from little to much kept.

    ## Observation Space

    `Box(-10, 10, (8,), float32)`: the device's numbers (6; logarithms, see
    `budget.observation.device_row`), the logarithm of the images that it computes together, and
    the budget over the latency of the static network.

    ## Rewards

    The accuracy of the chosen design; 0 where its latency is above the budget.

    ## Starting State

    A device, how many images it computes together, and a budget between its fastest and its
    slowest design, uniformly.

    ## Episode End

    Terminated after one step. `info` holds `accuracy`, `latency` and `budget` (over the static
    latency) and `regret`, what the best choice would have earned more.

    ## Arguments

    * `render_mode`: None or "rgb_array" (uint8 (400, 640, 3)).

    ## Version History

    * v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 1}

    def __init__(self, render_mode: str | None = None) -> None:
        self.world = packaged()
        self.render_mode = drawable(render_mode)
        self.observation_space, self.action_space = spaces(self.world)
        self._started, self._over = False, True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a device and a budget.

        Args:
            seed: seeds the random numbers; None goes on with them.
            options: none are known.

        Returns:
            The observation, float32 (8,), and an empty info.
        """
        no_options(options)
        super().reset(seed=seed)
        self.place, self.budget = self.world.draw(self.np_random)
        self.chosen: int | None = None
        self._started, self._over = True, False
        return self._observe(), {}

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Choose a design.

        Raises:
            InvalidAction: for what is no action.
            ResetNeeded: when the choice was made.
        """
        if self._over:
            raise ResetNeeded("The choice is made: call `reset` before `step`.")
        self.chosen, self._over = whole(action, self.world.designs.count), True
        info = self.world.info(self.place, self.budget, self.chosen)
        one = np.array([self.place]), np.array([self.budget]), np.array([self.chosen])
        return self._observe(), float(self.world.reward(*one)[0]), True, False, info

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of all designs and the choice, uint8 (400, 640, 3); None without a render mode.

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.latency.design.render import draw

        return draw(self.world, self.place, self.budget, self.chosen)

    def _observe(self) -> Observation:
        (row,) = self.world.observe(np.array([self.place]), np.array([self.budget]))
        return np.asarray(row)

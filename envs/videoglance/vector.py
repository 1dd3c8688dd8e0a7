"""Glances at video, many streams in lockstep."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from leapbench.envs.exits.vector import StreamVectorEnv
from leapbench.envs.refusals import begun
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.dynamics import GlanceWorld
from leapbench.envs.videoglance.streams import Streams


class VideoGlanceVectorEnv(
    StreamVectorEnv[NDArray[Any]],
    VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]],
):
    """`VideoGlanceEnv` for `num_envs` streams at once, without a loop over them.

    Observations, rewards, terminations and infos are those of Gymnasium's
    `SyncVectorEnv` over `VideoGlanceEnv` with the same seeds and autoreset mode.
    With autoreset disabled, where that class forbids a step, a stream that is
    over stays over, without reward or info, until `reset`: so that each of many
    evaluation episodes is run exactly once.

    Args:
        num_envs: streams in lockstep.
        bank: see `VideoGlanceEnv`, as for the next five.
        data: data set of the packaged bank.
        split: "calibration" or "test".
        stream: clips in an episode.
        budget: multiply-adds per clip.
        actions: "cubes" or "box".
        render_mode: None or "rgb_array".
        copy: return a new observation array from each call; False hands out one
            buffer that the next call overwrites.
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum.

    Attributes:
        world: the rules and tables.
        streams: the state, as arrays over the streams.

    Raises:
        UserError: for the arguments that `VideoGlanceEnv` refuses, or no streams.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    world: GlanceWorld
    streams: Streams

    def __init__(
        self,
        num_envs: int = 1,
        bank: Bank | None = None,
        data: str = "needle",
        split: str = "calibration",
        stream: int = 100,
        budget: int | tuple[int, ...] | None = None,
        actions: str = "cubes",
        render_mode: str | None = None,
        copy: bool = True,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        self.world = GlanceWorld.build(bank, data, split, stream, budget, actions)
        seen, acted = self.world.layout.space(), self.world.action_space
        super().__init__(num_envs, seen, acted, render_mode, copy, autoreset_mode)
        self.streams = Streams(self.world, num_envs)
        if isinstance(acted, Discrete):
            visited = self.world.layout.visited
            seen_cubes = [*range(visited.start, visited.stop), None]
            self.metadata = self.metadata | {"action_mask": {"barred": seen_cubes}}

    @property
    def bank(self) -> Bank:
        """The bank of the streams; it holds the labels, so only oracles may look."""
        return self.world.bank

    def action_masks(self) -> NDArray[np.bool_]:
        """Bool (num_envs, C + 1): cubes not seen before, and the answer."""
        answer = np.ones((self.num_envs, 1), np.bool_)
        return np.concatenate([~self.streams.visited, answer], 1)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture a stream, each uint8 (400, 640, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.videoglance.render import draw, scene

        return tuple(draw(scene(self.streams, index)) for index in range(self.num_envs))

    def _asked(self, actions: NDArray[Any]) -> NDArray[np.int64]:
        return self.world.asked(actions, self.num_envs)

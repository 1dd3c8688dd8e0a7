"""The latency budget, many streams in lockstep."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from leapbench.envs.latency.budget.actions import Actions
from leapbench.envs.latency.budget.build import built
from leapbench.envs.latency.budget.streams import Streams
from leapbench.envs.latency.budget.world import BUDGETS, BudgetWorld
from leapbench.envs.lockstep import EnvIndices, LockstepVectorEnv, Seeds
from leapbench.envs.refusals import begun
from leapbench.envs.timed import Timed

Observation = NDArray[np.float32]
Flags = NDArray[np.bool_]


class LatencyBudgetVectorEnv(
    Timed,  # type: ignore[misc]
    LockstepVectorEnv[Observation, NDArray[Any]],
    VectorEnv[Observation, NDArray[Any], NDArray[Any]],
):
    """`LatencyBudgetEnv` for `num_envs` streams at once: blocks of one kind in one batch.

    Observations, rewards, terminations and infos are those of Gymnasium's `SyncVectorEnv` over
    `LatencyBudgetEnv` with the same seeds and autoreset mode. With autoreset disabled, where
    that class forbids a step, a stream that is over stays over, without reward or info, until
    `reset`.

    Args:
        num_envs: streams in lockstep.
        device: see `LatencyBudgetEnv`, as for the next five.
        batch: images that the device computes together.
        masks: whether an action is a mask.
        stream: images of an episode.
        budget: time for an image over the static latency, or several to draw from.
        world: a world of one's own.
        render_mode: None or "rgb_array".
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum.

    Attributes:
        world: rules, network and images; it holds the labels, so only oracles may look.
        streams: the state.

    Raises:
        UserError: for the arguments that `LatencyBudgetEnv` refuses, or no streams.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 6,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        device: str = "v100",
        batch: int = 128,
        masks: bool = False,
        stream: int = 16,
        budget: float | tuple[float, ...] = BUDGETS,
        world: BudgetWorld | None = None,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        self.world = built(world, device, batch, stream, budget)
        self.actions = Actions(self.world, masks)
        space = self.world.layout(masks).space()
        super().__init__(num_envs, space, self.actions.space, render_mode, autoreset_mode)
        self.streams = Streams(self.world, num_envs, masks)

    @property
    def longest(self) -> int:
        """Steps of an episode."""
        return self.world.horizon

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start all streams, or those of a mask.

        Args:
            seed: s seeds stream i with s + i; a list gives each its own; None goes on.
            options: "budget", a number for all streams or a list with each one's;
                "reset_mask", bool (num_envs,), False leaves a stream as it is.

        Returns:
            Observations float32 (num_envs, columns) and an empty info.

        Raises:
            UserError: for an unknown option, a budget out of range, or seeds, budgets or a
                mask of another length than `num_envs`.
        """
        options = dict(options or {})
        indices = self._masked(options.pop("reset_mask", None))
        seeds, budgets = self._seeds(seed), self.world.asked(options, self.num_envs)
        for index in indices.tolist():
            self.streams.seed(index, seeds[index])
        self.streams.deal(indices, budgets)
        self._started = True
        return self.streams.observe(), {}

    def step(
        self, actions: Any
    ) -> tuple[Observation, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Compute the next block in every stream.

        Args:
            actions: one a stream; ignored where a stream is over.

        Returns:
            Observations, rewards float64, terminations and truncations bool (num_envs,), and
            infos in Gymnasium's vector form.

        Raises:
            InvalidAction: for other actions.
            ResetNeeded: before the first `reset`.
        """
        self._require_started()
        masks, streams = self.actions.several(self.streams, actions), self.streams
        over = streams.over.copy()
        rewards, ended = streams.advance(masks)
        if over.any() and self.autoreset_mode == AutoresetMode.NEXT_STEP:
            streams.deal(np.flatnonzero(over))
        infos = self._finish(np.flatnonzero(ended)) if ended.any() else {}
        frozen = over & (self.autoreset_mode == AutoresetMode.DISABLED)
        return streams.observe(), rewards, ended | frozen, np.zeros_like(ended), infos

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture a stream, each uint8 (400, 640, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.latency.budget.render import draw

        return tuple(draw(self.streams, index) for index in range(self.num_envs))

    def _finish(self, indices: EnvIndices) -> dict[str, Any]:
        """Infos of the streams that have just ended; with SAME_STEP, restart them."""
        infos: dict[str, Any] = {}
        again = self.autoreset_mode == AutoresetMode.SAME_STEP
        final = self.streams.observe(indices)
        for row, index in zip(final, indices.tolist(), strict=True):
            info = self.streams.summary(index)
            infos = self._add_info(
                infos, {"final_obs": row, "final_info": info} if again else info, index
            )
        if again:
            self.streams.deal(indices)
        return infos

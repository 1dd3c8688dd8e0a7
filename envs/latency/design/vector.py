"""Design of networks for many devices at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from leapbench.envs.latency.design.env import spaces
from leapbench.envs.latency.design.world import packaged
from leapbench.envs.lockstep import EnvIndices, LockstepVectorEnv, Seeds
from leapbench.envs.refusals import begun, no_options, wholes

Observation = NDArray[np.float32]
Flags = NDArray[np.bool_]
NONE = -1


class LatencyDesignVectorEnv(
    LockstepVectorEnv[Observation, NDArray[np.int64]],
    VectorEnv[Observation, NDArray[np.int64], NDArray[Any]],
):
    """`LatencyDesignEnv` for `num_envs` choices at once, by looking them up together.

    Args:
        num_envs: choices at once.
        render_mode: None or "rgb_array".
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum; with autoreset
            disabled a choice that is made stays made, without reward, until `reset`.

    Attributes:
        world: designs and devices.
        place: int64 (num_envs,), which device each episode has.
        budget: float64 (num_envs,), over the static latency.
        chosen: int64 (num_envs,), -1 before the choice.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 1,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        self.world = packaged()
        super().__init__(num_envs, *spaces(self.world), render_mode, autoreset_mode)
        self.place, self.budget = np.zeros(num_envs, np.int64), np.zeros(num_envs)
        self.chosen = np.full(num_envs, NONE)
        self._rngs: list[np.random.Generator | None] = [None] * num_envs

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw devices and budgets for all episodes, or those of a mask.

        Args:
            seed: s seeds episode i with s + i; a list gives each its own; None goes on.
            options: "reset_mask", bool (num_envs,), False leaves an episode as it is.

        Returns:
            Observations float32 (num_envs, 8) and an empty info.

        Raises:
            UserError: for an unknown option, or seeds or a mask of another length.
        """
        no_options(options, ("reset_mask",))
        indices, seeds = self._masked((options or {}).get("reset_mask")), self._seeds(seed)
        for index in indices.tolist():
            if seeds[index] is not None or self._rngs[index] is None:
                self._rngs[index] = np_random(seeds[index])[0]
        self._deal(indices)
        self._started = True
        return self.world.observe(self.place, self.budget), {}

    def step(
        self, actions: Any
    ) -> tuple[Observation, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Choose in every episode; see `gymnasium.vector.VectorEnv.step`.

        Raises:
            InvalidAction: for other actions.
            ResetNeeded: before the first `reset`.
        """
        self._require_started()
        given = wholes(actions, self.num_envs, self.world.designs.count).astype(np.int64)
        over = self.chosen != NONE
        earned = self.world.reward(self.place, self.budget, given)
        rewards = np.where(over, 0.0, earned)
        self.chosen = np.where(over, self.chosen, given)
        if over.any() and self.autoreset_mode == AutoresetMode.NEXT_STEP:
            self._deal(np.flatnonzero(over))
        infos = {} if over.all() else self._finish(~over)
        ended = np.ones(self.num_envs, np.bool_)
        if self.autoreset_mode == AutoresetMode.NEXT_STEP:
            ended = ~over
        none = np.zeros(self.num_envs, np.bool_)
        return self.world.observe(self.place, self.budget), rewards, ended, none, infos

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture an episode, each uint8 (400, 640, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.latency.design.render import draw

        each = zip(self.place.tolist(), self.budget.tolist(), self.chosen.tolist(), strict=True)
        return tuple(draw(self.world, p, b, None if c == NONE else c) for p, b, c in each)

    def _deal(self, indices: EnvIndices) -> None:
        for index in indices.tolist():
            rng = self._rngs[index] or np_random()[0]
            self._rngs[index] = rng
            self.place[index], self.budget[index] = self.world.draw(rng)
        self.chosen[indices] = NONE

    def _finish(self, ended: Flags) -> dict[str, Any]:
        """Infos of the episodes that have just ended; with SAME_STEP, restart them."""
        chosen = np.maximum(self.chosen, 0)
        told = self.world.told(self.place, self.budget, chosen)
        infos: dict[str, Any] = {}
        for name, values in told.items():
            infos[name], infos[f"_{name}"] = np.where(ended, values, 0.0), ended.copy()
        if self.autoreset_mode != AutoresetMode.SAME_STEP:
            return infos
        last = np.full(self.num_envs, None, object)
        last[:] = list(self.world.observe(self.place, self.budget))
        self._deal(np.flatnonzero(ended))
        final = {"final_obs": last, "final_info": infos}
        return {**final, "_final_obs": ended.copy(), "_final_info": ended.copy()}

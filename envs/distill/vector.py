"""Many episodes in lockstep, their students trained in one program."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from leapbench.envs.distill.env import Rules
from leapbench.envs.distill.episode import Episode
from leapbench.envs.distill.observation import observe
from leapbench.envs.distill.world import OPTIONS
from leapbench.envs.lockstep import EnvIndices, Flags, LockstepVectorEnv, Seeds
from leapbench.envs.refusals import begun, no_options, wholes
from leapbench.envs.refusals import reals as numbers
from leapbench.envs.timed import Timed
from leapbench.errors import UserError

Step = tuple[NDArray[np.float32], NDArray[np.float64], Flags, Flags, dict[str, Any]]


class DistillVectorEnv(
    Timed,
    LockstepVectorEnv[NDArray[np.float32], NDArray[Any]],
    VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]],
):
    """`DistillEnv` for `num_envs` episodes at once.

    Everything that it returns is what Gymnasium's `SyncVectorEnv` over `DistillEnv` returns
    with the same seeds and autoreset mode. With autoreset disabled an episode that is over
    stays over, without reward or info, until `reset`.

    Args:
        num_envs: episodes in lockstep.
        actions: see `DistillEnv`, as for the next two.
        evaluation: whether the final info has the test accuracy.
        render_mode: None or "rgb_array".
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum.
        arguments: of `leapbench.envs.distill.setup.Setup`.

    Raises:
        UserError: for the arguments that `DistillEnv` refuses, or no episodes.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        actions: str = "discrete",
        evaluation: bool = False,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        **arguments: Any,
    ) -> None:
        self.rules, self.evaluation = Rules(actions, **arguments), evaluation
        spaces = (self.rules.observations, self.rules.actions)
        super().__init__(num_envs, *spaces, render_mode, autoreset_mode)
        self._rngs: list[np.random.Generator | None] = [None] * num_envs
        self.episodes: list[Episode] = []
        self._over = np.ones(num_envs, np.bool_)
        self._cut = np.zeros(num_envs, np.bool_)
        self._seen = np.empty((num_envs, *(spaces[0].shape or ())), np.float32)

    @property
    def longest(self) -> int:
        """Rounds of an episode, at most."""
        return self.rules.world.longest

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin all episodes, or those of a mask.

        Args:
            seed: s seeds episode i with s + i; a list gives each its own; None goes on.
            options: those of `DistillEnv.reset`, one value for all or a list of each one's;
                "reset_mask", bool (num_envs,), False leaves an episode as it is.

        Raises:
            UserError: for another option, a value out of range, or a list of another length.
        """
        no_options(options, (*OPTIONS, "reset_mask"))
        given = dict(options or {})
        indices, seeds = self._masked(given.pop("reset_mask", None)), self._seeds(seed)
        if not self.episodes and len(indices) < self.num_envs:
            raise UserError("The first reset begins all episodes: leave out reset_mask.")
        each = [self._own(given, index) for index in range(self.num_envs)]
        for index in indices.tolist():
            if seeds[index] is not None or self._rngs[index] is None:
                self._rngs[index] = np_random(seeds[index])[0]
        self._deal(indices, each)
        self._started = True
        return self._seen.copy(), {}

    def step(self, actions: Any) -> Step:
        """Take a round in every episode.

        Args:
            actions: one an episode; ignored where it is over.

        Returns:
            Observations float32 (num_envs, columns), rewards float64, terminations and
            truncations bool (num_envs,), and infos in Gymnasium's vector form.

        Raises:
            InvalidAction: for other actions.
            ResetNeeded: before the first `reset`.
        """
        self._require_started()
        taken, rules = self._checked(actions), self.rules
        waiting = self._over | self._cut
        live = np.flatnonzero(~waiting).tolist()
        moved = [self.episodes[index] for index in live]
        wanted = [rules.decision(taken[index], self.episodes[index]) for index in live]
        rewards = np.zeros(self.num_envs)
        rewards[live] = rules.world.advance(moved, wanted)
        for index, episode in zip(live, moved, strict=True):
            self._over[index] = episode.over
            self._cut[index] = not episode.over and episode.rounds >= self.longest
            self._seen[index] = observe(episode)
        if waiting.any() and self.autoreset_mode == AutoresetMode.NEXT_STEP:
            self._deal(np.flatnonzero(waiting))
        flags = self._over.copy(), self._cut.copy()
        ended = np.flatnonzero((flags[0] | flags[1]) & ~waiting)
        infos = self._finish(ended) if len(ended) else {}
        return self._seen.copy(), rewards, *flags, infos

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture an episode, each uint8 (400, 640, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.distill.render import draw

        return tuple(draw(episode) for episode in self.episodes)

    def _checked(self, actions: Any) -> NDArray[Any]:
        rules = self.rules
        if rules.discrete:
            return wholes(actions, self.num_envs, rules.choices.count)
        return numbers(actions, (self.num_envs, rules.numbers.count))

    def _own(self, options: dict[str, Any], index: int) -> dict[str, Any]:
        """Options of one episode."""
        found = {}
        for name, value in options.items():
            if isinstance(value, str) or np.ndim(value) == 0:
                found[name] = value
            elif len(value) != self.num_envs:
                raise UserError(f"{name} must list {self.num_envs} values, got {len(value)}.")
            else:
                found[name] = value[index]
        return found

    def _deal(self, indices: EnvIndices, options: list[dict[str, Any]] | None = None) -> None:
        """Begin new episodes in `indices`."""
        for index in indices.tolist():
            rng = self._rngs[index]
            assert rng is not None  # noqa: S101 - `reset` comes first
            episode = self.rules.world.begin(rng, options[index] if options else None)
            if index < len(self.episodes):
                self.episodes[index] = episode
            else:
                self.episodes.append(episode)
            self._seen[index] = observe(episode)
        self._over[indices] = self._cut[indices] = False

    def _finish(self, indices: EnvIndices) -> dict[str, Any]:
        """Infos of the episodes that have just ended; with SAME_STEP they begin again."""
        infos: dict[str, Any] = {}
        again = self.autoreset_mode == AutoresetMode.SAME_STEP
        for index in indices.tolist():
            info = self.rules.info(self.episodes[index], self.evaluation)
            last = self._seen[index].copy()
            nested = {"final_obs": last, "final_info": info} if again else info
            infos = self._add_info(infos, nested, index)
        if again:
            self._deal(indices)
        return infos

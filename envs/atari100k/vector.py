"""Atari games, many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from leapbench.envs.atari100k.emulator import Pixels
from leapbench.envs.atari100k.env import FRAMES_A_SECOND, spaces
from leapbench.envs.atari100k.game import LIMIT, NOOPS, SIZE, SKIP, STACK, Game, Rules
from leapbench.envs.lockstep import LockstepVectorEnv, Seeds
from leapbench.envs.refusals import begun, no_options, wholes

Flags = NDArray[np.bool_]
Wholes = NDArray[np.int64]


class Atari100kVectorEnv(
    LockstepVectorEnv[Pixels, Wholes], VectorEnv[Pixels, Wholes, NDArray[Any]]
):
    """`Atari100kEnv` for `num_envs` games at once, which paint into one array.

    Observations, rewards, ends and infos are those of Gymnasium's `SyncVectorEnv` over
    `Atari100kEnv` with the same seeds and autoreset mode. With autoreset disabled,
    where that class forbids a step, an episode that is over stays over, without reward
    or info, until `reset`: so that each of many evaluation games is played exactly once.

    ale-py's own vector environment does not follow the protocol: it resizes by area,
    draws 0 to 29 no-ops, and keeps the stack when a life is lost.

    Args:
        num_envs: games.
        game: see `Atari100kEnv`, as for the rest.
        training: whether a lost life ends an episode, and rewards are signs.
        sticky: probability with which a frame repeats the action before it.
        noops: largest number of no-ops.
        limit: longest game, frames.
        render_mode: None or "rgb_array".
        autoreset_mode: "NextStep", "SameStep" or "Disabled", or the enum.

    Attributes:
        games: the rules and emulators.

    Raises:
        UserError: for the arguments that `Atari100kEnv` refuses, or no games.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": FRAMES_A_SECOND // SKIP,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        game: str = "Breakout",
        training: bool = False,
        sticky: float = 0.0,
        noops: int = NOOPS,
        limit: int = LIMIT,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        rules = Rules(game, training, sticky, noops, limit)
        first = Game(rules)
        super().__init__(num_envs, *spaces(first), render_mode, autoreset_mode)
        self.games = [first, *(Game(rules) for _ in range(num_envs - 1))]
        self._rngs: list[np.random.Generator | None] = [None] * num_envs
        self._stacks = np.zeros((num_envs, STACK, SIZE, SIZE), np.uint8)
        self._terminated, self._truncated = np.zeros((2, num_envs), np.bool_)

    def reset(
        self, *, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[Pixels, dict[str, Any]]:
        """Start all episodes, or those of a mask.

        Args:
            seed: s seeds game i with s + i; a list gives each its own; None goes on
                with each one's random numbers, and with a game that has lost a life.
            options: "reset_mask", bool (num_envs,), False leaves an episode as it is.

        Returns:
            Observations uint8 (num_envs, 4, 84, 84) and an empty info.

        Raises:
            UserError: for an unknown option, or seeds or a mask of another length than
                `num_envs`.
        """
        no_options(options, ("reset_mask",))
        indices, seeds = self._masked((options or {}).get("reset_mask")), self._seeds(seed)
        for index in indices.tolist():
            if seeds[index] is not None:
                self._rngs[index] = np_random(seeds[index])[0]
            self._begin(index, anew=seeds[index] is not None)
        self._started = True
        return self._stacks.copy(), {}

    def step(
        self, actions: Wholes
    ) -> tuple[Pixels, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Take a step in every game.

        Args:
            actions: integers (num_envs,); ignored where an episode is over.

        Returns:
            Observations uint8 (num_envs, 4, 84, 84), rewards float64, terminations and
            truncations bool (num_envs,), and infos in Gymnasium's vector form.

        Raises:
            InvalidAction: for other actions; no game has moved.
            ResetNeeded: before the first `reset`.
        """
        self._require_started()
        chosen = wholes(actions, self.num_envs, len(self.games[0].actions)).tolist()
        rewards = np.zeros(self.num_envs)
        ended: list[int] = []
        for index, (game, action) in enumerate(zip(self.games, chosen, strict=True)):
            if not game.over:
                outcome = game.step(action, self._rng(index), self._stacks[index])
                rewards[index], self._terminated[index], self._truncated[index] = outcome
                if game.over:
                    ended.append(index)
            elif self.autoreset_mode == AutoresetMode.NEXT_STEP:
                self._begin(index, anew=False)
        flags = self._terminated.copy(), self._truncated.copy()
        infos = self._finish(ended)
        return self._stacks.copy(), rewards, *flags, infos

    def render(self) -> tuple[Pixels, ...] | None:
        """One picture a game, each uint8 (400, 640, 3); None without a render mode."""
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.atari100k.render import draw

        return tuple(draw(*each) for each in zip(self.games, self._stacks, strict=True))

    def _begin(self, index: int, anew: bool) -> None:
        self.games[index].begin(self._rng(index), self._stacks[index], anew)
        self._terminated[index] = self._truncated[index] = False

    def _rng(self, index: int) -> np.random.Generator:
        rng = self._rngs[index] or np_random()[0]
        self._rngs[index] = rng
        return rng

    def _finish(self, indices: list[int]) -> dict[str, Any]:
        """Infos of the episodes that have just ended; with SAME_STEP, start the next."""
        infos: dict[str, Any] = {}
        same_step = self.autoreset_mode == AutoresetMode.SAME_STEP
        for index in indices:
            info: dict[str, Any] = self.games[index].summary()
            if same_step:
                info = {"final_obs": self._stacks[index].copy(), "final_info": info}
                self._begin(index, anew=False)
            infos = self._add_info(infos, info, index)
        return infos

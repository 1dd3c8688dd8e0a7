"""An Atari game under the protocol of the data-efficient literature."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded

from leapbench.envs.atari100k.emulator import Pixels
from leapbench.envs.atari100k.game import LIMIT, NOOPS, SIZE, SKIP, STACK, Game, Rules
from leapbench.envs.refusals import begun, drawable, no_options, whole

FRAMES_A_SECOND = 60


class Atari100kEnv(gym.Env[Pixels, int]):
    """One of the 26 Atari games of Atari 100K, or any other of ale-py.

    ## Description

    Atari 100K asks what can be learned from 100,000 actions, two hours of play
    (Kaiser et al., arXiv 1903.00374). The protocol here is the one that SPR, VCR
    (arXiv 2206.12542) and their kin share; in the Arcade Learning Environment's terms:

    | knob             | here                                                          |
    |------------------|---------------------------------------------------------------|
    | sticky actions   | none; the ids `leapbench/Atari100kSticky-<Game>-v0` have .25  |
    | actions          | the game's minimal action set                                 |
    | frame skip       | 4; the action is repeated, scores are added up                |
    | screen           | of the last two frames the brighter at each pixel; grey       |
    | resizing         | to 84 x 84, bilinear (OpenCV's `INTER_LINEAR`)                |
    | stack            | 4 screens, zeros before the first                             |
    | no-ops           | 1 to 30 frames at the start of a game, uniform                |
    | fire at reset    | no                                                            |
    | longest game     | 108,000 frames, no-ops included                               |
    | mode, difficulty | the game's defaults                                           |
    | rewards          | `training=True`: their signs. False: the score, as it is      |
    | lost life        | `training=True`: ends the episode, not the game. False: nothing |

    Gymnasium's `AtariPreprocessing` differs: it resizes by area, restarts the game
    after a lost life, repeats the first screen in the stack, and shows an old screen
    when a game ends within an action.

    ## Action Space

    `Discrete(n)`, 3 (Freeway) to 18 actions; `meanings` names them.

    ## Observation Space

    `Box(0, 255, (4, 84, 84), uint8)`: screens, the oldest first.

    ## Rewards

    What the action adds to the score; in training its sign, -1, 0 or 1.

    ## Starting State

    The game's start after the no-ops, whose number is drawn. Each game of a seed is
    the same, whatever was played before. In training, after a lost life, the same
    game one no-op later, with a stack that is empty again.

    ## Episode End

    Terminated when the game is over, in training also when a life is lost while others
    are left. Truncated when no whole action fits into the longest game. `info` is
    empty but for an episode's last, which has `score` (float, of the game so far, not
    clipped) and `lives` (int, those left; a game of training that goes on has some).
    In training `reset(seed=...)`, and a reset in mid-episode, start a new game.

    ## Arguments

    * `game`: "Alien", ..., "UpNDown", or another of ale-py.
    * `training`: see above.
    * `sticky`: probability with which a frame repeats the action of the frame before,
      in [0, 1).
    * `noops`: largest number of no-ops, from 1 on.
    * `limit`: longest game, frames.
    * `render_mode`: None or "rgb_array", uint8 (400, 640, 3): the screen, and what is
      observed of it.

    Wrong arguments, and a missing ale-py, raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.

    Attributes:
        game: the rules and the emulator.
        meanings: name of each action.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": FRAMES_A_SECOND // SKIP,
    }

    def __init__(
        self,
        game: str = "Breakout",
        training: bool = False,
        sticky: float = 0.0,
        noops: int = NOOPS,
        limit: int = LIMIT,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = drawable(render_mode)
        self.game = Game(Rules(game, training, sticky, noops, limit))
        self.meanings = self.game.emulator.cartridge.names
        self.observation_space, self.action_space = spaces(self.game)
        self._stack, self._started = np.zeros((STACK, SIZE, SIZE), np.uint8), False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Pixels, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: seeds the random numbers and starts a new game; None goes on.
            options: none are known.

        Returns:
            The observation and an empty info.

        Raises:
            UserError: for options.
        """
        no_options(options)
        super().reset(seed=seed)
        self.game.begin(self.np_random, self._stack, anew=seed is not None)
        self._started = True
        return self._stack.copy(), {}

    def step(self, action: int) -> tuple[Pixels, float, bool, bool, dict[str, Any]]:
        """Repeat an action for four frames.

        Raises:
            InvalidAction: for what is no action; the game has not moved.
            ResetNeeded: when the episode is over.
        """
        game = self.game
        if game.over:
            raise ResetNeeded("The episode is over: call `reset` before `step`.")
        index = whole(action, len(game.actions))
        reward, terminated, truncated = game.step(index, self.np_random, self._stack)
        info = game.summary() if terminated or truncated else {}
        return self._stack.copy(), reward, terminated, truncated, info

    def render(self) -> Pixels | None:
        """Picture of the game, uint8 (400, 640, 3); None without a render mode.

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self._started)
        from leapbench.envs.atari100k.render import draw

        return draw(self.game, self._stack)


def spaces(game: Game) -> tuple[gym.Space[Any], gym.Space[Any]]:
    """Spaces of one game: observations and actions."""
    box = gym.spaces.Box(0, 255, (STACK, SIZE, SIZE), np.uint8)
    return box, gym.spaces.Discrete(len(game.actions))

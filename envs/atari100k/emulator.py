"""The Arcade Learning Environment with exact starts and exact copies.

ale-py 0.12.1 leaves two things out of the states that it saves: whether the picture
chip is inside a frame, and pixels that the next frame does not paint. After
`reset_game` they depend on what was played before, so that in some games (Assault,
Krull, Seaquest, ...) a reset does not start the same game, and in others (Qbert,
Amidar) a restored state goes on differently. `reset_game` followed by restoring the
state of a fresh emulator does start the same game; one frame later any state of the
game goes on as it did.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import Unavailable, unknown

INSTALL = 'pip install "leapbench[atari]"'
NOOP = 0
IDLE = 8
"""Emulators of a game that may wait for their next world; loading one takes 65 ms."""
_idle: defaultdict[str, list[Any]] = defaultdict(list)
Pixels = NDArray[np.uint8]


def load(module: str) -> Any:
    """Import a module of the extra `atari`.

    Raises:
        Unavailable: when it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise Unavailable(f"Atari games cannot be played: {error}.", INSTALL) from error


@dataclass(frozen=True)
class Cartridge:
    """What is the same in every emulator that holds a game.

    Attributes:
        path: of the ROM, which ale-py brings along.
        actions: the game's minimal action set, as the emulator's numbers.
        names: of these actions.
        start: `ALEState` of a game that has just begun.
        shape: height and width of its screen, pixels.
    """

    path: Path
    actions: tuple[int, ...]
    names: tuple[str, ...]
    start: Any
    shape: tuple[int, int]


@lru_cache
def cartridge(game: str) -> Cartridge:
    """A game of ale-py by its name in ids, such as "MsPacman".

    Raises:
        UserError: when there is no such game, or no ale-py.
    """
    roms = load("ale_py.roms")
    known = {"".join(map(str.capitalize, rom.split("_"))): rom for rom in roms.get_all_rom_ids()}
    if game not in known:
        raise unknown("game", str(game), known)
    path = roms.get_rom_path(known[game])
    ale = _loaded(path)
    ale.reset_game()
    actions = ale.getMinimalActionSet()
    found = Cartridge(
        path,
        tuple(int(action.value) for action in actions),
        tuple(action.name for action in actions),
        ale.cloneSystemState(),
        ale.getScreenDims(),
    )
    _given_back(game, ale)
    return found


class Emulator:
    """An emulator with a game in it, deterministic whatever it played before.

    Copies and pickles go on equally and independently.

    Args:
        game: see `cartridge`.

    Attributes:
        cartridge: what is known of the game.
        ale: the `ALEInterface`, to be looked at; whoever moves it moves the world.

    Raises:
        UserError: see `cartridge`.
    """

    def __init__(self, game: str) -> None:
        self.game, self.cartridge = game, cartridge(game)
        self.ale = _taken(game) or _loaded(self.cartridge.path)
        self._resize = load("cv2").resize
        self._before, self._now = np.zeros((2, *self.cartridge.shape), np.uint8)
        self._kept: Pixels | None = None
        weakref.finalize(self, _given_back, game, self.ale).atexit = False
        self.begin()

    def begin(self) -> None:
        """Start the game, always the same; nothing is on the screen before a frame is run."""
        self.ale.reset_game()
        self.ale.restoreSystemState(self.cartridge.start)

    def wait(self, frames: int) -> None:
        """Run frames without an action."""
        self._kept = None
        for _ in range(frames):
            self.ale.act(NOOP)

    def play(self, frames: Sequence[int], out: Pixels) -> int:
        """Run frames and show the brighter of the last two at every pixel.

        Args:
            frames: an action for each, two or more.
            out: uint8 (84, 84), receives the screen.

        Returns:
            What the score has grown by.
        """
        act, screen = self.ale.act, self.ale.getScreenGrayscale
        self._kept = None
        score: int = 0
        for action in frames[:-1]:
            score += act(action)
        screen(self._before)
        score += act(frames[-1])
        screen(self._now)
        np.maximum(self._before, self._now, out=self._now)
        self._resize(self._now, out.shape, dst=out)  # bilinear, OpenCV's default
        return score

    def show(self, out: Pixels) -> None:
        """Write the last frame's screen into `out`, uint8 (84, 84)."""
        self.ale.getScreenGrayscale(self._now)
        self._resize(self._now, out.shape, dst=out)

    def picture(self) -> Pixels:
        """The last frame's screen in colour, uint8 (210, 160, 3)."""
        drawn: Pixels = self.ale.getScreenRGB() if self._kept is None else self._kept.copy()
        return drawn

    def __getstate__(self) -> dict[str, Any]:
        state = self.ale.cloneSystemState().serialize()
        return {"game": self.game, "state": state, "picture": self.picture()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Emulator.__init__(self, state["game"])
        self.ale.act(NOOP)
        self.ale.restoreSystemState(load("ale_py").ALEState(state["state"]))
        self._kept = state["picture"]  # a restored emulator shows nothing before its next frame


def _taken(game: str) -> Any:
    """An idle emulator that holds the game; None if there is none."""
    try:
        return _idle[game].pop()
    except IndexError:
        return None


def _given_back(game: str, ale: Any) -> None:
    if len(_idle[game]) < IDLE:
        _idle[game].append(ale)


def _loaded(path: Path) -> Any:
    """A new emulator that holds a game, without sticky actions and frame limits."""
    ale_py = load("ale_py")
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setInt("random_seed", 0)  # the games draw nothing from it; see `Rules.sticky`
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(path)
    return ale

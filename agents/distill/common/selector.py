"""Rules that choose teachers: buy what is wanted, then teach with what the rule picks.

A selector of one's own derives from `Selector` and says `growth` and `pick`, in a file that
`leapbench run distill/digit-pairs path/to/file.py:MyRule` takes.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.practice import environment
from leapbench.agents.common.state import broken, require
from leapbench.agents.distill.common.look import Look
from leapbench.contract.agent import LearningPhase
from leapbench.envs.distill.choices import USUAL, WARMEST, Decision, Numbers
from leapbench.envs.distill.setup import Setup
from leapbench.errors import UserError

RECORD = "selector.json"
TAUS, ALPHAS = (2.0, 4.0, 8.0), (0.3, 0.5, 0.7)
"""The grid that every tuned selector searches."""
EPISODES = 10
"""Practice episodes for each pair of the grid, the same for all pairs."""


class Selector(ABC):
    """Acts in the Box world, an episode at a time, on what is shown of it.

    Args:
        tau: temperature, from 1 to 16.
        alpha: weight of the labels.
        tuned: whether temperature and weight are chosen from the grid by validation accuracy
            on practice instances, as far as the practice pays for it.
    """

    def __init__(self, tau: float = 4.0, alpha: float = 0.5, tuned: bool = False) -> None:
        self.tau, self.alpha, self.tuned = tau, alpha, tuned
        if not USUAL / WARMEST <= self.tau <= USUAL * WARMEST:
            ends = f"{USUAL / WARMEST:g} to {USUAL * WARMEST:g}"
            raise UserError(f"tau must be from {ends}, got {tau}.")
        bounded(self, {}, shares=("alpha",))
        self.seed = 0
        self.sizes: dict[str, int] = {}
        self.restart()

    @abstractmethod
    def growth(self, look: Look) -> Sequence[int]:
        """Checkpoints that the rule wants of each trajectory, before it picks."""

    @abstractmethod
    def pick(self, look: Look) -> dict[int, float]:
        """Weights of owned slots in the teacher; empty for none. Called for every block."""

    def probes(self, look: Look) -> tuple[int, ...]:
        """Owned slots whose probes the rule wants before it picks."""
        return ()

    @property
    def teachers(self) -> int:
        """Most checkpoints whose answers are asked for: money is kept for them."""
        return 1

    def decide(self, look: Look) -> Decision:
        """Buy the next of what is wanted while the student stays paid; else train a block."""
        wanted = self.growth(look)
        extend: list[int] = []
        for trajectory, count in enumerate(wanted):
            more = len(extend) + 1
            if look.reached(trajectory) < count and look.affords(more, 0, self.teachers):
                extend.append(trajectory)
        if extend:
            return Decision(extend=tuple(extend))
        open_ = [slot for slot in self.probes(look) if look.affords(0, 1, self.teachers)]
        if open_:
            return Decision(probe=(open_[0],))
        return self.lesson(look, self.pick(look))

    def lesson(self, look: Look, weights: dict[int, float]) -> Decision:
        """A block with teachers by weight; from the labels alone without any."""
        if not weights:
            return Decision(alpha=1.0, train=True)
        each = [weights.get(slot, 0.0) for slot in range(len(look.slots))]
        return Decision(weights=tuple(each), tau=self.tau, alpha=self.alpha, train=True)

    def restart(self) -> None:  # noqa: B027 - most draw nothing
        """Forget what was drawn; nothing to forget for most."""

    def begin(self, count: int, starts: NDArray[np.bool_]) -> None:  # noqa: B027
        """Told which of `count` episodes begin; nothing to do for most."""

    def learn(self, phase: LearningPhase) -> None:
        """Look what there is; where it is tuned, search the grid on practice instances."""
        self.sizes = {
            name: int(phase.settings.get(name, usual))
            for name, usual in (("trajectories", 2), ("checkpoints", 8), ("blocks", 10))
        }
        self.seed = phase.seed
        self.restart()
        if self.tuned:
            self._tune(phase)
        phase.report(1.0, "nothing to learn" if not self.tuned else "tuned")

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """Rows of the Box world, (B, numbers); see `leapbench.contract.agent.Policy`.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(bool(self.sizes), self)
        rows = np.asarray(observation, np.float32)
        if episode_start is not None and episode_start.any():
            self.begin(len(rows), episode_start)
        numbers = Numbers(likeness(self.sizes))
        looks = [Look(row, self.sizes["trajectories"], self.sizes["blocks"]) for row in rows]
        return np.stack([numbers.row(self.chosen(at, look)) for at, look in enumerate(looks)]), None

    def chosen(self, place: int, look: Look) -> Decision:
        """The decision of the episode at a place in the batch; the place matters to few."""
        return self.decide(look)

    def save(self, folder: Path) -> None:
        """Write sizes, seed, temperature and weight as JSON.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(bool(self.sizes), self)
        record = {"sizes": self.sizes, "seed": self.seed, "tau": self.tau, "alpha": self.alpha}
        (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when it is absent or damaged.
        """
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            self.sizes = {str(key): int(value) for key, value in record["sizes"].items()}
            self.seed = int(record["seed"])
            self.tau, self.alpha = float(record["tau"]), float(record["alpha"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise broken(folder / RECORD, self, error) from error
        self.restart()

    def _tune(self, phase: LearningPhase) -> None:
        """The pair of the grid with the best mean return over the same practice episodes."""
        grid = [(tau, alpha) for tau in TAUS for alpha in ALPHAS]
        found: dict[tuple[float, float], float] = {}
        env = environment_of(phase, EPISODES)
        longest = self.sizes["trajectories"] * self.sizes["checkpoints"] + self.sizes["blocks"]
        for done, pair in enumerate(grid):
            if phase.meter.left < 2 * longest * EPISODES:
                break
            self.tau, self.alpha = pair
            phase.report(done / len(grid), f"temperature {pair[0]:g}, weight {pair[1]:g}")
            found[pair] = float(np.mean(returns(env, self, phase.seed)))
        env.close()
        if found:
            self.tau, self.alpha = max(found, key=lambda pair: found[pair])


@lru_cache
def _setup(trajectories: int, checkpoints: int, blocks: int) -> Setup:
    return Setup(
        trajectories=trajectories, checkpoints=checkpoints, epochs=checkpoints, blocks=blocks
    )


def likeness(sizes: Mapping[str, int]) -> Setup:
    """A world of as many trajectories, checkpoints and blocks, for what actions mean."""
    return _setup(sizes["trajectories"], sizes["checkpoints"], sizes["blocks"])


def environment_of(phase: LearningPhase, count: int) -> Any:
    """Practice episodes of a phase, so many at once.

    Raises:
        UserError: when it has none.
    """
    if phase.make_env is None:
        environment(phase)
    return phase.make_env(count)  # type: ignore[misc]


def returns(env: Any, policy: Any, seed: int) -> NDArray[np.float64]:
    """Return of each sub-environment's first episode after a reset with `seed`, (B,)."""
    observation, _ = env.reset(seed=seed)
    total, over = np.zeros(env.num_envs), np.zeros(env.num_envs, bool)
    begins, state = np.ones(env.num_envs, bool), None
    while not over.all():
        actions, state = policy.predict(observation, state, begins, deterministic=True)
        observation, reward, terminated, truncated, _ = env.step(actions)
        total += np.where(over, 0.0, reward)
        begins = np.asarray(terminated | truncated)
        over |= begins
    return total

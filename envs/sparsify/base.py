"""What the worlds have in common: arguments, ledgers, observations, rewards, pictures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.envs.refusals import (
    amounts,
    begun,
    count,
    drawable,
    no_options,
    reals,
    whole,
)
from leapbench.envs.sparsify import measures
from leapbench.envs.sparsify.data import SCENES, Where
from leapbench.envs.sparsify.evaluation import constant, measure
from leapbench.envs.sparsify.facts import Facts
from leapbench.envs.sparsify.job import Job, referenced, sized
from leapbench.envs.sparsify.masks import Bools
from leapbench.envs.sparsify.observation import BOUND, Encoder
from leapbench.envs.sparsify.training import Training
from leapbench.envs.timed import Timed
from leapbench.errors import BudgetExceeded, unknown

REFERENCE = {"miou": 0.52, "accuracy": 0.83, "abs": 0.25, "rel": 0.14, "angle": 17.0}
"""About what the dense network reaches on scenes of 32 pixels after 1,200 updates."""
WORST = -2.0
"""Gains are cut off below."""
ACTIONS = ("moves", "box")
Observation = NDArray[np.float32]


class SparsifyEnv(Timed, gym.Env[Observation, Any]):
    """One training of a network that several tasks share, under a budget of weights.

    Args:
        rounds: decisions of an episode.
        iterations: updates of an episode.
        sparsity: share of the prunable weights that must be 0 at the end.
        tasks: of "seg", "depth" and "normals", in this order; None for all there is truth for.
        lambdas: weights of their losses.
        compute: limit of multiply-adds, as a share of a dense training's.
        data: "scenes" or a folder.
        size: of the pictures: pixels of both edges, or (height, width).
        train: training pictures, at most.
        validation: pictures that rewards are measured on.
        network: "small", or "deeplab", the network of the paper.
        width: factor of the small network's channels.
        blocks: residual blocks of the small network.
        batch: pictures of an update.
        lr: learning rate; it falls to 0 along a cosine.
        decay: weight decay of Adam.
        halve_every: halve the learning rate after so many updates instead; 0 for the cosine.
        mirror: flip half of the training batches.
        scene_seed: of the scenes to learn from.
        test: pictures of the test part, which no observation and no reward shows.
        test_seed: of the scenes of the test part.
        reference: metrics that gains are relative to; None for a dense network's on scenes,
            and a constant prediction's on other pictures.
        actions: "moves" for `Discrete`, "box" for `Box`.
        device: where the network is, as torch names it.
        render_mode: None or "rgb_array".

    Attributes:
        training: the one under way; it holds the test pictures, so only scorers may look.
        history: for pictures: kept weights (G,), gains by task and updates after each step.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}
    training: Training

    def __init__(
        self,
        rounds: int = 12,
        iterations: int = 240,
        sparsity: float = 0.9,
        tasks: Sequence[str] | None = None,
        lambdas: Sequence[float] = (1.0, 2.0, 2.0),
        compute: float = 1.0,
        data: str = SCENES,
        size: int | Sequence[int] = 32,
        train: int = 1000,
        validation: int = 128,
        network: str = "small",
        width: float = 1.0,
        blocks: int = 2,
        batch: int = 16,
        lr: float = 3e-3,
        decay: float = 1e-4,
        halve_every: int = 0,
        mirror: bool = False,
        scene_seed: int = 1,
        test: int = 100,
        test_seed: int = 2,
        reference: Mapping[str, float] | None = None,
        actions: str = "moves",
        device: str = "cpu",
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = drawable(render_mode)
        if actions not in ACTIONS:
            raise unknown("kind of actions", str(actions), ACTIONS)
        iterations = count("iterations", iterations)
        rounds = count("rounds", rounds, 1, iterations)
        where = Where(data, *sized(size), train, validation, test, scene_seed, test_seed)
        self.job = Job(
            where=where,
            network=network,
            width=width,
            blocks=blocks,
            sparsity=sparsity,
            iterations=iterations,
            batch=batch,
            lr=lr,
            decay=decay,
            halve_every=halve_every,
            mirror=mirror,
            tasks=None if tasks is None else (tasks,) if isinstance(tasks, str) else tuple(tasks),
            lambdas=amounts("lambdas", lambdas, 0, 1e6),
            compute=compute,
            device=device,
            **self._rules(rounds, iterations),
        )
        self.rounds, self.actions = rounds, actions
        probe = Training(self.job, 0)
        self.facts = probe.facts
        self.encoder = Encoder(self.facts, self._extra())
        self.constant = constant(probe, probe.data.validation)
        fallback = REFERENCE if data == SCENES else self.constant
        chosen = fallback if reference is None else reference
        self.reference = referenced(chosen, self.facts.tasks)
        self.moves = self._moves(self.facts)
        if actions == "moves":
            self.action_space: gym.Space[Any] = gym.spaces.Discrete(len(self.moves))
        else:
            self.action_space = gym.spaces.Box(-1, 1, (self._numbers(),), np.float32)
        self.observation_space = gym.spaces.Box(
            -BOUND, BOUND, (len(self.encoder.names),), np.float32
        )
        self._over = True

    @property
    def longest(self) -> int:
        """Decisions of an episode that does not run out of multiply-adds."""
        return self.rounds

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a network and begin its training.

        Args:
            seed: seeds the random numbers; None goes on with them.
            options: none are known.
        """
        no_options(options)
        super().reset(seed=seed)
        self.training = Training(self.job, int(self.np_random.integers(2**31)))
        self.rng = np.random.default_rng(self.training.seed)
        self.steps = 0
        self.history: list[tuple[NDArray[Any], dict[str, float], int]] = []
        self._over = False
        self._begin()
        self.gains = self._measured()
        self.score = float(np.mean(list(self._constant_gains().values())))
        self._remember()
        return self._observe(), self._info()

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Decide which weights stay, then train.

        Raises:
            InvalidAction: for what is no action.
            ResetNeeded: when the episode is over.
        """
        if self._over:
            raise ResetNeeded("The episode is over: call `reset` before `step`.")
        if self.actions == "moves":
            self._move(self.moves[whole(action, len(self.moves))])
        else:
            self._tune(reals(action, (self._numbers(),)).astype(np.float64))
        self.steps += 1
        made = self.training.train(self._due())
        self._over = self.steps == self.rounds or (self.training.over and self._due() > 0)
        reward = 0.0
        if made or self._over:
            self.gains, before = self._measured(), self.score
            self.score = float(np.mean(list(self.gains.values())))
            reward = self.score - before
        self._remember()
        observation = self._observe()
        return observation, reward, self._over, False, self._info()

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the episode so far, uint8 (400, 640, 3); None without a render mode.

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(hasattr(self, "training"))
        from leapbench.envs.sparsify.render import draw

        return draw(self)

    @abstractmethod
    def _rules(self, rounds: int, iterations: int) -> dict[str, Any]:
        """Fields of `Job` that the world decides."""

    @abstractmethod
    def _moves(self, facts: Facts) -> tuple[str, ...]:
        """Names of the moves."""

    @abstractmethod
    def _numbers(self) -> int:
        """Numbers of an action of the `Box` variant."""

    @abstractmethod
    def _begin(self) -> None:
        """Set the first mask."""

    @abstractmethod
    def _move(self, move: str) -> None:
        """Carry out a move."""

    @abstractmethod
    def _tune(self, action: NDArray[np.float64]) -> None:
        """Carry out an action of the `Box` variant."""

    @abstractmethod
    def _due(self) -> int:
        """Updates that follow the decision just made."""

    def _extra(self) -> tuple[str, ...]:
        """Names of further numbers of the observation."""
        return ()

    def _here(self) -> Sequence[float]:
        """Those numbers."""
        return ()

    def _score(self, kind: str, batches: int = 1) -> NDArray[np.float32] | None:
        """Scores at their cost; None where that cannot be paid."""
        try:
            return self.training.score(kind, batches)
        except BudgetExceeded:
            return None

    def _decide(self, mask: Bools) -> None:
        """Take over a mask, which is inside the budget wherever that is asked for."""
        self.training.decide(mask)

    def _measured(self) -> dict[str, float]:
        training = self.training
        self.metrics = measure(training, training.data.validation)
        return self._cut(measures.gains(training.tasks, self.metrics, self.reference))

    def _constant_gains(self) -> dict[str, float]:
        return self._cut(measures.gains(self.facts.tasks, self.constant, self.reference))

    @staticmethod
    def _cut(gains: Mapping[str, float]) -> dict[str, float]:
        return {task: max(WORST, gain) for task, gain in gains.items()}

    def _remember(self) -> None:
        kept = np.bincount(self.encoder.group, self.drawn, len(self.encoder.groups))
        self.history.append((kept, dict(self.gains), self.training.iteration))

    @property
    def drawn(self) -> Bools:
        """What a picture shows as kept, (P,)."""
        return self.training.mask

    def _observe(self) -> Observation:
        training = self.training
        signed = None if self._over else self._signed()
        growth = self.encoder.blind if signed is None else self.encoder.growth(signed, self._own)
        state = (
            training.iteration / self.job.iterations,
            1 - training.spent / training.limit,
            training.mask.sum() / training.budget,
            self.steps / self.rounds,
        )
        here = self._here()
        return self.encoder.row(state, training.mask, growth, self.gains, training.loss, here)

    def _signed(self) -> NDArray[np.float32] | None:
        return self._score("signed")

    @property
    def _own(self) -> Bools:
        return self.facts.own

    def _info(self) -> dict[str, Any]:
        training = self.training
        found = {
            "iterations": training.iteration,
            "kept": int(training.mask.sum()),
            "budget": training.budget,
            "spent": training.spent,
            "limit": training.limit,
            "score": self.score,
        }
        return found | {f"gain_{task}": gain for task, gain in self.gains.items()} | self.metrics

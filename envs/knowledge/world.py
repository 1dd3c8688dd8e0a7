"""What both worlds of learning share: a small CLIP that learns inside, and what is seen of it."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.knowledge.batches import Batch
from leapbench.envs.knowledge.encoders import Trained
from leapbench.envs.knowledge.links import linked
from leapbench.envs.knowledge.losses import Weights
from leapbench.envs.knowledge.network import Clip, Shape
from leapbench.envs.knowledge.picture import picture
from leapbench.envs.knowledge.probes import retrieval
from leapbench.envs.knowledge.sources import Sources
from leapbench.envs.knowledge.start import started
from leapbench.envs.knowledge.training import Rates, Trainer
from leapbench.envs.refusals import begun, drawable, no_options
from leapbench.envs.threads import one_thread
from leapbench.envs.timed import Timed
from leapbench.errors import UserError

PROBES = ("retrieval", "attributes", "facts")
WORLDS = 1000
"""Worlds of which one is drawn at each reset, unless the range is given."""
LOSSES = Weights(clip=1.0)
RATES = Rates(3e-3, 3e-3, warmup=0.0)
SHAPE = Shape(width=24, layers=1, text_layers=1, fusion=24, fusion_layers=1)
NAMES = ("clip", "e2e", "e2r", "g2e", "kd")
LARGEST = 5.0
"""A loss of this or more is 1 in the observation."""
DEV, TEST = 1, 2
"""Which draw of scenes the reward, and the score, are measured on."""

MANY = 100_000
"""Largest setting: so many scenes are a third of a gigabyte."""
MOST = {"first": 2**31, "worlds": 2**31}
"""Of those that may be larger."""

Observation = NDArray[np.float32]


class LearningEnv(Timed, gym.Env[Observation, Any]):
    """A training run that is steered, step by step; `horizon` steps, then truncated.

    Args:
        first: number of the first world that may be drawn.
        worlds: how many worlds may be drawn, from `first` on; each has its own words.
        count: scenes that knowledge is about.
        horizon: steps of an episode.
        updates: of the network in a step; 0 leaves it as it is.
        batch: triplets and pairs in an update.
        start: updates on captions before the episode begins; the same for everyone.
        held: scenes of each probe.
        render_mode: None or "rgb_array".

    Raises:
        UserError: for what is no whole number, or out of its range.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}
    drawn_from: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        first: int = 0,
        worlds: int = WORLDS,
        count: int = 1500,
        horizon: int = 20,
        updates: int = 10,
        batch: int = 32,
        start: int = 150,
        held: int = 128,
        render_mode: str | None = None,
    ) -> None:
        least = {"worlds": 1, "count": 8, "horizon": 1, "updates": 0, "batch": 4, "held": 8}
        checked(locals(), least | {"first": 0, "start": 0})
        self.first, self.worlds, self.count, self.horizon = first, worlds, count, horizon
        self.updates, self.batch, self.start, self.held = updates, batch, start, held
        self.render_mode = drawable(render_mode)
        self.started, self.over = False, False
        self.trainer: Trainer
        self.history: list[dict[str, Any]] = []

    @property
    def longest(self) -> int:
        """Steps of an episode."""
        return self.horizon

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """A picture, uint8 (400, 640, 3).

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self.started)
        return picture(self, self.drawn_from)

    @abstractmethod
    def _begin(self) -> None:
        """Forget what was bought in the last episode."""

    @abstractmethod
    def _observe(self) -> Observation:
        """What is seen now."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a world, and put its start in place; see `gymnasium.Env.reset`.

        Raises:
            UserError: for any option.
        """
        super().reset(seed=seed)
        no_options(options)
        self.world = self.first + int(self.np_random.integers(self.worlds))
        self.sources, clip = prepared(self.world, self.count, self.start, self.batch)
        self.trainer = Trainer(copy.deepcopy(clip), RATES, LOSSES, self.world, SHAPE)
        self.time, self.spent = 0, 0
        self.losses: dict[str, float] = {}
        self.dev = Sources(self.world, self.held, DEV)
        self.values = self.probe(self.dev)
        self.before = self.values["retrieval"]
        self.history = [dict(self.values)]
        self.told: set[tuple[str, str]] = set()
        self.fresh: set[tuple[str, str]] = set()
        self.latest = ""
        self._begin()
        self.started, self.over = True, False
        return self._observe(), self._info()

    def probe(self, known: Sources) -> dict[str, float]:
        """What the network knows, each from chance (0) to all right (1).

        Captions found at rank 1, words that go with objects, and words that go with words.

        Args:
            known: scenes that it has not learned from.
        """
        clip, fusion = self.trainer.clip, self.trainer.fusion
        rng, count = np.random.default_rng(self.world), len(known.scenes)
        return {
            "retrieval": retrieval(Trained(clip, known.words.number), known.scenes),
            "attributes": linked(clip, fusion, known.attribute(count, rng)),
            "facts": linked(clip, fusion, known.language(count, rng)),
        }

    def score(self) -> float:
        """What an episode is scored by: `composite` on scenes that nothing else has seen."""
        begun(self.started)
        held = Sources(self.world, self.held, TEST)
        before = retrieval(Trained(self.trainer.start, held.words.number), held.scenes)
        return composite(self.probe(held), before)

    def _live(self) -> None:
        """Refuse a step before `reset`, and after the end.

        Raises:
            ResetNeeded: Gymnasium's.
        """
        begun(self.started and not self.over)

    def _advance(
        self, batches: list[Batch], bought: dict[str, int], fresh: list[Batch]
    ) -> tuple[Any, ...]:
        """Learn from the batches, of which `fresh` was bought now; what `step` returns."""
        if self.render_mode is not None:
            self.told |= self.fresh
            self.fresh = {pair for each in fresh for pair in said(each, self.sources.words.names)}
        kept: dict[str, list[float]] = {}
        with one_thread():
            for i, batch in enumerate(batches):
                done = (self.time + i / len(batches)) / self.horizon
                for name, value in self.trainer.update(batch, done).items():
                    kept.setdefault(name, []).append(value)
        self.losses = {name: float(np.mean(each)) for name, each in kept.items()}
        self.time += 1
        old, self.values = self.values, self.probe(self.dev)
        self.history.append(dict(self.values) | {"bought": bought})
        reward = composite(self.values, self.before) - composite(old, self.before)
        self.over = self.time >= self.horizon
        return self._observe(), reward, False, self.over, self._info()

    def _seen(self) -> list[float]:
        """Time, probes, forgetting and losses, as every observation has them."""
        lost = max(0.0, self.before - self.values["retrieval"])
        probes = [self.values[name] for name in PROBES]
        losses = [min(1.0, self.losses.get(name, 0.0) / LARGEST) for name in NAMES]
        return [1 - self.time / self.horizon, *probes, lost, *losses]

    def _info(self) -> dict[str, Any]:
        return {"world": self.world, "spent": self.spent, **self.values}


def said(batch: Batch, names: Mapping[int, str]) -> set[tuple[str, str]]:
    """Words at both ends of a batch's triplets of graphs; "" stands for an object."""
    images, rows = len(batch.images), np.flatnonzero(batch.graph)
    ends = [
        ["" if end < images else names[int(batch.texts[end - images, 0])] for end in side]
        for side in (batch.heads[rows].tolist(), batch.tails[rows].tolist())
    ]
    return set(zip(*ends, strict=True)) - {("", "")}


def checked(settings: Mapping[str, Any], least: Mapping[str, int]) -> None:
    """Refuse what is no whole number, or out of its range.

    Args:
        settings: values by name.
        least: the least value of each that is checked.

    Raises:
        UserError: for the first.
    """
    for name, low in least.items():
        value, most = settings[name], MOST.get(name, MANY)
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise UserError(f"{name} must be a whole number, got {value!r}.")
        if not low <= value <= most:
            raise UserError(f"{name} must be {low} or more, {most:,} at most, got {value:,}.")


def composite(values: dict[str, float], before: float) -> float:
    """Mean of the probes, less what retrieval has lost since it was `before`."""
    lost = max(0.0, before - values["retrieval"])
    return float(np.mean([values[name] for name in PROBES])) - lost


@lru_cache(maxsize=8)
def prepared(world: int, count: int, updates: int, batch: int) -> tuple[Sources, Clip]:
    """The knowledge of a world and its start, made when it is first needed."""
    sources = Sources(world, count)
    with one_thread():
        return sources, started(sources, world, updates, 2 * batch, SHAPE)

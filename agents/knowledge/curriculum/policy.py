"""Rules for `leapbench/KnowledgeCurriculum-v0`: shares of sources, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.acting import LookAhead, Schedule
from leapbench.agents.common.bounds import bounded
from leapbench.envs.knowledge.batches import SOURCES

OUTCOMES = slice(1, 5)
"""Where an observation has the three probes, and how much is lost."""
LOSSES = slice(5, 10)
"""Where an observation has the losses: clip, e2e, e2r, g2e, kd."""


def action(shares: NDArray[Any]) -> NDArray[np.float32]:
    """Shares of sources, 0 or more, as an action in [-1, 1]."""
    top = max(float(shares.max()), 1e-9)
    return (2 * shares / top - 1).astype(np.float32)


class Fixed(Schedule):
    """The same shares in every step.

    Args:
        pairs: share of captions; all shares are relative to each other.
        scene: of triplets between objects.
        attribute: of triplets of an object and a word.
        language: of triplets between words.
        negatives: of captions with a wrong one.
        until: share of the episode after which `then` is drawn instead; 1 for never.
        then: the source that is drawn alone after `until`.

    Raises:
        UserError: for a negative share.
    """

    def __init__(
        self,
        pairs: float = 1.0,
        scene: float = 1.0,
        attribute: float = 1.0,
        language: float = 1.0,
        negatives: float = 1.0,
        until: float = 1.0,
        then: str = "language",
    ) -> None:
        super().__init__()
        self.pairs, self.scene, self.attribute = pairs, scene, attribute
        self.language, self.negatives, self.until, self.then = language, negatives, until, then
        bounded(self, dict.fromkeys(SOURCES, 0), shares=("until",))

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> NDArray[np.float32]:
        """See `Schedule.choose`; the observation begins with the share of steps left."""
        if 1 - observation[0] >= self.until:
            return action(np.array([name == self.then for name in SOURCES], np.float64))
        return action(np.array([getattr(self, name) for name in SOURCES]))


class LossProportional(Schedule):
    """More of what is still hard: captions by their loss, triplets by the mean of theirs."""

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> NDArray[np.float32]:
        """See `Schedule.choose`; all alike at first."""
        clip, e2e, e2r, g2e, _ = observation[LOSSES]
        graph = float(e2e + e2r + g2e) / 3
        if clip + graph == 0:
            return action(np.ones(len(SOURCES)))
        return action(np.array([clip, graph, graph, graph, clip]))


class Bandit(Schedule):
    """EXP3 over sources, paid by the change of the probes that the last step has made.

    Auer et al., The Nonstochastic Multiarmed Bandit Problem, 2002, with learning progress as
    the gain (Graves et al., Automated Curriculum Learning for Neural Networks, 2017).

    Args:
        rate: step of the weights' logarithms.
        explored: share of uniform draws.

    Raises:
        UserError: for a number out of its range.
    """

    def __init__(self, rate: float = 2.0, explored: float = 0.2) -> None:
        super().__init__()
        self.rate, self.explored = rate, explored
        bounded(self, {}, ("rate",), ("explored",))

    def choose(self, observation: NDArray[Any], memory: dict[str, Any]) -> NDArray[np.float32]:
        """See `Schedule.choose`."""
        *probes, lost = observation[OUTCOMES].tolist()
        value, count = float(np.mean(probes)) - lost, len(SOURCES)
        weights = memory.setdefault("weights", np.zeros(count))
        if "chosen" in memory:
            gain = (value - memory["value"]) / memory["chance"]
            weights[memory["chosen"]] += self.rate * gain / count
        likely = np.exp(weights - weights.max())
        likely = (1 - self.explored) * likely / likely.sum() + self.explored / count
        chosen = int(self.rng.choice(count, p=likely / likely.sum()))
        memory.update(chosen=chosen, chance=float(likely[chosen]), value=value)
        return action(np.eye(count)[chosen])


class Ahead(LookAhead):
    """Tries each source alone, and all alike."""

    def candidates(self, world: Any) -> list[Any]:
        """See `LookAhead.candidates`."""
        count = len(SOURCES)
        return [action(np.ones(count)), *(action(row) for row in np.eye(count))]

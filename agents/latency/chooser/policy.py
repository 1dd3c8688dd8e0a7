"""Designs chosen by multiply-adds, or by what the device takes for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.latency.common.rule import Rule
from leapbench.envs.latency.design.world import COLUMNS, DesignWorld, packaged
from leapbench.errors import UserError

Floats = NDArray[np.float64]


class ByMultiplyAdds(Rule):
    """The most accurate design whose share of multiply-adds is not above the budget.

    It looks at no device: a share of multiply-adds is taken for the same share of the latency.
    """

    def choose(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """One design a budget."""
        world, _ = seen(observation)
        costs = np.broadcast_to(
            world.designs.multiply_adds.ravel(), (len(observation), world.designs.count)
        )
        return most_accurate(world.designs.seen.ravel(), costs, observation[:, -1])


class FittedMultiplyAdds(Rule):
    """The granularity that is best for its multiply-adds, at the highest target in time.

    The granularity has the highest mean accuracy over shares of multiply-adds from 30 to 80 %,
    the same for every device; the target is the most accurate one that the device's latency
    leaves within the budget.
    """

    def choose(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """One design a device and budget, all of one granularity."""
        world, places = seen(observation)
        found = world.designs
        grid = np.linspace(0.3, 0.8, 11)
        each = [
            np.interp(grid, m, a).mean()
            for m, a in zip(found.multiply_adds, found.seen, strict=True)
        ]
        targets = found.accuracy.shape[1]
        own = np.arange(found.count) // targets == int(np.argmax(each))
        costs = np.where(own, world.latency[places], np.inf)
        return most_accurate(world.designs.seen.ravel(), costs, observation[:, -1])


class ByLatency(Rule):
    """The most accurate design whose predicted latency on the device is within the budget.

    What there is to gain by asking the device. It knows accuracies on held-out images, and what
    it earns is accuracy on others.
    """

    def choose(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """One design a device and budget."""
        world, places = seen(observation)
        return most_accurate(world.designs.seen.ravel(), world.latency[places], observation[:, -1])


def seen(observation: NDArray[np.float32]) -> tuple[DesignWorld, NDArray[np.int64]]:
    """The designs, and which of the known devices each observation is of.

    Raises:
        UserError: for observations of another world.
    """
    if observation.shape[1:] != (COLUMNS,):
        raise UserError(
            f"Designs are chosen from {COLUMNS} columns, got {observation.shape[1:]}.",
            "leapbench run latency/design by-latency",
        )
    world = packaged()
    distance = np.abs(observation[:, None, :-1] - world.rows).sum(2)
    return world, distance.argmin(1)


def most_accurate(
    accuracy: Floats, costs: Floats, budgets: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Which (D,) is most accurate among those within each budget (B,); else the cheapest."""
    able = costs <= budgets[:, None]
    cheapest = costs.argmin(1)
    best = np.where(able, accuracy, -1.0).argmax(1)
    return np.asarray(np.where(able.any(1), best, cheapest))

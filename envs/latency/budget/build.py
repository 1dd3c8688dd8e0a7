"""The packaged world on a device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from leapbench.envs.latency import packaged
from leapbench.envs.latency.budget.prices import prices
from leapbench.envs.latency.budget.world import BudgetWorld
from leapbench.envs.latency.device import batched
from leapbench.envs.latency.dynamic import DynamicNetwork


@cache
def _network() -> DynamicNetwork:
    return packaged.network().double()


def built(name: str, batch: int, stream: int, budget: float | Sequence[float]) -> BudgetWorld:
    """The packaged network and images on a device; see `LatencyBudgetEnv`."""
    network = _network()
    priced = prices(batched(name, batch), network.shape)
    several = (budget,) if isinstance(budget, int | float) else tuple(budget)
    return BudgetWorld(network, packaged.pictures(), priced, stream, several, priced.static)

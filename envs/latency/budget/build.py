"""The world of an environment: the packaged one on a device, or one's own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from leapbench.envs.latency import packaged
from leapbench.envs.latency.budget.prices import prices
from leapbench.envs.latency.budget.world import BudgetWorld
from leapbench.envs.latency.device import batched
from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.errors import UserError


@cache
def _network() -> DynamicNetwork:
    return packaged.network().double()


def built(
    world: BudgetWorld | None, name: str, batch: int, stream: int, budget: float | Sequence[float]
) -> BudgetWorld:
    """A world of one's own as it is, or the packaged network and images on a device.

    Raises:
        UserError: for arguments that `LatencyBudgetEnv` refuses.
    """
    if world is not None:
        if not isinstance(world, BudgetWorld):
            raise UserError(f"world must be a BudgetWorld, got {type(world).__name__}.")
        return world
    network = _network()
    priced = prices(batched(name, batch), network.shape)
    several = tuple(budget) if isinstance(budget, list | tuple) else (budget,)
    return BudgetWorld(network, packaged.pictures(), priced, stream, several, priced.static)

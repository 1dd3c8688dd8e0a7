"""Streams in lockstep on one device, as an evaluation opens them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench.contract.harness import EpisodeRow
from leapbench.envs.latency.budget.prices import prices
from leapbench.envs.latency.budget.vector import LatencyBudgetVectorEnv
from leapbench.envs.latency.budget.world import BudgetWorld
from leapbench.envs.latency.device import Device
from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.envs.latency.needle import Pictures


def opened(
    policy: Any,
    network: DynamicNetwork,
    images: Pictures,
    device: Device,
    planned: Sequence[EpisodeRow],
    stream: int,
    static: int,
) -> tuple[LatencyBudgetVectorEnv, np.ndarray]:
    """The world of masks after a reset, and its first observations (B, columns).

    Args:
        policy: says by `masked` whether it looks at maskers, which then are paid for.
        network: its network, in evaluation mode.
        images: that streams are drawn from.
        device: that charges.
        planned: `budget` and `seed` of each of the B streams.
        stream: images of each.
        static: picoseconds an image that budgets are shares of.
    """
    charged = prices(device, network.shape, bool(getattr(policy, "masked", True)))
    limits = [float(row["budget"]) for row in planned]
    budgets = tuple(sorted(set(limits)))
    world = BudgetWorld(network, images, charged, stream, budgets, static, exact=False)
    env = LatencyBudgetVectorEnv(
        len(planned), masks=True, world=world, autoreset_mode=AutoresetMode.DISABLED
    )
    starts = [int(row["seed"]) for row in planned]
    observation, _ = env.reset(seed=starts, options={"budget": limits})
    return env, observation

"""An agent's own masks in the streams of its task, on a processor, to be run and timed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from leapbench.contract import registry
from leapbench.contract.rollout import rollout
from leapbench.envs.latency.budget.prices import prices
from leapbench.envs.latency.budget.world import milliseconds
from leapbench.envs.latency.device import Device
from leapbench.envs.latency.sparse.network import SpatiallyDynamic
from leapbench.errors import UserError
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.studies.latency import layouts
from leapbench.studies.progress import shown
from leapbench.tasks.latency import streaming
from leapbench.tasks.latency.harness import MasksHarness

MOST = 4
"""Streams of a budget that are played."""


@dataclass(frozen=True)
class Played:
    """Streams of one budget.

    Attributes:
        budget: share of the static latency.
        accuracy: of the answers.
        kept: mean share of cells.
        predicted: mean latency of an image over the static one, as charged.
        predicted_ms: the same in milliseconds; of the blocks alone.
        images: int64 (N,), positions of the images in their order.
        masks: bool (N, m, m) each, one a block; what was paid for.
    """

    budget: float
    accuracy: float
    kept: float
    predicted: float
    predicted_ms: float
    images: np.ndarray
    masks: list[Tensor]


def learned(asked: Cell) -> tuple[MasksHarness, dict[str, Any]]:
    """The harness and what the agent learned.

    Raises:
        UserError: for a task without masks.
    """
    if cell.harness_of(registry.task(asked.task)) is not MasksHarness:
        raise UserError(f"Agents of {asked.task} choose no masks of a network of their own.")
    kept = replace(asked, keep=True)
    there = kept.done() is not None
    harness, parts = cell.learned(asked, () if there else None, shown)
    if not there:
        sys.stderr.write("\n")
    assert isinstance(harness, MasksHarness)  # noqa: S101 - for the type checker
    if there:
        agent = asked.composition
        parts = {
            asked.protocol.slot(phase): agent.restore(
                harness, phase.role, kept.kept / asked.protocol.slot(phase)
            )
            for phase in asked.protocol.phases
        }
    return harness, parts


def played(harness: MasksHarness, parts: dict[str, Any], device: Device, budget: float) -> Played:
    """Let a policy play the first streams of a budget on a device, and take down its masks."""
    policy = parts["policy"]
    network = harness.rebuilt(policy, parts["model"])
    plan = harness.schedule(harness.protocol)
    first = harness.protocol.settings["devices"][0]
    planned = [r for r in plan if r["budget"] == budget and r["device"] == first][:MOST]
    static = prices(device, harness.shapes["full"]).static
    env, first_seen = streaming.opened(
        policy,
        network,
        harness.splits["test"],
        device,
        planned,
        harness.protocol.settings["stream"],
        static,
    )
    streams, taken = env.streams, list(env.streams.drawn)
    for _ in rollout(env, policy, first_seen):
        # A stream's list of masks is a new one where an image begins.
        taken += [each for each in streams.drawn if not each and not _among(each, taken)]
    drawn = [masks for masks in taken if masks]
    order = streams.order.T.flatten()  # images come in lockstep
    sides = network.shape.cells
    masks = [
        torch.from_numpy(np.stack([each[place] for each in drawn])).view(-1, side, side)
        for place, side in enumerate(sides)
    ]
    shares = streams.kept / env.world.cells
    spent = float(streams.spent.mean())
    accuracy, kept = float(streams.right.mean()), float(shares.mean())
    seen = (accuracy, kept, spent / static, milliseconds(spent))
    return Played(budget, *seen, order, masks)


def _among(found: list[Any], taken: Sequence[list[Any]]) -> bool:
    return any(found is each for each in taken)


def dynamic(harness: MasksHarness, parts: dict[str, Any]) -> SpatiallyDynamic:
    """The block-sparse execution of the policy's network; it runs maskers if the policy does."""
    network = harness.rebuilt(parts["policy"], parts["model"])
    looks = bool(getattr(parts["policy"], "masked", True))
    made = layouts.Looking if looks else SpatiallyDynamic
    return made(network, network.shape.granularity)

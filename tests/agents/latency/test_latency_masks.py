"""Policies of masks: which cells, how many, in which grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from leapbench.agents.latency.common.granularity import grains, regrained
from leapbench.agents.latency.common.knobs import Knobs
from leapbench.agents.latency.common.network import Shape, build
from leapbench.agents.latency.fixed_level.policy import EvenSpending
from leapbench.agents.latency.fixed_masks.policy import top
from leapbench.envs.latency.budget.env import LatencyBudgetEnv
from leapbench.errors import UserError

SHAPE = Shape((1, 16, 16), 3, 8, (8, 16), (1, 1), (2, 2))


def test_the_highest_cells_are_kept_and_of_equal_ones_the_first() -> None:
    values = np.array([[0.1, 0.9, 0.5, 0.5], [1, 1, 1, 1]], np.float32)
    kept = top(values, np.array([0.5, 0.3]))
    assert kept.tolist() == [[False, True, True, False], [True, True, False, False]]


def test_a_knob_is_worth_what_can_be_paid_of_it() -> None:
    rows = np.zeros((1, 6), np.float32)
    knobs = Knobs(np.array([0.3, 0.8, 0.82]), np.array([[0.2, 0.6, 0.9]]), rows, 0.1)
    left = np.array([0.1, 0.3, 0.6, 0.85, 1.0], np.float32)
    # At 0.3: 0.3 for all images, or 0.1 + 0.7 * 0.3 / 0.6 = 0.45 by half of them.
    assert knobs.choose(np.repeat(rows, 5, 0), left).tolist() == [1, 1, 1, 1, 2]


def test_knobs_are_those_of_the_nearest_device() -> None:
    rows = np.array([[0] * 6, [1] * 6], np.float32)
    knobs = Knobs(np.array([0.5, 0.9]), np.array([[0.1, 1.0], [0.1, 0.2]]), rows, 0.1)
    assert knobs.choose(rows, np.array([0.3, 0.3], np.float32)).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "expected"), [("", (2, 2)), ("4-1", (4, 1)), ("pixel", (1, 1)), ("layer", (8, 4))]
)
def test_granularities(text: str, expected: tuple[int, int]) -> None:
    assert grains(text, SHAPE) == expected


@pytest.mark.parametrize("text", ["4", "4-2-1", "fine", "3-1"])
def test_granularities_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(UserError):
        regrained(build(SHAPE, 0), text)


def test_another_grid_leaves_the_dense_network_as_it_is() -> None:
    network = build(SHAPE, 0).eval()
    fine = regrained(network, "pixel")
    images = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(fine(images), network(images))
    assert fine.shape.cells == (8, 4)
    assert network.shape.cells == (4, 2)


@pytest.mark.parametrize("budget", [0.5, 0.8, 1.1])
def test_even_spending_lasts_to_the_end(budget: float) -> None:
    env = LatencyBudgetEnv(stream=4, budget=budget)
    observation, _ = env.reset(seed=0)
    info, policy = {}, EvenSpending()
    for _ in range(env.longest):
        (action,) = policy.choose(observation[None])
        observation, *_, info = env.step(int(action))
    assert info["forced"] <= 2
    assert info["spent_ms"] > 0.6 * info["budget_ms"] or budget > 1

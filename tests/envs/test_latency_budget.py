"""The latency budget: what is paid is what the latency model says, and never more than there is."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from leapbench.envs.latency.budget.env import LatencyBudgetEnv
from leapbench.envs.latency.budget.prices import PICO, prices
from leapbench.envs.latency.budget.vector import LatencyBudgetVectorEnv
from leapbench.envs.latency.budget.world import LEVELS, BudgetWorld
from leapbench.envs.latency.device import batched
from leapbench.envs.latency.dynamic import build
from leapbench.envs.latency.needle import Pictures, digits, needles
from leapbench.envs.latency.predictor import dynamic_block, shortcut, static_block
from leapbench.envs.latency.shape import Shape
from leapbench.errors import UserError

SHAPE = Shape((1, 16, 16), 3, 8, (8, 16), (2, 1), (2, 1))


def pictures(count: int = 12) -> Pictures:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((count, 1, 16, 16), dtype=np.float32)
    return Pictures(images, np.arange(count) % 3)


def world(budget: float = 0.6, device: str = "v100", masked: bool = True) -> BudgetWorld:
    network = build(SHAPE, 0)
    for block in network.blocks:  # maskers that differ from cell to cell
        torch.nn.init.normal_(block.masker.weight, generator=torch.Generator().manual_seed(1))  # type: ignore[union-attr,arg-type]
    charged = prices(batched(device, 64), SHAPE, masked)
    return BudgetWorld(network, pictures(), charged, 6, (budget,), charged.static)


@pytest.mark.parametrize("device", ["v100", "tx2", "cpu-zen5"])
def test_prices_are_those_of_the_latency_model(device: str) -> None:
    found, own = prices(batched(device, 64), SHAPE), batched(device, 64)
    for block, cells, table in zip(SHAPE.blocks, SHAPE.cells, found.tables, strict=True):
        count = cells**2
        said = dynamic_block(own, block, SHAPE.granularity[block.stage], 3 / count)
        dense = float(static_block(own, block))
        assert table[3] == np.ceil(min(float(said), table[-1] * 64 / PICO) / 64 * PICO)
        assert 0 <= table[-1] - dense / 64 * PICO < 0.5 * dense / 64 * PICO
        assert table[0] > shortcut(own, block) / 64 * PICO
    assert found.static == sum(int(np.ceil(static_block(own, b) / 64 * PICO)) for b in SHAPE.blocks)


def test_without_maskers_all_costs_the_ordinary_block() -> None:
    plain = prices(batched("v100", 64), SHAPE, masked=False)
    assert sum(int(table[-1]) for table in plain.tables) == plain.static
    assert [int(table[0]) for table in plain.tables] == plain.floors.tolist()
    assert all(len(set(table[1:].tolist())) == 1 for table in plain.tables)


@pytest.mark.parametrize("seed", range(8))
def test_no_choice_of_masks_spends_more_than_there_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    least = prices(batched("tx2", 64), SHAPE)
    budget = float(rng.uniform(least.least / least.static, 1.1))
    env = LatencyBudgetVectorEnv(4, masks=True, world=world(budget, "tx2"))
    env.reset(seed=seed)
    for _ in range(env.world.horizon):
        env.step((rng.random((4, env.world.widest)) < rng.random()).astype(np.int8))
    streams = env.streams
    assert streams.over.all()
    assert (streams.spent.sum(1) <= streams.purse).all()
    assert (streams.spent.sum(1) + streams.left == streams.purse).all()


def test_what_was_spent_follows_from_what_was_kept() -> None:
    env = LatencyBudgetEnv(masks=True, world=world(2.0))
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(env.world.horizon):
        env.step((rng.random(env.world.widest) < 0.5).astype(np.int8))
    assert (env.world.prices.of(env.streams.kept[0]).sum(1) == env.streams.spent[0]).all()
    assert env.streams.forced[0] == 0


def test_blocks_that_cannot_be_paid_pass_on_what_came_in() -> None:
    cheap = prices(batched("v100", 64), SHAPE)
    env = LatencyBudgetEnv(masks=True, world=world(cheap.least / cheap.static))
    env.reset(seed=0)
    info: dict[str, Any] = {}
    for _ in range(env.world.horizon):
        *_, info = env.step(np.ones(env.world.widest, np.int8))
    assert env.streams.kept.sum() == 0
    assert info["forced"] == env.world.horizon
    assert info["spent_ms"] <= info["budget_ms"]


def test_an_image_without_a_kept_cell_is_answered_by_what_passed_through() -> None:
    env = LatencyBudgetEnv(masks=True, world=world(2.0))
    env.reset(seed=0)
    earned = sum(env.step(np.zeros(env.world.widest, np.int8))[1] for _ in range(env.world.horizon))
    order, network = env.streams.order[0], env.world.network
    none = [torch.zeros(6, 1, side, side) for side in SHAPE.cells]
    with torch.no_grad():
        answers = network(env.world.images(order), none).argmax(1).numpy()
    assert earned == (answers == env.world.pictures.labels[order]).sum()


def test_no_image_comes_twice_in_a_stream() -> None:
    env = LatencyBudgetVectorEnv(5, world=world())
    env.reset(seed=3)
    assert all(len(set(order)) == env.world.stream for order in env.streams.order.tolist())


def test_the_observation_does_not_depend_on_the_labels() -> None:
    one, other = world(), world()
    other.pictures = Pictures(other.pictures.images, 2 - other.pictures.labels)
    seen = []
    for each in (one, other):
        env = LatencyBudgetEnv(masks=True, world=each)
        rows = [env.reset(seed=1)[0]]
        rows += [env.step(np.ones(each.widest, np.int8))[0] for _ in range(each.horizon)]
        seen.append(np.stack(rows))
    assert np.array_equal(*seen)


def test_levels_keep_the_best_ranked_cells() -> None:
    env = LatencyBudgetEnv(world=world(2.0))
    env.reset(seed=0)
    scores = env.streams.scores[0, :16].copy()
    env.step(3)
    mask = env.streams.drawn[0][0]
    assert mask.sum() == np.ceil(LEVELS[3] * 16)
    assert scores[mask].min() >= scores[~mask].max()


def test_the_columns_are_where_the_layout_says() -> None:
    env = LatencyBudgetEnv(masks=True, world=world(0.7))
    first, _ = env.reset(seed=0)
    at = env.streams.layout
    assert first.shape == (at.width,)
    assert first[at.block].tolist() == [1.0, 0.0, 0.0]
    assert first[at.left] == pytest.approx(0.7, abs=1e-3)
    assert first[at.budget] == pytest.approx(0.7)
    assert (first[at.scores] == env.streams.scores[0]).all()
    second, *_ = env.step(np.ones(env.world.widest, np.int8))
    paid = env.world.prices.tables[0][-1] / env.world.static
    assert second[at.spent] == pytest.approx(paid)


@pytest.mark.parametrize("budget", [0.0001, 11, "much", True])
def test_budgets_that_cannot_be_are_refused(budget: Any) -> None:
    env = LatencyBudgetEnv(world=world())
    with pytest.raises(UserError):
        env.reset(options={"budget": budget})


@pytest.mark.parametrize(
    "arguments",
    [{"stream": 0}, {"stream": 10_000}, {"device": "abacus"}, {"batch": -1}, {"budget": ()}],
)
def test_arguments_that_cannot_be_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        LatencyBudgetEnv(**arguments)


def test_masks_of_other_numbers_are_refused() -> None:
    env = LatencyBudgetEnv(masks=True, world=world())
    env.reset(seed=0)
    for action in (np.full(env.world.widest, 2), np.ones(3, int), np.ones(env.world.widest) * 0.5):
        with pytest.raises(gym.error.InvalidAction):
            env.step(action)


def test_needles_show_each_item_where_the_box_says() -> None:
    items, labels = digits("train")
    made = needles(items[:40], labels[:40], 80, 48, np.random.default_rng(0))
    assert made.boxes is not None
    assert made.images.shape == (80, 1, 48, 48)
    assert ((made.boxes[:, 2:] - made.boxes[:, :2]) == 16).all()
    assert made.boxes.min() >= 0
    assert made.boxes.max() <= 48
    left, top, right, bottom = made.boxes[0]
    shown = made.images[0, 0, top:bottom, left:right] * 0.3 + 0.35
    which = int(np.argmin([np.abs(shown - item).mean() for item in items[:40]]))
    assert labels[which] == made.labels[0]

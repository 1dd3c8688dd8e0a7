"""Processes that share a batch make the steps that one process would make."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from leapbench.agents.pretrain.common.team import Recipe, Team
from leapbench.envs.pretrain import views
from leapbench.envs.pretrain.objective import Objective
from leapbench.envs.pretrain.rates import Rates
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Look, View
from leapbench.errors import UserError

SHAPE = Shape(size=16, patch=4, width=16, depth=1, heads=2, projector=1, decoder=1)
EVERYTHING = Objective(pixels=0.5, crossed=0.5, dense=1.0, whole=0.5, kind="contrast")
UPDATES = 4


def recipe(batch: int = 8) -> Recipe:
    return Recipe(SHAPE, EVERYTHING, Rates(rate=1e-2), 3, "cpu", batch)


def drawn(count: int = 8) -> list[list[View]]:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (count, 20, 20, 3), np.uint8)
    return [[views.make(pictures, Look(), 16, rng) for _ in range(2)] for _ in range(UPDATES)]


def updated(cards: int) -> tuple[list[dict[str, float]], dict[str, torch.Tensor]]:
    with Team(recipe(), cards) as team:
        trainer = team.begin(None)
        found = [team.update(pair, i / UPDATES) for i, pair in enumerate(drawn())]
    parts = ("online", "heads", "target")
    states = {name: getattr(trainer, name).state_dict() for name in parts}
    return found, {f"{name}.{key}": each for name in parts for key, each in states[name].items()}


def test_two_processes_make_the_steps_of_one() -> None:
    (alone, one), (shared, two) = updated(1), updated(2)
    for mine, theirs in zip(alone, shared, strict=True):
        assert theirs == pytest.approx(mine, rel=1e-5)
    assert one.keys() == two.keys()
    # Vectors before a norm have no gradient but rounding, which AdamW makes steps of.
    matrices = [name for name, value in one.items() if value.ndim > 1]
    assert len(matrices) > 30
    for name in matrices:
        assert torch.allclose(two[name], one[name], atol=2e-6), name


def test_a_process_that_ends_is_noticed() -> None:
    with Team(recipe(), 2) as team:
        team.begin(None)
        views_of = drawn()
        team.update(views_of[0], 0.0)
        team.others[0].kill()
        team.others[0].join()
        with pytest.raises(UserError, match="share a batch failed"):
            team.update(views_of[1], 0.5)


def test_a_batch_is_parted_evenly_or_not_at_all() -> None:
    with pytest.raises(UserError, match="--set batch=6"):
        Team(recipe(batch=8), 3)

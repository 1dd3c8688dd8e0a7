"""Sequences of steps are counted before they are given, and no longer than is said."""

from __future__ import annotations

import numpy as np
import pytest

from leapbench.contract.meter import Meter
from leapbench.contract.sequences import MeteredSequences
from leapbench.contract.task import Budget
from leapbench.errors import BudgetExceeded, UserError


def given(limit: int = 10) -> MeteredSequences:
    steps = {"latents": np.arange(40, dtype=np.float32).reshape(20, 2), "actions": np.arange(20)}
    meter = Meter(Budget(unit="sequences", limit=limit))
    return MeteredSequences(steps, {"head.bias": np.ones(3, np.float32)}, meter, 6)


def test_sequences_are_those_from_their_first_steps() -> None:
    data = given()
    found = data.read(np.array([0, 14, 3]), 6)
    assert found["actions"].tolist() == [[*range(6)], [*range(14, 20)], [*range(3, 9)]]
    assert found["latents"].shape == (3, 6, 2)
    assert (data.meter.used, len(data)) == (3, 20)
    assert data.shapes == {"latents": (2,), "actions": ()}
    found["actions"][:] = -1
    assert data.read(np.array([0]), 1)["actions"] == 0


@pytest.mark.parametrize(
    ("rows", "length", "said"),
    [
        ([0], 7, "1 to 6 steps"),
        ([0], 0, "1 to 6 steps"),
        ([0.0], 2, "whole first steps"),
        ([[0]], 2, "whole first steps"),
        ([15], 6, r"begin in \[0, 14\]"),
        ([-1], 2, r"begin in \[0, 18\]"),
    ],
)
def test_others_are_refused_and_cost_nothing(rows: list[int], length: int, said: str) -> None:
    data = given()
    with pytest.raises(UserError, match=said):
        data.read(np.array(rows), length)
    assert data.meter.used == 0


def test_what_cannot_be_paid_is_not_given() -> None:
    data = given(4)
    data.read(np.arange(3), 2)
    with pytest.raises(BudgetExceeded):
        data.read(np.arange(2), 2)
    assert data.meter.used == 3

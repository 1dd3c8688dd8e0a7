"""What every metered world to learn in has to hold."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from leapbench.errors import BudgetExceeded


def spent_by_all(phase: Any) -> None:
    """A second world, and copies made to try actions in, spend from the one budget."""
    env, other = phase.make_env(1), copy.deepcopy(phase).make_env(2)
    env.reset(seed=phase.seed)
    other.reset(seed=phase.seed)
    for each in (env, copy.deepcopy(env), copy.copy(env)):
        before = phase.meter.used
        each.step(env.action_space.sample())
        assert phase.meter.used == before + 1
    phase.meter.spend(phase.meter.left - 1)
    with pytest.raises(BudgetExceeded):
        other.step(other.action_space.sample())

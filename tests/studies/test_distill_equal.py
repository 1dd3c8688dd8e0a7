from __future__ import annotations

from leapbench.envs.distill.setup import Setup, scenario_of
from leapbench.envs.distill.world import prices
from leapbench.studies.distill import equal


def test_both_teachers_cost_the_same_updates_and_teach_the_same_students() -> None:
    long, short = Setup(checkpoints=4, epochs=8), Setup(checkpoints=1, epochs=6)
    chosen = scenario_of("clean")
    one, other = prices(long, chosen), prices(short, chosen)
    looks = 3 * one.extend - other.extend  # three checkpoints are looked at, and one
    assert 0 < looks < other.extend / 6
    found = equal.compared("cosine", 8, 0, "narrow", 1)
    assert set(found) == {"long", "short"}
    assert found["long"] != found["short"]
    assert all(0 < value < 100 for values in found.values() for value in values)

"""Triplets for a guest are drawn and counted by the host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from twice import both, written

from leapbench.contract import registry
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.testing import small_task, standing_in

pytestmark = pytest.mark.sandbox

# Knowledge-CLIP from the suite's own parts; {more} is what it tries beside.
OWN = """
    import numpy as np
    from leapbench.agents.knowledge.common.method import Method

    class Own(Method):
        def __init__(self):
            super().__init__(pairs=8, scene=8, attribute=4, language=2, updates=3)

        def learn(self, phase):
            super().learn(phase)
            data, rng = phase.data, np.random.default_rng(0)
            {more}
"""
TASK = registry.task("knowledge/scenes")


def test_a_method_is_scored_alike_in_a_process_of_its_own(tmp_path: Path) -> None:
    file = written(tmp_path, OWN.format(more=""))
    with standing_in(small_task(TASK.name)):
        here, there = both(f"{file}:Own", tmp_path, TASK.name)
    assert here.status == "ok", here.message
    assert there.status == "ok", there.message
    assert there.run_id == here.run_id
    assert [each.used for each in there.budget] == [66]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[data.draw({'pairs': 99}, rng) for _ in '1234']", "more triplets"),
        (
            "phase.meter.used = -9; [data.draw({'pairs': 99}, rng) for _ in '1234']",
            "more triplets",
        ),
        ("data.draw({'pairs': -5}, rng)", "There are no -5 of 'pairs'"),
        ("data._ask({'counts': {'pairs': 1}, 'state': {}}, [])", "rng must be"),
        ("data._ask(3, [])", "no data that is asked for"),
        ("import leapbench.envs.knowledge.scenes", "No module named"),
        ("data.world", "has no attribute 'world'"),
    ],
)
def test_what_is_not_paid_for_is_not_given(more: str, said: str, tmp_path: Path) -> None:
    file = written(tmp_path, OWN.format(more=more))
    one = Cell(TASK.name, "smoke", f"{file}:Own", 0, (), tmp_path)
    with standing_in(small_task(TASK.name)):
        made = cell.run(replace(one, isolated=True), lambda fraction, line: None)
    assert made.status != "ok"
    assert said in (made.message or "")

"""Tables that stand for many: environments and tasks by rows of `[each]`."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.contract import each
from leapbench.contract.registry import read_task

TASK = """
harness = "module:Class"
[each]
variant = ["one", "two"]
least = [0.5, -2.0]
[card]
title = "Named {variant}"
summary = "s"
paper = "p"
scarce = "c"
published = [{ label = "l", value = "{least} points", source = "s" }]
[small]
episodes = 1
[protocol]
version = 1
phases = []
evaluation = { environment = "leapbench/X-{variant}-v0", episodes = 1 }
[protocol.metric]
name = "score"
floor = { value = "{least}", source = "s" }
ceiling = { value = 1.0, source = "s" }
[protocols.smoke]
[protocols.lite]
evaluation = { episodes = 3 }
"""


def test_a_name_alone_is_a_value_and_inside_a_text_is_written_out() -> None:
    row = {"a": 3, "b": "x"}
    assert each.filled({"k": "{a}", "t": ["{b}-{a}", 1, {"n": "{c}"}]}, row) == {
        "k": 3,
        "t": ["x-3", 1, {"n": "{c}"}],
    }
    assert list(each.rows({})) == []


def test_a_file_declares_a_task_for_each_row(tmp_path: Path) -> None:
    file = tmp_path / "many.toml"
    file.write_text(TASK)
    found = read_task(file)
    head = tmp_path.name
    assert list(found) == [f"{head}/one", f"{head}/two"]
    first, second = found.values()
    assert first.protocols["smoke"].metric.floor.value == 0.5
    assert second.protocols["lite"].metric.floor.value == -2
    assert second.protocols["lite"].evaluation.environment == "leapbench/X-two-v0"
    assert second.protocols["lite"].evaluation.episodes == 3
    assert second.card.published[0].value == "-2.0 points"
    assert first.small is not None
    assert second.small is None
    assert len({p.hash for task in found.values() for p in task.protocols.values()}) == 4


def test_lists_of_unequal_lengths_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "many.toml"
    file.write_text(TASK.replace("[0.5, -2.0]", "[0.5]"))
    with pytest.raises(ValueError, match="zip"):
        read_task(file)

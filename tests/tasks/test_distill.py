"""The family's harness: held-out instances, the same for all, and metrics from rows."""

from __future__ import annotations

import numpy as np
import pytest

from leapbench.contract import registry
from leapbench.contract.artifacts import ArtifactStore
from leapbench.errors import InvalidAction
from leapbench.tasks.distill.harness import DistillHarness
from leapbench.testing.smaller import small_task

TASK = registry.task("distill/digit-pairs")


def test_every_agent_meets_ten_instances_with_two_students_at_each_budget() -> None:
    for seed in range(5):
        plan = DistillHarness.schedule(TASK.protocols["lite"], "", seed)
        for share in {row["share"] for row in plan}:
            rows = [row for row in plan if row["share"] == share]
            instances = {(row["scenario"], row["instance"]) for row in rows}
            assert len(instances) >= 10
            assert len(rows) == len({row["student"] for row in rows}) == 2 * len(instances)


def test_runs_have_instances_of_their_own_and_budgets_share_them() -> None:
    lite = TASK.protocols["lite"]
    one, other = (DistillHarness.schedule(lite, "", seed) for seed in (0, 1))
    assert not {row["instance"] for row in one} & {row["instance"] for row in other}
    by_share: dict[object, list[object]] = {}
    for row in one:
        by_share.setdefault(row["share"], []).append((row["instance"], row["student"]))
    assert len(by_share) == len(lite.evaluation.budgets)
    assert all(some == by_share[one[0]["share"]] for some in by_share.values())
    salted = DistillHarness.schedule(lite, "salt", 0)
    assert not {row["instance"] for row in one} & {row["instance"] for row in salted}


def test_instances_of_the_evaluation_are_none_of_practice() -> None:
    for protocol in TASK.protocols.values():
        practised = protocol.settings["world"].get("instances", 2)
        for seed in range(5):
            plan = DistillHarness.schedule(protocol, "", seed)
            assert min(int(row["instance"]) for row in plan) >= practised


def test_metrics() -> None:
    rows = [
        {"share": share, "accuracy": accuracy, "spent": spent, "budget": 100, "checkpoints": 2}
        for share, accuracy, spent in ((0.5, 0.4, 50), (0.5, 0.5, 100), (2.0, 0.8, 101))
    ]
    found = DistillHarness.metrics(TASK.protocols["lite"], rows)
    assert found["accuracy"] == pytest.approx((45 + 80) / 2)
    assert (found["accuracy_50"], found["accuracy_200"]) == (pytest.approx(45), pytest.approx(80))
    assert found["violations"] == 1


class Choosing:
    """Answers with choices of the discrete world, until `wrong`."""

    def __init__(self, action: int) -> None:
        self.action = action

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.full(len(observation), self.action), state


@pytest.fixture
def harness(tmp_path, monkeypatch):
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path))
    task = small_task("distill/digit-pairs")
    return DistillHarness(task.protocols["smoke"], 0, ArtifactStore(tmp_path))


def test_policies_of_the_discrete_world_can_be_scored(harness: DistillHarness) -> None:
    alone = 2 + 4 + 1
    outcome = harness.evaluate({"policy": Choosing(alone)}, lambda fraction, line: None)
    assert [row["blocks"] for row in outcome.rows] == [3, 3]
    assert all(0 < row["spent"] <= row["budget"] for row in outcome.rows)
    with pytest.raises(InvalidAction):
        harness.evaluate({"policy": Choosing(99)}, lambda fraction, line: None)

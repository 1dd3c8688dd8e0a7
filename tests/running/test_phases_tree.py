"""Phases as a tree: what may start from what, and what stays as it was without one."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from leapbench.contract.task import Anchor, Budget, Evaluation, Metric, Phase, Protocol, canonical


def phase(name: str, after: str = "", artifact: bool = True, role: str = "policy") -> Phase:
    budget = Budget(unit="steps", limit=5)
    return Phase(name=name, role=role, budget=budget, artifact=artifact, after=after)


def protocol(*phases: Phase) -> Protocol:
    metric = Metric(
        name="m", floor=Anchor(value=0, source="a"), ceiling=Anchor(value=1, source="b")
    )
    evaluation = Evaluation(environment="toys/One-v0", episodes=2)
    fields: dict[str, Any] = {"task": "toy/one", "tier": "smoke", "version": 1}
    return Protocol(**fields, phases=phases, evaluation=evaluation, metric=metric)


def test_what_a_branch_starts_after_is_part_of_the_hash() -> None:
    tree = protocol(phase("root"), phase("leaf", "root"))
    again = Protocol.model_validate_json(canonical(tree.model_dump(mode="json")))
    assert again == tree
    assert again.hash == tree.hash
    assert tree.hash != protocol(phase("root"), phase("leaf")).hash


def test_parts_in_a_tree_are_filed_by_phase_and_others_by_role() -> None:
    tree = protocol(phase("net", role="model"), phase("root"), phase("a", "root"), phase("b", "a"))
    assert [tree.slot(each) for each in tree.phases] == ["model", "root", "a", "b"]


@pytest.mark.parametrize(
    ("phases", "reason"),
    [
        ((phase("a"), phase("b", "c")), "does not exist; there are a, b"),
        ((phase("a", "a"),), "is itself or comes later"),
        ((phase("a", "b"), phase("b", "a")), "is itself or comes later"),
        ((phase("a"), phase("b", "a", role="model")), "in which a policy learns, not a model"),
        ((phase("a", artifact=False), phase("b", "a")), "leaves no artifact"),
        ((phase("a"), phase("b", "a"), phase("b", "a")), "names two phases"),
        ((phase("policy"), phase("b", "policy")), "or a phase and a role"),
    ],
)
def test_what_is_no_tree_is_refused(phases: tuple[Phase, ...], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        protocol(*phases)

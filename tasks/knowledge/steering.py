"""Runs the tasks in which learning from knowledge is steered."""

from __future__ import annotations

from typing import ClassVar

from leapbench.tasks.steering import SteeringHarness


class KnowledgeSteering(SteeringHarness):
    """Worlds of the evaluation have other words and scenes than those of practice."""

    kept: ClassVar[tuple[str, ...]] = ("spent", "retrieval", "attributes", "facts")
    shared: ClassVar[tuple[str, ...]] = (
        "leapbench.envs.knowledge.words",
        "leapbench.envs.knowledge.batches",
    )

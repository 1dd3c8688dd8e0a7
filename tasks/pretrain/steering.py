"""Runs the tasks in which learning from views is steered."""

from __future__ import annotations

from typing import ClassVar

from leapbench.tasks.steering import SteeringHarness


class PretrainSteering(SteeringHarness):
    """Worlds of the evaluation have other pictures than those of practice."""

    kept: ClassVar[tuple[str, ...]] = ("spent", "whole", "places")

"""Latency worlds for a viewer: whose agents act there, and who cannot be shown."""

from __future__ import annotations

import pytest

from leapbench.errors import UserError
from leapbench.running.watch import play, prepare

LEVELS = "leapbench/LatencyBudget-TX2-v0"


@pytest.mark.parametrize(
    ("env_id", "agent", "steps"),
    [(LEVELS, "even-spending", 12), ("leapbench/LatencyDesign-v0", "by-latency", 1)],
)
def test_rules_are_watched_at_once(env_id: str, agent: str, steps: int) -> None:
    env, policy = prepare(env_id, agent, 0)
    frames, score = play(env, policy, 0, steps)
    assert len(frames) == steps + 1
    assert (frames[0] != frames[-1]).any()
    assert score >= 0


def test_who_learns_practises_first() -> None:
    said: list[str] = []
    env, policy = prepare(
        "leapbench/LatencyDesign-v0", "ppo", 0, lambda fraction, line: said.append(line)
    )
    assert said
    _, score = play(env, policy, 0, 1)
    assert score > 0


def test_policies_of_masks_are_told_where_to_look() -> None:
    with pytest.raises(UserError, match="for minutes") as told:
        prepare("leapbench/LatencyBudget-Nano-Mask-v0", "lasnet", 0)
    assert "leapbench/LatencyBudget-Nano-v0" in str(told.value)

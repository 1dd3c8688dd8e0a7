"""Clean and noisy trees of one task: where noise acts, and what its metrics are."""

from __future__ import annotations

import pytest

from leapbench.contract import registry
from leapbench.contract.task import Phase, Protocol
from leapbench.errors import UserError
from leapbench.tasks.urlb.noisy import NoisyHarness

PROTOCOL = registry.task("urlb/point-noisy").protocols["lite"]
PHASES = {phase.name: phase for phase in PROTOCOL.phases}


def during(*stages: str) -> Protocol:
    """The protocol with noise at these stages alone."""
    noise = PROTOCOL.settings["noise"] | {"during": list(stages)}
    return PROTOCOL.model_copy(update={"settings": {**PROTOCOL.settings, "noise": noise}})


def noise(protocol: Protocol, name: str) -> tuple[float, float]:
    """Probability where a phase learns and where it is evaluated."""
    phase: Phase = PHASES[name]
    worlds = (NoisyHarness.world, NoisyHarness.evaluation_world)
    return tuple(each(protocol, phase).arguments["probability"] for each in worlds)  # type: ignore[return-value]


def test_noise_acts_in_the_noisy_tree_and_the_phases_named() -> None:
    assert noise(PROTOCOL, "clean-calm") == (0, 0)
    assert noise(PROTOCOL, "noisy-calm") == (0.3, 0.3)
    assert noise(PROTOCOL, "noisy-pretrain")[0] == 0.3
    tested = during("evaluation")
    assert noise(tested, "noisy-calm") == (0, 0.3)
    assert noise(tested, "noisy-pretrain")[0] == 0
    with pytest.raises(UserError, match=r"noise\.during may have pretrain, finetune, evaluation"):
        noise(during("always"), "noisy-calm")


def test_change_is_noisy_less_clean_and_noisy_the_score() -> None:
    rows = NoisyHarness.schedule(PROTOCOL)
    earned = {"clean": 40.0, "noisy": 10.0}
    done = [row | {"return": earned[str(row["domain"])], "length": 100} for row in rows]
    found = NoisyHarness.metrics(PROTOCOL, done)
    assert found["noisy"] == pytest.approx(0.1)
    assert found["clean"] == pytest.approx(0.4)
    assert found["change"] == pytest.approx(-0.3)
    assert found["noisy_calm"] == pytest.approx(0.1)

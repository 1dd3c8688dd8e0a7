"""The harness of masks: whose network runs, and what its rows are worth."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from leapbench.contract.artifacts import ArtifactStore
from leapbench.envs.latency.dynamic import DynamicNetwork, build
from leapbench.envs.latency.shape import Shape
from leapbench.errors import InvalidOutput
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.tasks.latency import scores
from leapbench.tasks.latency.harness import MasksHarness
from leapbench.testing import small_task, standing_in

ROOT = Path(__file__).parents[2]


@pytest.fixture
def harness(tmp_path: Any) -> MasksHarness:
    protocol = small_task("latency/needle").protocols["smoke"]
    return MasksHarness(protocol, 0, ArtifactStore(tmp_path))


def full(harness: MasksHarness) -> DynamicNetwork:
    return build(harness.shapes["full"], 0)


def test_the_network_is_built_anew_from_its_weights(harness: MasksHarness) -> None:
    class Cheat(DynamicNetwork):
        def head(self, x: torch.Tensor) -> torch.Tensor:
            raise AssertionError("the agent's own code was run")

    given = Cheat(harness.shapes["full"])
    made = harness.rebuilt(SimpleNamespace(network=given), SimpleNamespace(network=full(harness)))
    assert type(made) is DynamicNetwork
    assert torch.equal(made.classifier.weight, given.classifier.weight)


def test_the_network_that_savings_are_measured_against_is_built_anew(
    harness: MasksHarness,
) -> None:
    """One that answered badly when run densely would make every budget look like a saving."""

    class Poor(DynamicNetwork):
        def forward(self, images: torch.Tensor, masks: Any = None) -> torch.Tensor:
            raise AssertionError("the agent's own code was run, on images of the test")

    class Nothing:
        def predict(self, seen: Any, *asked: Any, **more: Any) -> Any:
            return np.zeros((len(seen), 36), np.int8), None

    parts: Any = {"model": SimpleNamespace(network=Poor(harness.shapes["full"]))}
    outcome = harness.evaluate(parts | {"policy": Nothing()}, lambda fraction, line: None)
    assert len(outcome.rows) == len(harness.schedule(harness.protocol))


def test_another_granularity_is_the_policys_own(harness: MasksHarness) -> None:
    shape = Shape(**{**vars(harness.shapes["full"]), "granularity": (1, 1, 1)})
    policy = SimpleNamespace(network=build(shape, 0))
    made = harness.rebuilt(policy, SimpleNamespace(network=full(harness)))
    assert made.shape.cells == (24, 24, 12, 12, 6, 6)


def test_a_larger_network_is_refused(harness: MasksHarness) -> None:
    shape = Shape(**{**vars(harness.shapes["full"]), "channels": (64, 128, 256), "stem": 64})
    with pytest.raises(InvalidOutput):
        harness.rebuilt(
            SimpleNamespace(network=build(shape, 0)), SimpleNamespace(network=full(harness))
        )


def test_weights_that_are_no_numbers_are_refused(harness: MasksHarness) -> None:
    network = full(harness)
    torch.nn.init.constant_(network.classifier.weight, float("nan"))
    with pytest.raises(InvalidOutput):
        harness.rebuilt(SimpleNamespace(network=network), SimpleNamespace(network=full(harness)))


def test_splits_share_no_item(harness: MasksHarness) -> None:
    train, held, test = (harness.splits[name] for name in ("train", "calibration", "test"))
    assert len(train), len(held) == (128, 40)
    assert not (train.images[:40, 0, :2, :2] == test.images[:40, 0, :2, :2]).all()


def row(device: str, budget: float, accuracy: float, latency: float) -> dict[str, Any]:
    return {
        "device": device,
        "budget": budget,
        "accuracy": accuracy,
        "dense": 0.8,
        "images": 10,
        "static": 100,
        "spent": int(latency * 1000),
        "limit": int(budget * 1000),
        "kept": 0.5,
    }


def test_metrics_by_hand() -> None:
    rows = [
        row("v100", 0.4, 0.5, 0.4),
        row("v100", 0.6, 0.8, 0.55),
        row("v100", 1.0, 0.8, 0.9),
        row("tx2", 0.4, 0.2, 0.4),
        row("tx2", 0.6, 0.4, 0.6),
        row("tx2", 1.0, 0.7, 1.1),
    ]
    found = scores.metrics(rows)
    assert found["area_v100"] == pytest.approx((0.65 * 0.2 + 0.8 * 0.4) / 0.6)
    assert found["area_tx2"] == pytest.approx((0.3 * 0.2 + 0.55 * 0.4) / 0.6)
    assert found["accuracy"] == pytest.approx((found["area_v100"] + found["area_tx2"]) / 2)
    assert found["saved_v100"] == pytest.approx(0.45)
    assert found["saved_tx2"] == 0.0
    assert found["violations"] == 1.0


def test_the_example_of_own_masks_runs_on_the_models_network(tmp_path: Any) -> None:
    small, path = small_task("latency/needle"), ROOT / "examples" / "custom_cells.py"
    with standing_in(small):
        one = Cell(small.name, "smoke", f"resnet+{path}:Active", 0, (), tmp_path)
        made = cell.run(one, lambda fraction, line: None)
    assert made.status == "ok", made.message
    assert made.metrics["violations"] == 0
    assert 0 < made.metrics["kept"] < 0.5

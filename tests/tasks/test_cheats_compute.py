"""Ways to score without earning it, on milliseconds and on cubes of a video: all fail."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from one_budget import spent_by_all

from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.task import Protocol
from leapbench.envs.latency.dynamic import DynamicNetwork, build
from leapbench.envs.latency.networks import Block
from leapbench.envs.latency.shape import Shape
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.shape import shape_of
from leapbench.errors import InvalidAction, InvalidOutput, UserError
from leapbench.tasks.latency.acting import ActingHarness
from leapbench.tasks.latency.harness import MasksHarness
from leapbench.tasks.videoglance import banks
from leapbench.tasks.videoglance.harness import VideoGlanceHarness
from leapbench.testing import small_task

ACTING = ("latency/levels", "latency/design")


def silent(fraction: float, line: str) -> None:
    """Report nothing."""


def small(name: str) -> Protocol:
    return small_task(name).protocols["smoke"]


@pytest.fixture
def masks(tmp_path: Path) -> MasksHarness:
    return MasksHarness(small("latency/needle"), 0, ArtifactStore(tmp_path))


@pytest.fixture
def glances(tmp_path: Path) -> VideoGlanceHarness:
    return VideoGlanceHarness(small("videoglance/needle"), 0, ArtifactStore(tmp_path))


@pytest.fixture
def dense(masks: MasksHarness) -> Any:
    return SimpleNamespace(network=build(masks.shapes["full"], 0).eval())


def lessons(masks: MasksHarness, model: Any) -> Any:
    return masks.open(masks.protocol.phases[1], {"model": model}, silent).data


def test_devices_prices_and_pictures_cannot_be_changed(masks: MasksHarness, dense: Any) -> None:
    given = lessons(masks, dense)
    with pytest.raises(TypeError):
        given.devices["v100"] = given.devices["tx2"]
    with pytest.raises(TypeError):
        given.static["v100"] = 10**15
    priced = given.prices("v100", masks.shapes["full"])
    for array in (priced.floors, *priced.tables, given.train.images, given.calibration.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_a_spoiled_network_is_not_the_bar(masks: MasksHarness, dense: Any) -> None:
    """`saved_...` is over the accuracy of the first phase's network, which a policy may spoil."""
    before = copy.deepcopy(dense.network.state_dict())
    with torch.no_grad():
        for value in lessons(masks, dense).network.parameters():
            value.zero_()
    after = dense.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


class Cheap(Shape):
    """Has the fields of a shape, and says that its blocks are small."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(Block(1, 1, 1, 1, 1, 1, 0, each.stage) for each in super().blocks)


def test_a_shape_is_read_field_by_field(masks: MasksHarness, dense: Any) -> None:
    network = build(masks.shapes["full"], 0)
    network.shape = Cheap(**vars(masks.shapes["full"]))
    made = masks.rebuilt(SimpleNamespace(network=network), dense)
    assert type(made.shape) is Shape
    assert made.shape == masks.shapes["full"]


@pytest.mark.parametrize("granularity", [(0, 0, 0), (5, 1, 1), (1, 1), "421", None, (1.5, 1, 1)])
def test_there_is_no_other_granularity(masks: MasksHarness, dense: Any, granularity: Any) -> None:
    network = build(masks.shapes["full"], 0)
    network.shape = SimpleNamespace(**{**vars(masks.shapes["full"]), "granularity": granularity})  # type: ignore[assignment]
    with pytest.raises(InvalidOutput):
        masks.rebuilt(SimpleNamespace(network=network), dense)


def test_a_policy_without_a_network_masks_the_models(masks: MasksHarness, dense: Any) -> None:
    made = masks.rebuilt(SimpleNamespace(), dense)
    assert type(made) is DynamicNetwork
    assert torch.equal(made.classifier.weight, dense.network.classifier.weight)
    with pytest.raises(InvalidOutput):
        masks.rebuilt(SimpleNamespace(network="none"), dense)


class Answering:
    """Gives the same answer to everything."""

    masked = True

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, seen: Any, state: Any = None, begins: Any = None, deterministic: Any = True):
        seen[:] = 1e9  # a copy, which no world reads
        return self.answer(seen), state


@pytest.mark.parametrize(
    "answer",
    [
        lambda seen: np.full((len(seen), 36), 2),
        lambda seen: np.full((len(seen), 36), np.nan),
        lambda seen: np.full((len(seen), 36), -1),
        lambda seen: np.ones((len(seen), 35), int),
        lambda seen: np.ones(len(seen), int),
        lambda seen: None,
    ],
)
def test_masks_outside_are_refused(masks: MasksHarness, dense: Any, answer: Any) -> None:
    with pytest.raises(InvalidAction):
        masks.evaluate({"model": dense, "policy": Answering(answer)}, silent)


@pytest.mark.parametrize("masked", [True, False])
def test_everything_wanted_is_not_more_than_the_budget(
    masks: MasksHarness, dense: Any, masked: bool
) -> None:
    policy = Answering(lambda seen: np.ones((len(seen), 36), np.int8))
    policy.masked = masked  # says whether maskers are paid for
    outcome = masks.evaluate({"model": dense, "policy": policy}, silent)
    assert all(row["spent"] <= row["limit"] for row in outcome.rows)
    assert masks.metrics(masks.protocol, outcome.rows)["violations"] == 0
    assert any(row["forced"] for row in outcome.rows)


def test_without_maskers_one_cell_costs_the_whole_block(masks: MasksHarness) -> None:
    """Else masks of one's own, computed elsewhere, would be free."""
    priced = lessons(masks, SimpleNamespace(network=build(masks.shapes["full"], 0))).prices(
        "v100", masks.shapes["full"], masked=False
    )
    for table in priced.tables:
        assert (table[1:] == table[-1]).all()


@pytest.mark.parametrize("name", ACTING)
def test_a_copied_world_and_a_second_one_share_one_budget(name: str, tmp_path: Path) -> None:
    harness = ActingHarness(small(name), 0, ArtifactStore(tmp_path))
    spent_by_all(harness.open(harness.protocol.phases[0], {}, silent))


@pytest.mark.parametrize("name", ACTING)
def test_episodes_that_are_scored_cannot_be_practised(name: str, tmp_path: Path) -> None:
    harness = ActingHarness(small(name), 3, ArtifactStore(tmp_path))
    row = harness.schedule(harness.protocol, "", 3)[0]
    env = harness.open(harness.protocol.phases[0], {}, silent).make_env(2)
    starts: Sequence[Any] = (row["seed"], row["seed"] - 1, [None, row["seed"]])  # type: ignore[operator]
    for start in starts:
        with pytest.raises(UserError, match="an episode that is scored"):
            env.reset(seed=start)


class Free(GlanceNetwork):
    """Counts as nothing, and would answer by code of its own."""

    def forward(self, clip: torch.Tensor) -> list[torch.Tensor]:
        return [clip.new_zeros((1, 10))] * 5

    def ranked(self, maps: torch.Tensor) -> torch.Tensor | None:
        raise AssertionError("the agent's own code was run")


def test_the_reading_network_is_built_anew(glances: VideoGlanceHarness) -> None:
    shape = shape_of(glances.settings["network"])
    given = Free(shape, "heatmap")
    made = glances.rebuilt(SimpleNamespace(network=given))
    assert type(made) is GlanceNetwork
    assert banks.costs(made) == banks.costs(GlanceNetwork(shape, "heatmap"))
    assert torch.equal(made.reader.head.weight, given.reader.head.weight)


def test_other_reading_networks_are_refused(glances: VideoGlanceHarness) -> None:
    settings = dict(glances.settings["network"])
    wide = GlanceNetwork(shape_of(settings | {"features": 96}), "heatmap")
    broken = GlanceNetwork(shape_of(settings), "")
    torch.nn.init.constant_(broken.reader.head.bias, float("nan"))
    odd = GlanceNetwork(shape_of(settings), "sigmoid")
    odd.locator.kind = "another"  # type: ignore[union-attr]
    for network in (wide, broken, odd, "none", None):
        with pytest.raises(InvalidOutput):
            glances.rebuilt(SimpleNamespace(network=network))


def test_an_unpaid_look_shows_nothing_and_practice_spends(glances: VideoGlanceHarness) -> None:
    model = SimpleNamespace(network=GlanceNetwork(shape_of(glances.settings["network"]), ""))
    glances.artifacts["model"] = {"of": "a test"}
    phase = glances.open(glances.protocol.phases[1], {"model": model}, silent)
    assert not phase.data.overlap.any()  # where the object is
    with pytest.raises(ValueError, match="read-only"):
        phase.data.labels[:] = 0
    assert phase.make_env is not None
    env = phase.make_env(2)
    assert not env.unwrapped.bank.overlap.any()
    least = int(phase.data.first)
    observation, _ = env.reset(seed=0, options={"budget": least})
    layout = env.unwrapped.world.layout
    for each in (env, copy.deepcopy(env)):
        used = phase.meter.used
        seen, *_ = each.step(np.zeros(2, np.int64))
        assert phase.meter.used == used + 2
        assert not seen[:, layout.visited].any()
    assert not observation[:, layout.visited].any()

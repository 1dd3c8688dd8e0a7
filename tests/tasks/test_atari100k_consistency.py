"""Value consistency alone on games: frozen networks are the agents' own, and a model is scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from leapbench.agents.atari100k.common.distribution import Support
from leapbench.agents.atari100k.common.networks import Encoder, Head
from leapbench.contract import registry
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.tasks.atari100k.frozen.data import LIMIT, networks, returns, transitions
from leapbench.testing import check_task, shrink
from leapbench.testing.smaller import standing_in

pytest.importorskip("ale_py")
TASK = registry.task("atari100k/consistency")
WORLDS = [phase.name for phase in TASK.protocols["smoke"].phases]
ONE = WORLDS[0]


def small(limit: int = 320):
    """The task with one game."""
    smoke = TASK.protocols["smoke"]
    smoke = smoke.model_copy(update={"phases": smoke.phases[:1]})
    task = TASK.model_copy(update={"protocols": dict(TASK.protocols) | {"smoke": smoke}})
    return shrink(task, {}, {ONE: limit}, episodes=1)


@pytest.mark.parametrize("name", WORLDS)
def test_frozen_networks_are_those_of_the_agents(name: str) -> None:
    frozen = networks(name)
    atoms = len(frozen.weights["head.value.bias"])
    actions = len(frozen.weights["head.advantage.bias"]) // atoms
    encoder = Encoder(4, 16, "data-efficient")
    head = Head(encoder.shape, actions, 64, atoms, 0.5)
    for part, net in {"encoder": encoder, "head": head}.items():
        own = {k: v for k, v in frozen.weights.items() if k.startswith(f"{part}.")}
        net.load_state_dict({k[len(part) + 1 :]: torch.from_numpy(v) for k, v in own.items()})
    seen = np.random.default_rng(0).integers(0, 256, (6, 4, 84, 84)).astype(np.uint8)
    images = torch.from_numpy(seen).float() / 255
    with torch.no_grad():
        latents = encoder(images).contiguous(memory_format=torch.channels_last)
        chances = head.logits(head.hidden(latents)).softmax(-1)
        values = Support(atoms, LIMIT, torch.device("cpu")).mean(chances)
    np.testing.assert_allclose(frozen.latents(seen), latents, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(frozen.values(latents.numpy()), values, rtol=1e-3, atol=1e-3)
    assert np.array_equal(frozen.best(latents.numpy()), values.argmax(1))


def test_a_return_is_that_of_a_life() -> None:
    data, frozen = transitions(ONE, "test"), networks(ONE)
    found = returns(data, frozen, 0.9)
    end = int(np.flatnonzero(data.ends)[0])
    assert found[end] == data.rewards[end]
    assert found[end - 1] == pytest.approx(data.rewards[end - 1] + 0.9 * data.rewards[end])
    assert data.latents.shape[1:] == (32, 3, 3)
    assert set(np.unique(data.rewards)) <= {-1, 0, 1}


def test_the_task_keeps_the_rules() -> None:
    check_task(small())


def test_a_model_that_learns_is_better_than_one_that_does_not(tmp_path: Path) -> None:
    scores = {}
    for name, rate in (("none", "1e-9"), ("some", "1e-3")):
        with standing_in(small(6400)):
            one = Cell(TASK.name, "smoke", "latent-mse", 0, (f"rate={rate}",), tmp_path / name)
            found = cell.run(one, lambda fraction, line: None)
        assert found.status == "ok", found.message
        scores[name] = found.metrics
    assert scores["some"]["cosine_1"] > scores["none"]["cosine_1"]
    assert scores["some"]["value_1"] < scores["none"]["value_1"]

"""Where parts learn: what was typed is checked, handed on, recorded, and no part of identity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leapbench.agents.urlb.common.ddpg import DDPG, Backbone
from leapbench.agents.urlb.common.replay import Sizes, TransitionReplay
from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.running import cell, device, doctor
from leapbench.running.cell import Cell
from leapbench.running.plan import plan
from leapbench.tasks.activeview import worlds
from leapbench.testing import small_task, small_task_of, standing_in

NOWHERE = "meta"
"""A device of torch whose tensors have a place and a shape, and no numbers."""


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cards, as far as torch says."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda place: f"Card {place}")


@pytest.fixture
def none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("cards")
def test_cards_that_are_there_may_be_named_and_are_recorded() -> None:
    for text in ("auto", "cpu", "cuda", "cuda:0", "cuda:1", "cuda:all"):
        assert device.checked(text) == text
    assert (device.cards("cuda:all"), device.cards("cuda:1"), device.cards("auto")) == (2, 1, 1)
    assert device.resolved("cuda:all") == "cuda:0"
    assert device.resolved("auto") == "cuda"
    assert device.described("cuda:1") == {"device": "cuda:1", "card": "Card cuda:1"}
    (line,) = doctor.devices()
    assert "cuda:1: Card 1" in line.found
    with pytest.raises(UserError, match="cuda:0 to cuda:1"):
        device.checked("cuda:2")


@pytest.mark.usefixtures("none")
def test_without_a_card_auto_is_the_processor_and_a_card_is_refused() -> None:
    assert device.resolved("auto") == "cpu"
    assert device.described("cpu") == {"device": "cpu"}
    with pytest.raises(UserError, match="no Nvidia card"):
        plan("earlyexit/digits", "smoke", ["msdnet"], "0", (), Path("runs"), device="cuda:0")


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", "meta", ""])
def test_what_is_no_device_is_told(text: str) -> None:
    with pytest.raises(UserError, match="is no device"):
        device.checked(text)


def test_a_phase_is_opened_on_the_device_of_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(cell, "resolved", lambda text: {"auto": NOWHERE}.get(text, text))
    task = small_task("urlb/entropy-grid")
    part = registry.agent(task.default_agents["policy"], task.family)

    def learn(self: Any, phase: Any) -> None:
        opened.append(phase.device)
        raise RuntimeError("seen enough")

    made = cell.compose
    with standing_in(task):
        one = Cell(task.name, "smoke", part.name, 0, (), tmp_path, device="auto")
        monkeypatch.setattr(type(made(task, part.name).build("policy")), "learn", learn)
        with pytest.raises(RuntimeError, match="seen enough"):
            cell.learned(one)
    assert opened == [NOWHERE]


def test_the_device_is_recorded_and_decides_neither_run_id_nor_what_is_done(
    tmp_path: Path,
) -> None:
    task = small_task("urlb/entropy-grid")
    with standing_in(task):
        one = Cell(
            task.name, "smoke", task.default_agents["policy"], 0, (), tmp_path, device="auto"
        )
        made = cell.run(one, lambda fraction, line: None)
        assert made.provenance["device"] == device.resolved("auto")
        other = Cell(task.name, "smoke", task.default_agents["policy"], 0, (), tmp_path)
        assert other.done() is not None
        assert other.path == one.path


@pytest.mark.parametrize(
    "name", ["earlyexit/msdnet", "earlyexit/l2w-den", "earlyexit/exit-weights-random"]
)
def test_networks_and_batches_of_a_trainer_are_moved(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One update with everything on `meta`: a tensor left behind would raise."""
    task = small_task_of(name)
    with standing_in(task):
        one = Cell(task.name, "smoke", registry.agents()[name].name, 0, (), tmp_path)
        part = one.composition.build("model")
        phase = next(p for p in one.protocol.phases if p.role == "model")
        opened = cell._harness(one).open(phase, {}, lambda fraction, line: None)
    opened.device = NOWHERE
    updates: list[set[str]] = []
    update = type(part).update  # type: ignore[attr-defined]

    def once(self: Any, optimizer: Any, train: Any, other: Any, step: int) -> Any:
        if step == 0:  # teaching reads numbers back, of which there are none
            step = 1
        matrix = update(self, optimizer, train, other, step)
        updates.append({matrix.device.type, *(p.device.type for p in self.network.parameters())})
        raise StopIteration

    monkeypatch.setattr(type(part), "update", once)
    with pytest.raises(StopIteration):
        part.learn(opened)
    assert updates == [{NOWHERE}]


def test_ddpg_and_its_optimisers_are_moved_and_replay_hands_out_there() -> None:
    sizes = Sizes(3, 2, 0)
    ddpg = DDPG(sizes, Backbone(hidden=8), 0).to(NOWHERE)
    replay = TransitionReplay(sizes, 100, 10, 3, 0.99, NOWHERE)
    draw = torch.Generator().manual_seed(0)
    for _ in range(10):
        seen = torch.rand(3, generator=draw).numpy()
        replay.add(seen, seen[:0], torch.rand(2, generator=draw).numpy(), 0, 1.0)
    replay.finish(seen, False)
    batch = replay.sample(4, np.random.default_rng(0))
    assert {each.device.type for each in batch} == {NOWHERE}
    ddpg.update(batch, batch.reward)
    state = ddpg.state_dict()
    tensors = [each for name, each in state.items() if not name.endswith("_extra_state")]
    assert {each.device.type for each in tensors} == {NOWHERE}


def test_the_field_of_active_views_is_placed() -> None:
    given = {"scene": "niche", "field": {"resolution": 8}}
    assert worlds.placed(given, "cuda:1")["field"] == {"resolution": 8, "device": "cuda:1"}
    assert worlds.placed({}, "cpu")["field"] == {"device": "cpu"}

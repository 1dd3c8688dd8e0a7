"""Practice that is killed, or goes on in a further phase, is as if it had never stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from leapbench.agents.urlb.common import practice
from leapbench.agents.urlb.common.replay import Sizes, TransitionReplay
from leapbench.agents.urlb.ddpg.policy import Scratch
from leapbench.agents.urlb.moss.policy import Moss
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.checkpoints import RECORD, Checkpoints
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget, Phase
from leapbench.errors import UserError
from leapbench.running import phases
from leapbench.running.composition import Composition, compose
from leapbench.tasks.urlb import worlds
from leapbench.tasks.urlb.harness import UrlbHarness
from leapbench.testing.files import contents

POINT = "leapbench/URLB-EntropyPoint-v0"
TINY: dict[str, Any] = {"hidden": 16, "batch": 16, "warmup": 50, "every": 2}
CURIOUS = ("moss", "cic", "rnd", "icm", "disagreement", "icm-apt", "ind-apt", "proto")
SKILLED = ("diayn", "smm", "aps")
STAGES = [
    *(("pretrain", name) for name in CURIOUS + SKILLED),
    *(("finetune", name) for name in ("moss", "ddpg", "proto", "aps")),
]


class Killed(Exception):
    """Stands for a kill."""


def phase(
    name: str, limit: int, checkpoints: Checkpoints | None = None, **settings: Any
) -> LearningPhase:
    """A phase of a point that is kicked about."""
    meter = Meter(Budget(unit="steps", limit=limit))
    world = {"noise": 0.02, "horizon": 20, "task": "calm"}
    make = partial(worlds.training, POINT, world, name == "finetune", meter)
    told = {"horizon": 20} | settings
    return LearningPhase(name, meter, 7, told, make_env=make, checkpoints=checkpoints)


def killed(opened: LearningPhase, at: int) -> LearningPhase:
    """`opened`, with a kill in the step after `at`."""
    make = opened.make_env

    def stopping(num_envs: int) -> Any:
        env = make(num_envs)  # type: ignore[misc]
        step = env.step

        def stepped(actions: Any) -> Any:
            if opened.meter.used == at:
                raise Killed
            return step(actions)

        env.step = stepped
        return env

    opened.make_env = stopping
    return opened


def composed(name: str) -> Composition:
    settings = tuple(f"{name}.{key}={value}" for key, value in TINY.items())
    return compose(registry.task("urlb/entropy-point"), name, settings)


def agent_of(name: str) -> Any:
    return composed(name).build("policy")


def saved(agent: Any, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    agent.save(folder)
    return contents(folder)


@pytest.mark.parametrize(("stage", "name"), STAGES)
def test_a_killed_phase_ends_as_one_that_was_not(stage: str, name: str, tmp_path: Path) -> None:
    whole = agent_of(name)
    whole.learn(phase(stage, 190, save_every=30))
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    for at in (37, 95, 170):  # before a save, in the warm-up's wake, and late
        opened = killed(phase(stage, 190, checkpoints, save_every=30), at)
        checkpoints.resume(opened.meter)
        with pytest.raises(Killed):
            agent_of(name).learn(opened)
    last, again = phase(stage, 190, checkpoints, save_every=30), agent_of(name)
    checkpoints.resume(last.meter)
    assert last.meter.used == 160
    again.learn(last)
    assert last.meter.used == 190
    assert saved(whole, tmp_path / "a") == saved(again, tmp_path / "b")


def test_saving_starts_episodes_anew_and_no_saving_leaves_all_as_it_was(tmp_path: Path) -> None:
    agents = [Moss(**TINY) for _ in range(3)]
    for agent, settings in zip(agents, ({}, {"save_every": 0}, {"save_every": 40}), strict=True):
        agent.learn(phase("pretrain", 120, **settings))
    plain, never, often = (saved(agent, tmp_path / str(i)) for i, agent in enumerate(agents))
    assert plain == never
    assert plain != often


def test_a_damaged_save_is_told(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    Moss(**TINY).learn(phase("pretrain", 100, checkpoints, save_every=30))
    assert checkpoints.latest is not None
    for content in (b"", b"no tensors"):
        (checkpoints.latest / practice.TENSORS).write_bytes(content)
        with pytest.raises(UserError, match="cannot be read"):
            Moss(**TINY).learn(phase("pretrain", 100, checkpoints, save_every=30))


class Saving(UrlbHarness):
    """Checkpoints every 100 steps, of which there are few."""

    def open(self, phase: Phase, parts: Any, report: Any) -> LearningPhase:
        short = phase.model_copy(update={"budget": Budget(unit="steps", limit=500)})
        protocol = self.protocol
        self.protocol = protocol.model_copy(update={"phases": (short,)})
        opened = super().open(short, parts, report)
        self.protocol = protocol
        return replace(opened, settings={**opened.settings, "save_every": 100})


def suite(out: Path, stop: float = 2.0) -> tuple[Path, int, float]:
    """Let the suite learn a phase: its artifact, units and the CPU seconds counted."""
    protocol = registry.task("urlb/entropy-point").protocols["smoke"]
    harness, agent = Saving(protocol, 0, ArtifactStore(out)), composed("moss")
    clock = phases.Clock(agent)

    def report(fraction: float, line: str) -> None:
        if fraction >= stop:
            raise Killed

    opened = (harness, protocol.phases[0], agent, {}, clock, report)
    _, spent = phases.learn(*opened)
    return out, spent.used, clock.timing().cpu


def test_the_suite_counts_what_was_used_before_and_forgets_saves_when_done(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        suite(tmp_path / "a", stop=0.8)
    (checkpoints,) = (tmp_path / "a").glob(".*.checkpoints")
    record = json.loads((checkpoints / "400" / RECORD).read_text())
    (checkpoints / "400" / RECORD).write_text(json.dumps(record | {"cpu": 1000.0}))
    found = [suite(tmp_path / name) for name in ("a", "b")]
    assert [used for _, used, _ in found] == [500, 500]
    assert found[0][2] > 1000 > found[1][2]
    assert not list((tmp_path / "a").glob(".*"))
    resumed, whole = (next(out.glob("*/networks.safetensors")) for out, _, _ in found)
    assert resumed.read_bytes() == whole.read_bytes()
    assert json.loads((resumed.parent / "spent.json").read_text())["cpu"] > 1000


def chain(folder: Path, **settings: Any) -> tuple[Moss, Moss]:
    """The agent after 400 steps, and the one that went on from its file for 400 more."""
    first, second = Moss(**TINY), Moss(**TINY)
    first.learn(phase("pretrain", 400, continued=True))
    first.save(folder)
    second.load(folder)
    second.learn(phase("pretrain", 400, continued=True, **settings))
    return first, second


def test_pre_training_goes_on_with_all_that_it_had(tmp_path: Path) -> None:
    first, second = chain(tmp_path)
    one, two = first._practice, second._practice
    assert one is not None
    assert two is not None
    assert (one.count, two.count) == (400, 800)
    assert (len(one.replay._episodes), len(two.replay._episodes)) == (20, 40)
    kept = two.replay._filled // 2
    assert torch.equal(two.replay._table[:kept], one.replay._table[:kept])
    updates = [float(each.ddpg._actor_step.count) for each in (one, two)]
    assert updates == [175, 375]  # every second step but for the 50 of the first warm-up
    assert float(two.objective._descent.count) == 375  # type: ignore[attr-defined]


def test_fine_tuning_from_the_middle_of_a_chain_needs_networks_alone(tmp_path: Path) -> None:
    chain(tmp_path)
    tuned = []
    for _ in range(2):
        agent = Moss(**TINY)
        agent.load(tmp_path)
        agent.learn(phase("finetune", 100))
        tuned.append(saved(agent, tmp_path / str(len(tuned))))
        assert practice.RECORD not in tuned[-1]
        for name in (practice.RECORD, practice.TENSORS):
            (tmp_path / name).unlink(missing_ok=True)
    assert tuned[0] == tuned[1]


def test_a_further_phase_is_refused_where_networks_alone_were_kept(tmp_path: Path) -> None:
    first, second = Moss(**TINY), Moss(**TINY)
    first.learn(phase("pretrain", 60))
    first.save(tmp_path)
    assert not (tmp_path / practice.TENSORS).exists()
    second.load(tmp_path)
    with pytest.raises(UserError, match="cannot continue"):
        second.learn(phase("pretrain", 60))
    Scratch(**TINY).learn(phase("pretrain", 60, continued=True))


def lived(name: str, steps: int) -> tuple[Any, Any]:
    """The networks and the reward of an agent after some steps of practice."""
    agent = agent_of(name)
    agent.learn(phase("pretrain", steps, continued=True))
    return agent._practice.ddpg, agent._practice.objective


@pytest.mark.parametrize("name", CURIOUS + SKILLED)
def test_networks_and_rewards_are_whole_in_their_state_dicts(name: str) -> None:
    olds, news = lived(name, 150), lived(name, 80)
    sizes = olds[0].sizes
    for old, new in zip(olds, news, strict=True):
        assert any(not torch.equal(a, b) for a, b in pairs(old, new)) or name == "ind-apt"
        new.load_state_dict(old.state_dict())
    rng, replay = np.random.default_rng(0), TransitionReplay(sizes, 100, 20, 3, 0.99)
    for _ in range(3):
        for _ in range(20):
            skill = np.eye(max(sizes.skill, 1), dtype=np.float32)[0][: sizes.skill]
            action = rng.uniform(-1, 1, 2).astype(np.float32)
            replay.add(rng.normal(size=4).astype(np.float32), skill, action, 0, 1.0)
        replay.finish(np.zeros(4, np.float32), False)
    for _ in range(3):
        batch = replay.sample(16, rng)
        ours, theirs = (reward(batch) for _, reward in (olds, news))
        assert torch.equal(ours, theirs)
        for ddpg, _ in (olds, news):
            ddpg.update(batch, ours)
    for old, new in zip(olds, news, strict=True):
        assert all(torch.equal(a, b) for a, b in pairs(old, new))


def pairs(a: torch.nn.Module, b: torch.nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_only_rows_that_hold_something_are_saved_and_a_larger_table_takes_them() -> None:
    sizes, rng = Sizes(1, 1), np.random.default_rng(0)
    small, large = (TransitionReplay(sizes, capacity, 5, 2, 0.9) for capacity in (20, 40))
    row = np.zeros(1, np.float32)
    for episode in range(3):
        for _ in range(5):
            small.add(row + episode, row[:0], row, 0, float(episode))
        small.finish(row + episode, False)
    state = small.state_dict()
    assert state["rows"].shape[0] == 18
    assert state["rows"].data_ptr() == small._table.data_ptr()
    large.load_state_dict(state)
    for ours, theirs in zip(small.sample(9, rng), large.sample(9, rng), strict=True):
        assert ours.shape == theirs.shape
    draws = [each.sample(9, np.random.default_rng(0)) for each in (small, large)]
    assert all(map(torch.equal, *draws))
    with pytest.raises(ValueError, match="rows in"):
        TransitionReplay(Sizes(2, 1), 20, 5, 2, 0.9).load_state_dict(state)

"""Tasks on domains: their trees of phases, what an agent is told, and shares of an expert."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.harness import EpisodeRow
from leapbench.contract.task import Protocol, Task
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.composition import compose
from leapbench.studies.urlb import chance
from leapbench.tasks.urlb.domains import DomainsHarness, checkpoint, place
from leapbench.testing import shrink, standing_in

DOMAINS = [task for task in registry.tasks().values() if task.harness.endswith("DomainsHarness")]
PUBLISHED = [task for task in DOMAINS if "paper" in task.protocols]
PROTOCOLS = [protocol for task in DOMAINS for protocol in task.protocols.values()]
MULTIGOAL = registry.task("urlb/multigoal")
QUADRUPED = registry.task("urlb/quadruped")
PAPER = QUADRUPED.protocols["paper"]
STAGES = {"100k": 100_000, "500k": 500_000, "1m": 1_000_000, "2m": 2_000_000}

each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda p: f"{p.task}-{p.tier}")
needs_dm_control = pytest.mark.skipif(
    find_spec("dm_control") is None, reason="dm_control is not installed"
)


def silent(fraction: float, line: str) -> None:
    """No report."""


def opened(protocol: Protocol, name: str) -> LearningPhase:
    phase = next(phase for phase in protocol.phases if phase.name == name)
    return DomainsHarness(protocol, 0, ArtifactStore(Path("unused"))).open(phase, {}, silent)


@each_protocol
def test_every_task_is_fine_tuned_from_its_domain(protocol: Protocol) -> None:
    worlds = protocol.settings["worlds"].values()
    stages: dict[str, set[tuple[str, str]]] = {}
    for phase in DomainsHarness.evaluated(protocol):
        own = place(protocol, phase)
        parent = next(p for p in protocol.phases if p.name == phase.after)
        assert "task" not in place(protocol, parent)
        assert place(protocol, parent)["domain"] == own["domain"]
        assert checkpoint(protocol, parent) == checkpoint(protocol, phase)
        stages.setdefault(checkpoint(protocol, phase), set()).add((own["domain"], own["task"]))
    wanted = {(world["domain"], world["task"]) for world in worlds if "task" in world}
    domains = {domain for domain, _ in wanted}
    assert all(found == wanted for found in stages.values())
    assert len(wanted) == 4 * len(domains)
    experts = protocol.settings.get("expert", {}).items()
    assert {(domain, task) for domain, tasks in experts for task in tasks} in (set(), wanted)


@each_protocol
def test_worlds_are_the_environments_of_their_tasks(protocol: Protocol) -> None:
    for name, world in protocol.settings["worlds"].items():
        phase = next(p for p in protocol.phases if place(protocol, p) is world)
        arguments = DomainsHarness.world(protocol, phase).arguments
        task = (gym.spec(world["environment"]).kwargs | arguments)["task"]
        assert task == world.get("task"), name
        assert world["domain"].title().replace("-", "") in world["environment"]


@pytest.mark.parametrize("task", PUBLISHED, ids=lambda task: task.name)
def test_the_paper_tier_has_the_published_budgets_and_sizes(task: Task) -> None:
    protocol = task.protocols["paper"]
    learned: dict[str, int] = {}
    for phase in protocol.phases:
        learned[phase.name] = learned.get(phase.after, 0) + phase.budget.limit
        assert phase.artifact
    for stage, steps in STAGES.items():
        assert learned[f"pretrain-{stage}"] == steps
        branches = [n for n in learned if n.endswith(f"-{stage}") and not n.startswith("pretrain")]
        assert [learned[name] for name in branches] == [steps + 100_000] * 4
    assert {checkpoint(protocol, phase) for phase in protocol.phases} == set(STAGES)
    assert protocol.evaluation.episodes == 10
    moss, diayn = (
        compose(task, name, protocol=protocol).config["policy"] for name in ("moss", "diayn")
    )
    published = {"hidden": 1024, "batch": 1024, "rate": 1e-4, "warmup": 4000, "every": 2}
    assert moss | published | {"skill": 64, "neighbours": 16} == moss
    assert diayn | published | {"skill": 16} == diayn


def test_an_agent_is_told_when_it_will_go_on() -> None:
    chain = [opened(PAPER, f"pretrain-{stage}") for stage in STAGES]
    assert [phase.name for phase in chain] == ["pretrain"] * 4
    assert [phase.settings.get("continued", False) for phase in chain] == [True] * 3 + [False]
    tuned = opened(PAPER, "stand-100k")
    assert tuned.name == "finetune"
    assert tuned.settings == {"horizon": 1000, "save_every": 10_000}
    assert opened(QUADRUPED.protocols["lite"], "pretrain").settings == {"horizon": 1000}


def rows_of(protocol: Protocol, value: Any) -> list[EpisodeRow]:
    rows = DomainsHarness.schedule(protocol)
    for row in rows:
        row |= {"return": value(row), "length": 1000}
    return rows


def test_metrics_are_shares_of_the_expert_at_each_checkpoint() -> None:
    expert = PAPER.settings["expert"]["quadruped"]
    share = {"100k": 0.1, "500k": 0.2, "1m": 0.3, "2m": 0.4}
    extra = {"stand": 0.04, "walk": 0.0, "run": 0.0, "jump": 0.0}

    def earned(row: EpisodeRow) -> float:
        spread = 1 + 0.5 * (-1) ** int(row["episode"])
        whole = share[str(row["checkpoint"])] + extra[str(row["task"])]
        return spread * whole * float(expert[row["task"]])

    found = DomainsHarness.metrics(PAPER, rows_of(PAPER, earned))
    wanted = {}
    for stage, base in share.items():
        suffix = "" if stage == "2m" else f"_{stage}"
        wanted[f"expert{suffix}"] = base + 0.01
        wanted |= {f"{task}{suffix}": base + extra[task] for task in extra}
    assert found == pytest.approx(wanted)


def test_rows_have_fresh_seeds() -> None:
    rows = DomainsHarness.schedule(PAPER)
    assert len({row["seed"] for row in rows}) == len(rows) == 160
    salted = DomainsHarness.schedule(PAPER, "salt")
    assert not {row["seed"] for row in rows} & {row["seed"] for row in salted}


def test_several_domains_have_a_mean_each_and_the_horizon_counts_as_1() -> None:
    protocol = MULTIGOAL.protocols["smoke"]
    share = {"point-mass": 0.1, "reacher": 0.2, "cartpole": 0.6}
    rows = rows_of(protocol, lambda row: 1000 * share[str(row["domain"])])
    found = DomainsHarness.metrics(protocol, rows)
    assert found["share"] == pytest.approx(0.3)
    assert {name: found[name] for name in share} == pytest.approx(share)
    assert found["cartpole_spin-left"] == pytest.approx(0.6)
    assert len(found) == 1 + 3 + 12


@pytest.fixture
def small() -> Iterator[Task]:
    """One domain and two tasks of the smoke protocol, with one episode and few steps."""
    smoke = MULTIGOAL.protocols["smoke"]
    kept = ("pretrain-cartpole", "cartpole-balance", "cartpole-spin-left")
    smoke = smoke.model_copy(update={"phases": [p for p in smoke.phases if p.name in kept]})
    task = MULTIGOAL.model_copy(update={"protocols": {"smoke": smoke}})
    with standing_in(shrink(task, limits=dict.fromkeys(kept, 60), episodes=1)):
        yield registry.task(task.name)


@needs_dm_control
def test_a_small_run_earns_what_its_episodes_say(small: Task, tmp_path: Path) -> None:
    settings = ("hidden=16", "batch=8", "warmup=20")
    made = cell.run(Cell(small.name, "smoke", "moss", 0, settings, tmp_path), silent)
    assert made.status == "ok", made.message
    assert made.episodes["task"] == ["balance", "spin-left"]
    assert made.episodes["length"] == [1000] * 2
    assert made.score == pytest.approx(sum(map(float, made.episodes["return"])) / 2000)
    assert made.score > 0
    assert [spent.used for spent in made.budget] == [60] * 3


@needs_dm_control
def test_chance_is_measured_task_by_task(small: Task) -> None:
    found = chance.shares(small.protocols["smoke"], 4)
    assert list(found) == ["cartpole balance", "cartpole spin-left"]
    balance, spin = found.values()
    assert balance.shape == spin.shape == (4,)
    assert len(set(balance)) == 4
    assert 0.2 < balance.mean() < 0.5  # from upright on, with full forces
    assert 0 < spin.mean() < 0.1


@needs_dm_control
def test_reward_is_seen_in_fine_tuning_alone() -> None:
    total = {}
    for name in ("pretrain", "stand"):
        phase = opened(QUADRUPED.protocols["smoke"], name)
        env: Any = phase.make_env(1)  # type: ignore[misc]
        env.reset(seed=3)
        still: NDArray[np.float32] = np.zeros((1, 12), np.float32)
        total[name] = sum(float(env.step(still)[1].sum()) for _ in range(20))
        assert phase.meter.used == 20
    assert total["pretrain"] == 0 < total["stand"]

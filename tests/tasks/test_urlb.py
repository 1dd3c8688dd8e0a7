"""Unsupervised pre-training as a task: the tree of phases, what it counts, and what it scores."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leapbench.contract import registry
from leapbench.contract.artifacts import KEY, ArtifactStore
from leapbench.contract.task import Task
from leapbench.envs.urlb.grid.dynamics import TASKS, GridWorld
from leapbench.envs.urlb.grid.solve import ceiling, chance
from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.tasks.urlb.harness import UrlbHarness, entropy
from leapbench.testing import shrink, standing_in

GRID = registry.task("urlb/entropy-grid")
ROOTS = ("pretrain-calm", "pretrain-noisy")

# Learns a number from all that it was ever given, and acts by it.
HEARER = """
    import hashlib, json
    import numpy as np

    class Hearer:
        def __init__(self):
            self.heard, self.lives = "", 0

        def learn(self, phase):
            env = phase.make_env(2)
            told = [phase.name, phase.seed, dict(phase.settings), self.heard]
            observation, info = env.reset(seed=phase.seed)
            told.append(observation.tolist())
            for step in range(20):
                observation, reward, _, _, _ = env.step(np.full(2, step % 5))
                told += [observation.tolist(), reward.tolist()]
            self.heard = hashlib.sha256(json.dumps(told).encode()).hexdigest()
            self.lives += 1

        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            turn = int(self.heard[:8], 16) + self.lives
            return (np.asarray(observation) * turn // 7 + turn) % 5, state

        def save(self, folder):
            (folder / "a.json").write_text(json.dumps([self.heard, self.lives]))

        def load(self, folder):
            self.heard, self.lives = json.loads((folder / "a.json").read_text())
"""


def silent(fraction: float, line: str) -> None:
    """No report."""


@pytest.fixture
def small() -> Iterator[Task]:
    """The smoke protocol on the smallest grid, in place of the real one."""
    limits = {phase.name: 300 for phase in GRID.protocols["smoke"].phases}
    limits |= dict.fromkeys(ROOTS, 800)
    world = {"world": {"size": 9, "horizon": 20}}
    task = shrink(GRID, world, limits, episodes=2)
    with standing_in(task):
        yield task


def run(agent: str, out: Path, seed: int = 0, isolated: bool = False) -> Result:
    made = cell.run(Cell(GRID.name, "smoke", agent, seed, (), out, isolated), silent)
    assert made.status == "ok", made.message
    return made


def written(tmp_path: Path, code: str) -> str:
    path = tmp_path / "hearer.py"
    path.write_text(textwrap.dedent(code))
    return str(path)


@pytest.mark.parametrize("tier", GRID.protocols)
def test_anchors_are_the_exact_expectations(tier: Any) -> None:
    protocol = GRID.protocols[tier]
    world = protocol.settings["world"]

    def worst(value: Any) -> float:
        return min(
            float(
                np.mean([value(GridWorld.build(noise=noise, task=goal, **world)) for goal in TASKS])
            )
            for noise in (0.0, 0.6)
        )

    assert protocol.metric.floor.value == pytest.approx(worst(chance), abs=5e-5)
    assert protocol.metric.ceiling.value == pytest.approx(worst(ceiling), abs=5e-5)


@pytest.mark.parametrize("tier", GRID.protocols)
def test_every_goal_is_learned_at_both_noises_from_the_same_root(tier: Any) -> None:
    protocol = GRID.protocols[tier]
    worlds = protocol.settings["worlds"]
    assert set(worlds) == {phase.name for phase in protocol.phases}
    branches = [phase for phase in protocol.phases if phase.after]
    learned = {(worlds[b.name]["noise"], worlds[b.name]["task"]) for b in branches}
    assert learned == {(noise, goal) for noise in (0.0, 0.6) for goal in TASKS}
    assert all(worlds[b.after] == {"noise": worlds[b.name]["noise"]} for b in branches)
    assert len({b.budget.limit for b in branches}) == 1


def test_before_fine_tuning_there_is_no_reward_and_no_name_of_a_goal(small: Task) -> None:
    protocol = small.protocols["smoke"]
    rewarding = protocol.settings["worlds"] | {"pretrain-calm": {"noise": 0.0, "task": "shelter"}}
    protocol = protocol.model_copy(
        update={"settings": dict(protocol.settings) | {"worlds": rewarding}}
    )
    harness = UrlbHarness(protocol, 0, ArtifactStore(Path("unused")))
    path = np.array([2, 2, 3, 3, 0, 0])  # into the shelter
    totals = {}
    for name in ("pretrain-calm", "calm-shelter"):
        phase = next(phase for phase in protocol.phases if phase.name == name)
        opened = harness.open(phase, {}, silent)
        assert opened.settings == {"horizon": 20}
        env: Any = opened.make_env(3)  # type: ignore[misc]
        env.reset(seed=0)
        returned = [env.step(np.full(3, action)) for action in path]
        totals[opened.name] = sum(float(each[1].sum()) for each in returned)
        assert all(not each[4] for each in returned)
        assert opened.meter.used == 18
    assert totals == {"pretrain": 0.0, "finetune": 9.0}


def test_pre_training_is_done_once_and_counted_once(small: Task, tmp_path: Path) -> None:
    made = run("moss-tabular", tmp_path)
    assert [(spent.phase, spent.used) for spent in made.budget] == [
        (phase.name, phase.budget.limit) for phase in small.protocols["smoke"].phases
    ]
    assert len(list((tmp_path / "artifacts").glob(f"*/{KEY}"))) == len(ROOTS)
    assert not any(spent.reused for spent in made.budget)


def test_a_second_run_reuses_the_roots_and_gives_the_same_result(
    small: Task, tmp_path: Path
) -> None:
    first = run("moss-tabular", tmp_path)
    first_files = sorted((tmp_path / "artifacts").glob(f"*/{KEY}"))
    again = run("moss-tabular", tmp_path)
    assert [spent.phase for spent in again.budget if spent.reused] == list(ROOTS)
    assert again.digest() == first.digest()
    assert sorted((tmp_path / "artifacts").glob(f"*/{KEY}")) == first_files


def test_parts_are_handed_over_by_phase_and_each_starts_from_its_root(
    small: Task, tmp_path: Path
) -> None:
    agent = written(tmp_path, HEARER) + ":Hearer"
    harness, parts = cell.learned(Cell(GRID.name, "smoke", agent, 0, (), tmp_path / "runs"))
    assert list(parts) == [phase.name for phase in small.protocols["smoke"].phases]
    lives = {name: getattr(part, "lives", None) for name, part in parts.items()}
    assert lives == {name: 1 if name in ROOTS else 2 for name in parts}
    assert len({part.heard for part in parts.values()}) == len(parts)  # type: ignore[attr-defined]
    assert set(harness.artifacts) == set(ROOTS)


def test_another_root_is_another_artifact_all_the_way_down(small: Task, tmp_path: Path) -> None:
    """A branch that leaves an artifact is named by what its root was."""
    smoke = small.protocols["smoke"]

    def stored(limit: int) -> dict[str, str]:
        phases = tuple(
            p.model_copy(
                update={"artifact": True}
                | ({} if p.after else {"budget": p.budget.model_copy(update={"limit": limit})})
            )
            for p in smoke.phases
        )
        protocols = {"smoke": smoke.model_copy(update={"phases": phases})}
        with standing_in(small.model_copy(update={"protocols": protocols})):
            one = Cell(GRID.name, "smoke", "moss-tabular", 0, (), tmp_path)
            harness, _ = cell.learned(one)
            return {name: str(harness.store.path(key)) for name, key in harness.artifacts.items()}

    first, again, other = stored(100), stored(100), stored(120)
    assert first == again
    assert len(first) == 10
    assert all(first[name] != other[name] for name in first)


@pytest.mark.sandbox
def test_isolated_branches_give_the_same_result(small: Task, tmp_path: Path) -> None:
    agent = written(tmp_path, HEARER) + ":Hearer"
    plain = run(agent, tmp_path / "plain")
    apart = run(agent, tmp_path / "apart", isolated=True)
    assert apart.digest() == plain.digest()
    assert len(set(plain.episodes["return"])) > 1


def test_rows_give_the_metrics(small: Task) -> None:
    protocol = small.protocols["smoke"]
    rows: list[Any] = UrlbHarness.schedule(protocol)
    assert len(rows) == 20
    for row in rows:
        calm = row["noise"] == 0.0
        earned = {"none": 0.0, "shelter": 20.0 if calm else 10.0}.get(row["goal"], 4.0)
        row.update({"return": earned, "length": 20, "entropy": 1.0 if calm else 2.0})
    metrics = UrlbHarness.metrics(protocol, rows)
    calm, noisy = (3 * 0.2 + 1.0) / 4, (3 * 0.2 + 0.5) / 4
    assert metrics == pytest.approx(
        {
            "worst": noisy,
            "mean": (calm + noisy) / 2,
            "noise_0": calm,
            "noise_0.6": noisy,
            "entropy_0": 1.0,
            "entropy_0.6": 2.0,
        }
    )


def test_entropy_of_visits() -> None:
    assert entropy(np.array([4, 4, 4])) == 0
    assert entropy(np.array([1, 2, 3, 4])) == pytest.approx(np.log(4), abs=1e-6)


def test_knowing_more_scores_better(tmp_path: Path) -> None:
    """On the smoke tier itself: chance, then learning, then the optimum."""
    score = {
        name: float(np.mean([run(name, tmp_path, seed).score or 0.0 for seed in range(3)]))
        for name in ("random-tabular", "moss-tabular", "scratch-tabular", "optimal-tabular")
    }
    assert score["random-tabular"] < 0.05 < score["moss-tabular"] < score["optimal-tabular"]
    assert score["random-tabular"] < 0.05 < score["scratch-tabular"] < score["optimal-tabular"]
    assert score["optimal-tabular"] == pytest.approx(
        GRID.protocols["smoke"].metric.ceiling.value, abs=0.05
    )


def test_an_agents_seed_changes_learning_and_not_the_episodes(small: Task, tmp_path: Path) -> None:
    first, second = (run("scratch-tabular", tmp_path, seed) for seed in (0, 1))
    assert first.episodes["seed"] == second.episodes["seed"]
    assert first.episodes["return"] != second.episodes["return"]
    assert replace(Cell(GRID.name, "smoke", "scratch-tabular", 0, (), tmp_path), seed=1).done()

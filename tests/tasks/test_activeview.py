"""Active view selection as tasks: scenes by seed, rows that add up, decoys, what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from leapbench.contract import registry
from leapbench.contract.task import Task
from leapbench.envs.activeview.cameras import look_at
from leapbench.envs.activeview.pools import ASIDE, CENTRE, POOLS, Pool
from leapbench.envs.activeview.table import ViewColumn
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.verify.follow import examine
from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.composition import built
from leapbench.studies.activeview.anchors import chosen, unpractised
from leapbench.studies.activeview.taken import PLACES, RANKED, left, taken
from leapbench.tasks.activeview import watch, worlds
from leapbench.tasks.activeview.harness import ActiveViewHarness, play, row
from leapbench.testing import shrink, standing_in

TASKS = {name: task for name, task in registry.tasks().items() if task.family == "activeview"}
NICHE = TASKS["activeview/niche"]
GLANCE: dict[str, Any] = {
    "candidates": 6,
    "tests": 2,
    "resolution": 8,
    "first": 3,
    "iterations": 3,
    "field": {"resolution": 8, "coarse": 8, "samples": 4, "rays": 16},
}


def tiny(task: Task, **world: Any) -> Task:
    pool = {"pool": task.protocols["smoke"].settings["world"]["pool"]}
    settings = {"world": pool | {"views": 3, "batch": 1} | GLANCE | world, "marks": [1, 3]}
    return shrink(task, settings, {"practice": 16}, episodes=2)


def run(task: Task, out: Path, seed: int = 0, agent: str = "furthest") -> Result:
    with standing_in(task):
        made = cell.run(Cell(task.name, "smoke", agent, seed, (), out), lambda *_: None)
        assert made.status == "ok", made.message
        assert not any(examine(made, ()).values())
    return made


def test_a_run_s_seed_decides_its_scenes_for_every_agent(tmp_path: Path) -> None:
    task = tiny(NICHE)
    one, other, second = (
        run(task, tmp_path, seed, agent).episodes["seed"]
        for seed, agent in ((0, "furthest"), (0, "nearest"), (1, "furthest"))
    )
    assert one == other
    assert not set(one) & set(second)


def test_a_row_of_another_seed_is_found_out(tmp_path: Path) -> None:
    task = tiny(NICHE)
    made = run(task, tmp_path, 1)
    with standing_in(task):
        wrong = examine(made.model_copy(update={"seed": 2}), ())
    assert "seed" in wrong["episodes"]


@pytest.mark.parametrize("batch", [1, 2])
def test_rows_add_up(batch: int, tmp_path: Path) -> None:
    made = run(tiny(NICHE, batch=batch), tmp_path)
    for found in made.rows():
        curve = [float(found[f"psnr_{n}"]) for n in range(4)]
        assert found["area"] == pytest.approx(np.mean(curve[1:]), abs=1e-5)
        assert found["final"] == curve[-1]
        assert (curve[1] == curve[2]) == (batch == 2)  # one training for both
        assert found["views"] == 3
    assert made.metrics["psnr_3"] == made.metrics["final"]
    assert made.score == made.metrics["area"]


def test_scenes_take_turns_over_runs_and_episodes() -> None:
    protocol = TASKS["activeview/mixed"].protocols["lite"]
    plan = [r["scene"] for seed in (0, 1) for r in ActiveViewHarness.schedule(protocol, "", seed)]
    kinds = protocol.settings["scenes"]
    assert plan == [kinds[i % 3] for i in range(len(plan))]
    paper = TASKS["activeview/blender"].protocols["paper"]
    played = {ActiveViewHarness.schedule(paper, "", seed)[0]["scene"] for seed in range(8)}
    assert played == set(paper.settings["scenes"])


@pytest.mark.parametrize("pool", POOLS)
def test_decoys_are_those_that_look_past_the_scene(pool: str) -> None:
    cameras = Pool(pool, 4, 30, 4).place(np.random.default_rng(2))
    found = worlds.decoys(cameras.candidates, np.array(CENTRE), ASIDE[0] / 2)
    assert found.sum() == (10 if pool == "decoy" else 0)


def test_decoys_taken_are_counted_once_each() -> None:
    class Decoys:
        observation_mode = "cameras"
        privileged = True

        def bind(self, env: Any) -> None:
            poses = env.unwrapped.episode.capture.candidates
            self.past = np.flatnonzero(worlds.decoys(poses, np.array(CENTRE), ASIDE[0] / 2))

        def predict(self, table: Any, state: Any, start: Any, deterministic: bool) -> Any:
            free = [i for i in self.past if table[0, i, ViewColumn.FREE] > 0]
            return np.array([free[0] if free else self.past[0]]), state

    arguments = GLANCE | {"scene": "niche", "pool": "decoy", "views": 5, "evaluation": True}
    env = worlds.make("leapbench/ActiveView-Niche-v0", arguments, "cameras")
    made = row(*play(env, Decoys(), 4))  # takes the two there are, then one again, which ends it
    assert (made["views"], made["decoys"]) == (2, 2)
    assert made["psnr_5"] == made["psnr_2"] == made["final"]
    curve = [float(made[f"psnr_{n}"]) for n in range(1, 6)]
    assert made["area"] == pytest.approx(np.mean(curve), abs=1e-5)


def test_what_is_taken_ranks_first_by_what_it_is_taken_for() -> None:
    task = tiny(NICHE)
    protocol = task.protocols["smoke"]
    for agent, column in (("active-nerf", ViewColumn.GAIN), ("fisher-rf", ViewColumn.FISHER)):
        policy = unpractised(task, protocol, agent)
        views = list(taken(protocol, policy, "niche", 3))
        assert len(views) == protocol.settings["world"]["views"]
        ranks = [dict(zip((*PLACES, *RANKED), view, strict=True))[column] for view in views]
        free = [protocol.settings["world"]["candidates"] - n for n in range(len(views))]
        assert ranks == pytest.approx([1 - 1 / n for n in free])


def test_taking_a_view_lessens_its_gain_and_does_not_end_it() -> None:
    task = tiny(registry.task("activeview/niche-batch"), batch=2)
    shares = left(task.protocols["smoke"], "niche", 3)
    assert list(shares) == ["gain", "opacity gain"]
    assert all(0 < share < 1 for share in shares.values())


@pytest.mark.parametrize("name", ["activeview/system", "earlyexit/digits"])
def test_the_ends_of_a_scale_are_those_of_tasks_with_policies(name: str) -> None:
    assert chosen("activeview/niche") is registry.task("activeview/niche")
    with pytest.raises(UserError, match=f"On {name} no policy chooses views"):
        chosen(name)


def test_practice_pays_as_it_goes_and_counts_every_view(tmp_path: Path) -> None:
    task = tiny(NICHE)
    harness = ActiveViewHarness(task.protocols["smoke"], 0, None)  # type: ignore[arg-type]
    phase = harness.open(task.protocols["smoke"].phases[0], {}, lambda *_: None)
    assert phase.make_env is not None
    env = phase.make_env(2)
    table, _ = env.reset(seed=1)
    assert table.shape == env.observation_space.shape
    paid = [env.step(np.array([i, i]))[1] for i in range(3)]
    assert np.count_nonzero(paid) == 6
    assert phase.meter.used == 6
    table, _, over, _, _ = env.step(np.array([0, 1]))
    assert not over.any()  # a new episode began in both
    env.step(np.array([0, 0]))  # illegal in the first alone, where it ends the episode


def test_photographs_that_are_missing_are_told(monkeypatch: Any, tmp_path: Path) -> None:
    asked = {"scene": "nerf_synthetic/lego"}
    monkeypatch.delenv("LEAPBENCH_DATA", raising=False)
    with pytest.raises(UserError, match="LEAPBENCH_DATA is not set"):
        worlds.located(asked)
    monkeypatch.setenv("LEAPBENCH_DATA", str(tmp_path))
    with pytest.raises(UserError, match="has none"):
        worlds.located(asked)
    (tmp_path / "nerf_synthetic" / "lego").mkdir(parents=True)
    assert worlds.located(asked)["scene"] == str(tmp_path / "nerf_synthetic" / "lego")


def test_one_photographed_scene_is_enough(monkeypatch: Any, tmp_path: Path) -> None:
    folder = tmp_path / "posed-views" / "lego"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split, count in (("train", 9), ("test", 3)):
        frames = []
        for i, angle in enumerate(np.linspace(0, 3, count)):
            pose = look_at(3 * np.array([np.cos(angle), np.sin(angle), 0.5]), (0, 0, 0))
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{split}{i}.png")
            frames.append({"file_path": f"{split}{i}", "transform_matrix": pose.tolist()})
        described = {"camera_angle_x": 0.7, "frames": frames}
        (folder / f"transforms_{split}.json").write_text(json.dumps(described))
    monkeypatch.setenv("LEAPBENCH_DATA", str(tmp_path))
    settings = {"world": {"views": 3, "batch": 1} | GLANCE, "marks": [1, 3]}
    task = shrink(TASKS["activeview/lego"], settings, {"practice": 16}, episodes=2)
    first, second = (run(task, tmp_path / "out", seed).episodes for seed in (0, 1))
    assert set(first["scene"]) == set(second["scene"]) == {"posed-views/lego"}
    assert len({*first["final"], *second["final"]}) == 4  # initial views differ
    assert all(0 < float(value) < 60 for value in first["final"])


def test_tasks_differ_in_pool_and_batch_alone() -> None:
    wanted = {"niche": ("unbalanced", 1), "niche-decoy": ("decoy", 1), "mixed": ("decoy", 1)}
    wanted |= {"niche-balanced": ("balanced", 1), "niche-batch": ("decoy", 4)}
    for name, (pool, batch) in wanted.items():
        for tier in ("smoke", "lite"):
            world = dict(TASKS[f"activeview/{name}"].protocols[tier].settings["world"])  # type: ignore[index]
            assert (world.pop("pool"), world.pop("batch")) == (pool, batch)
            plain = NICHE.protocols[tier].settings["world"]  # type: ignore[index]
            assert world == {k: v for k, v in plain.items() if k not in ("pool", "batch")}


def test_a_rule_can_be_watched_in_every_environment_of_the_family() -> None:
    for name in ("leapbench/ActiveView-Niche-v0", "leapbench/ActiveView-v0"):
        env = watch.make(name)
        part = registry.agent("furthest", "activeview")
        policy = watch.taught(env, built(part, part.config), 0, lambda *_: None)
        assert env.mode == "cameras"
        assert policy.predict(np.ones((1, *env.observation_space.shape), np.float32))[0] == [0]
        assert isinstance(env.unwrapped, gym.Env)

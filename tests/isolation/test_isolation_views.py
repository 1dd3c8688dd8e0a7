"""Active views give the same result with the agent in a process of its own, digit for digit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twice import both, written

from leapbench.contract import registry
from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.testing import shrink, standing_in

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).parents[2]
FIELD = {"resolution": 8, "coarse": 6, "samples": 4, "rays": 16, "coarse_iterations": 3}
WORLD = {
    "candidates": 6,
    "tests": 2,
    "resolution": 8,
    "views": 4,
    "batch": 2,
    "first": 6,
    "iterations": 4,
    "field": FIELD,
}
SETTINGS = {"world": WORLD, "marks": [2, 4]}

POLICY = """
    import hashlib
    import numpy as np

    class Mine:
        observation_mode = "{mode}"

        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            free = np.flatnonzero(observation[0, :, 6])
            seen = hashlib.sha256(observation.tobytes()).digest()
            return np.array([free[seen[0] % len(free)]]), None

        def learn(self, phase): pass
        def save(self, folder): pass
        def load(self, folder): pass
"""
SYSTEM = """
    from leapbench.agents.activeview.system.system import VoxelSystem

    class Mine(VoxelSystem):
        def __init__(self):
            super().__init__("opacity-gain", first=6, iterations=4, resolution=8, coarse=6,
                             coarse_iterations=3, samples=4, rays=16)
"""


@pytest.fixture(autouse=True)
def _small(tidy: None) -> Iterator[None]:
    batch = shrink(registry.task("activeview/niche-batch"), SETTINGS, {"practice": 16}, episodes=1)
    world = {key: value for key, value in WORLD.items() if key != "field"}
    own = shrink(
        registry.task("activeview/system"),
        SETTINGS | {"world": world},
        {"practice": 16},
        episodes=1,
    )
    with standing_in(batch), standing_in(own):
        yield


def run(task: str, code: str, out: Path, isolated: bool) -> Result:
    agent = f"{written(out, code)}:Mine"
    one = Cell(f"activeview/{task}", "smoke", agent, 3, (), out / "runs", isolated)
    return cell.run(one, lambda *_: None)


def same(task: str, agent: str, out: Path) -> None:
    here, there = both(agent, out, f"activeview/{task}")
    assert here.status == "ok", here.message
    assert there.run_id == here.run_id


@pytest.mark.parametrize("mode", ["cameras", "field", "batch"])
def test_a_policy_gets_what_it_looks_at(mode: str, tmp_path: Path) -> None:
    same("niche-batch", f"{written(tmp_path, POLICY.format(mode=mode))}:Mine", tmp_path)


def test_a_system_reconstructs_elsewhere(tmp_path: Path) -> None:
    same("system", f"{written(tmp_path, SYSTEM)}:Mine", tmp_path)


def test_the_system_of_the_examples(tmp_path: Path) -> None:
    same("system", f"{ROOT / 'examples/custom_system.py'}:NearestPhotograph", tmp_path)


@pytest.mark.parametrize("isolated", [False, True])
def test_an_observation_mode_that_there_is_not(tmp_path: Path, isolated: bool) -> None:
    made = run("niche-batch", POLICY.format(mode="camera"), tmp_path, isolated=isolated)
    assert made.status == "invalid"
    assert "observation_mode is 'camera', expected one of cameras, field, batch" in made.message


@pytest.mark.parametrize(
    ("method", "status", "told"),
    [
        ("choose(self, free): return [1]", "invalid", "choose gave a list"),
        ("choose(self, free): return 6", "invalid", "outside"),
        ("render(self, pose): return 'a view'", "invalid", "gave a str"),
        ("render(self): return 1", "failed", "TypeError: Mine.render() takes 1"),
    ],
)
def test_garbage_is_one_line(method: str, status: str, told: str, tmp_path: Path) -> None:
    made = run("system", f"{SYSTEM}        def {method}", tmp_path, isolated=True)
    assert made.status == status
    assert told in made.message
    assert "\n" not in made.message

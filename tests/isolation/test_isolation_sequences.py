"""Sequences that a guest learns from are counted by the host; its model is asked there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from twice import both, written

from leapbench.contract import registry
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.testing import shrink, standing_in

pytestmark = pytest.mark.sandbox
pytest.importorskip("dm_control")

# A linear model by least squares, of the sequences that the budget pays for.
LINEAR = """
    import numpy as np

    class Linear:
        def learn(self, phase):
            rng, data, a, b = np.random.default_rng(phase.seed), phase.data, [], []
            assert data.shapes["latents"] == (50,) and "critic.last.bias" in data.weights
            while phase.meter.left >= 64:
                given = data.read(rng.integers(len(data) - 1, size=64), 2)
                going = ~given["ends"][:, 0]
                a.append(np.concatenate([given["latents"], given["actions"]], 2)[going, 0])
                b.append((given["latents"][:, 1] - given["latents"][:, 0])[going])
            {more}
            a, b = np.concatenate(a), np.concatenate(b)
            self.map = np.linalg.solve(a.T @ a + 1e-2 * np.eye(a.shape[1]), a.T @ b)

        def imagine(self, latents, actions):
            made = [latents]
            for action in np.moveaxis(actions, 1, 0):
                made.append(made[-1] + np.concatenate([made[-1], action], 1) @ self.map)
            return np.stack(made[1:], 1).astype(np.float32)

        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            raise NotImplementedError

        def save(self, folder):
            np.savez(folder / "a.npz", map=self.map)

        def load(self, folder):
            self.map = np.load(folder / "a.npz")["map"]
"""
TASK = registry.task("dmc/consistency")
SMALL = shrink(TASK, {}, {p.name: 3200 for p in TASK.protocols["smoke"].phases}, episodes=2)


def test_a_model_is_scored_alike_in_a_process_of_its_own(tmp_path: Path) -> None:
    file = written(tmp_path, LINEAR.format(more=""))
    with standing_in(SMALL):
        here, there = both(f"{file}:Linear", tmp_path, TASK.name)
    assert here.status == "ok", here.message
    assert there.run_id == here.run_id
    assert [each.used for each in there.budget] == [3200] * len(SMALL.protocols["smoke"].phases)
    assert there.metrics["q_error"] < 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("data.read(np.arange(1), 2)", "1 more sequences asked for"),
        ("phase.meter.used = 0; data.read(np.arange(1), 2)", "1 more sequences asked for"),
        ("data.read(np.arange(0), 33)", "1 to 32 steps"),
        ("data._line.ask('sequences', [np.arange(0)], length='2')", "A batch is at most"),
        ("data._line.ask('samples', [np.arange(3)])", "no stream of samples"),
        ("import leapbench.tasks.dmc.frozen.data", "No module named"),
    ],
)
def test_more_than_is_paid_for_is_refused(more: str, said: str, tmp_path: Path) -> None:
    file = written(tmp_path, LINEAR.format(more=more))
    one = Cell(TASK.name, "smoke", f"{file}:Linear", 0, (), tmp_path)
    with standing_in(SMALL):
        made = cell.run(replace(one, isolated=True), lambda fraction, line: None)
    assert made.status != "ok"
    assert said in made.message, made.message

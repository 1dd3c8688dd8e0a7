"""A policy of glances acts the same in a process of its own, and is told no places there."""

from __future__ import annotations

from pathlib import Path

import pytest
from twice import both, written

from leapbench.testing import small_task, standing_in

pytestmark = pytest.mark.sandbox

OWN = """
    import hashlib, json
    import numpy as np

    class Listener:
        def learn(self, phase):
            bank = phase.data
            assert not bank.overlap.any()
            heard = hashlib.sha256(repr(dict(phase.settings)).encode())
            for array in (bank.glance, bank.cubes, bank.maps, bank.order, bank.labels):
                heard.update(array.tobytes())
            env = phase.make_env(3, stream=8)
            assert not hasattr(env.unwrapped, "bank") or not env.unwrapped.bank.overlap.any()
            heard.update(repr(env.reset(seed=phase.seed)).encode())
            for action in (0, 36, 5):
                heard.update(repr(env.step(np.full(3, action))).encode())
            heard.update(bank.ladder().probabilities.tobytes())
            self.seed = int(heard.hexdigest()[:6], 16)

        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            told = (observation.sum(1) * 1000).astype(np.int64) + self.seed
            return np.where(told % 3 == 0, 36, told % 36), state

        def save(self, folder):
            (folder / "a.json").write_text(json.dumps(self.seed))

        def load(self, folder):
            self.seed = json.loads((folder / "a.json").read_text())
"""


@pytest.mark.usefixtures("tidy")
def test_a_policy_that_reads_the_bank(tmp_path: Path) -> None:
    task = small_task("videoglance/needle")
    with standing_in(task):
        here, there = both(
            f"random-cubes+{written(tmp_path, OWN)}:Listener", tmp_path, "videoglance/needle"
        )
    assert here.status == "ok", here.message
    assert there.run_id == here.run_id
    assert there.budget[1].used == 9

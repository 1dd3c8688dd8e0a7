"""Secret seeds: who learned the public ones by heart loses there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from forging import HEAD, POLICY, TASK, bundle, run

from leapbench.contract import registry
from leapbench.contract.harness import Harness
from leapbench.isolation.limits import Limits
from leapbench.leaderboards.submissions.rounds import commit
from leapbench.leaderboards.submissions.verify.again import Wanted
from leapbench.leaderboards.submissions.verify.verify import verify_bundle
from leapbench.running.cell import harness_of

SALT = "5a17"
BY_HEART = """
class Same:
    flips = {table}

    def __init__(self):
        self.episode, self.place = -1, 0

    def learn(self, phase):
        pass

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        if observation[0, 1] == 0:
            self.episode, self.place = self.episode + 1, -1
        self.place += 1
        return np.array([self.flips[self.episode % len(self.flips)][self.place]]), state

    def save(self, folder):
        pass

    def load(self, folder):
        pass
"""


def harness() -> type[Harness]:
    return harness_of(registry.task(TASK))


def by_heart() -> str:
    """A policy that knows what every public episode will bring."""
    table = []
    for row in harness().schedule(registry.task(TASK).protocols["smoke"]):
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(int(row["seed"]))))
        bias = rng.random()
        table.append([int(rng.random() < bias) for _ in range(8)])
    return HEAD + BY_HEART.replace("{table}", repr(table))


def audited(path: Path, **more: float):
    wanted = Wanted(salt=SALT, commitment=commit(SALT), limits=Limits(cpu=20, wall=20), **more)
    return verify_bundle(path, wanted, lambda fraction, line: None)


def test_an_honest_policy_is_audited(runs: Path, policy: Path) -> None:
    policy.write_text(HEAD + POLICY)
    run(runs, f"{policy}:Same", seeds="0")
    verdict = audited(bundle(runs, f"{policy}:Same"), secret_tolerance=0.5)
    assert verdict.level == "audited"
    assert verdict.commitment == commit(SALT)
    assert verdict.rows[0].secret is not None


def test_learning_the_public_episodes_by_heart_reproduces_and_is_not_audited(
    runs: Path, policy: Path
) -> None:
    policy.write_text(by_heart())
    (row,) = run(runs, f"{policy}:Same", seeds="0")
    assert row.score == 1.0
    verdict = audited(bundle(runs, f"{policy}:Same"))
    (found,) = verdict.rows
    assert found.level == "reproduced"
    assert found.secret is not None
    assert found.secret < -0.1
    assert "on secret seeds" in found.reason


def test_without_a_rerun_there_is_no_audit(runs: Path) -> None:
    run(runs, seeds="0")
    path = bundle(runs)
    wanted = Wanted(rerun=False, salt=SALT, commitment=commit(SALT))
    verdict = verify_bundle(path, wanted, lambda fraction, line: None)
    assert (verdict.level, verdict.commitment) == ("checked", "")


def test_a_salt_moves_every_seed(plugin: Path) -> None:
    protocol = registry.task(TASK).protocols["smoke"]
    public, secret = (harness().schedule(protocol, salt) for salt in ("", SALT))
    assert not {row["seed"] for row in public} & {row["seed"] for row in secret}


@pytest.mark.parametrize("tolerance", [0.0, 1.0])
def test_the_tolerance_decides(runs: Path, policy: Path, tolerance: float) -> None:
    policy.write_text(by_heart())
    run(runs, f"{policy}:Same", seeds="0")
    verdict = audited(bundle(runs, f"{policy}:Same"), secret_tolerance=tolerance)
    assert verdict.level == ("audited" if tolerance else "reproduced")

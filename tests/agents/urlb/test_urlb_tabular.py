"""Tabular agents: updates by hand, modes that separate, tables that survive a restart."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from leapbench.agents.urlb.common.tabular.finetune import Warm
from leapbench.agents.urlb.common.tabular.tables import best, best_of, update
from leapbench.agents.urlb.common.tabular.transitions import Transition, steps
from leapbench.agents.urlb.moss_tabular.policy import TabularMoss, Visits
from leapbench.agents.urlb.optimal_tabular.policy import Optimal
from leapbench.agents.urlb.random_tabular.policy import Random
from leapbench.agents.urlb.scratch_tabular.policy import TabularScratch
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.errors import UserError
from leapbench.tasks.urlb import worlds
from leapbench.testing.files import contents

GRID = "leapbench/URLB-EntropyGrid-v0"
few = limited(max_examples=30)
row = st.lists(st.integers(0, 3).map(float), min_size=5, max_size=5)


def phase(name: str, limit: int, noise: float = 0.6, task: str | None = None, seed: int = 1) -> Any:
    """A phase of an 11 x 11 grid with episodes of 40 steps."""
    meter = Meter(Budget(unit="steps", limit=limit))
    world = {"size": 11, "noise": noise, "horizon": 40, "task": task}
    make = partial(worlds.training, GRID, world, name == "finetune", meter)
    return LearningPhase(name, meter, seed, {"horizon": 40}, make_env=make)


def pretrained(
    share: float, noise: float, steps: int = 8000, seed: int = 1, **settings: float
) -> TabularMoss:
    agent = TabularMoss(share=share, **settings)
    agent.learn(phase("pretrain", steps, noise, seed=seed))
    return agent


def spread(agent: Any, noise: float) -> float:
    """Entropy in nats of the cells of 20 episodes of a pre-trained agent."""
    env = phase("pretrain", 10**6, noise).make_env(20)
    cells, _ = env.reset(seed=5)
    seen, state = [], None
    for _ in range(40):
        actions, state = agent.predict(cells, state, deterministic=False)
        cells = env.step(actions)[0]
        seen.append(cells)
    share = np.bincount(np.stack(seen).ravel()) / (20 * 40)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def test_an_update_by_hand() -> None:
    table = [[0.0, 1.0], [2.0, 4.0]]
    update(table, 0, 1, 3.0, 1, rate=0.5, discount=0.25)
    assert table == [[0.0, 1.0 + 0.5 * (3.0 + 0.25 * 4.0 - 1.0)], [2.0, 4.0]]


@few
@given(row, st.permutations([0.0, 1.0, 2.0, 3.0, 4.0]))
def test_ties_are_broken_by_preference(values: list[float], prior: list[float]) -> None:
    chosen = best(values, prior)
    assert values[chosen] == max(values)
    assert all(prior[i] <= prior[chosen] for i in range(5) if values[i] == values[chosen])
    assert best_of(np.array([values]), np.array([prior])).tolist() == [chosen]


def test_surprise_by_hand() -> None:
    visits = Visits(cells=4, forget=0.5, centring=0.0)
    assert visits.surprise(2) == pytest.approx(log(4))
    # Counts were 1 each; the visit adds 2 where all earlier ones count half.
    assert visits.surprise(2) == pytest.approx(-log(3 / 6))
    assert visits.surprise(0) == pytest.approx(-log(1 / (6 + 4)))


@few
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.floats(0.5, 1))
def test_forgetting_is_the_same_as_counting_less_what_is_old(path: list[int], keep: float) -> None:
    visits, counts = Visits(6, keep, 0.0), np.ones(6)
    for cell in path:
        assert visits.surprise(cell) == pytest.approx(-log(counts[cell] / counts.sum()))
        # Both scale the counts: what is left of them, and one visit more.
        counts = counts * keep
        counts[cell] += 1


def test_counts_stay_finite_in_a_long_life() -> None:
    visits = Visits(3, 0.5, 0.0)
    values = [visits.surprise(step % 2) for step in range(3000)]
    assert np.isfinite(values).all()
    assert values[-2:] == pytest.approx([-log(1 / 3)] * 2, abs=1e-3)


def test_the_running_mean_is_taken_off() -> None:
    visits = Visits(cells=4, forget=1.0, centring=0.5)
    assert visits.surprise(1) == pytest.approx(0.0)  # -log(1 / 4) less the mean at first
    raw = -log(1 / 5)
    assert visits.surprise(0) == pytest.approx(raw - log(4))


def test_walking_spends_the_budget_and_knows_the_time() -> None:
    opened = phase("finetune", 100, task="shelter")
    walked = list(steps(opened, lambda cell, time, episode: time % 5))
    assert opened.meter.used == 100
    assert [step.time for step in walked] == [*range(40), *range(40), *range(20)]
    assert [step.episode for step in walked] == [0] * 40 + [1] * 40 + [2] * 20
    within = [(a, b) for a, b in pairwise(walked) if a.episode == b.episode]
    assert len(within) == 97
    assert all(a.next == b.cell for a, b in within)
    assert {walked[0].cell, walked[40].cell, walked[80].cell} == {60}


def test_the_way_that_earned_more_breaks_ties() -> None:
    warm = Warm(lambda cell, time, way: 0, 2, None)
    for episode, reward in ((0, 1.0), (1, 0.0), (2, 0.0), (3, 5.0)):
        warm.seen(Transition(0, 0, reward, 0, 0, episode))
    assert warm.better == 1


@pytest.mark.parametrize("noise", [0.0, 0.6])
def test_modes_separate(noise: float) -> None:
    explore, control = pretrained(1.0, noise), pretrained(0.0, noise)
    assert spread(explore, noise) > spread(control, noise) + 0.5
    assert (explore.ways, control.ways) == ([0], [1])
    both = np.zeros(2)
    for seed in range(3):
        mixture = pretrained(0.7, noise, steps=12_000, seed=seed)
        assert mixture.ways == [0, 1]
        for mode, share in enumerate((1.0, 0.0)):
            mixture.share = share  # acts by one of its tables
            both[mode] += spread(mixture, noise)
    assert both[0] > both[1] + 0.3


def test_without_centring_the_modes_are_inverted() -> None:
    explore, control = (pretrained(share, 0.0, centring=0.0) for share in (1.0, 0.0))
    assert spread(explore, 0.0) < spread(control, 0.0)


@pytest.mark.parametrize(
    "make", [TabularMoss, partial(TabularMoss, share=0.0), TabularScratch, Random]
)
def test_a_restart_from_the_checkpoint_changes_nothing(make: Any, tmp_path: Path) -> None:
    one, other = make(), make()
    one.learn(phase("pretrain", 1500))
    (tmp_path / "kept").mkdir()
    one.save(tmp_path / "kept")
    other.load(tmp_path / "kept")
    for i, agent in enumerate((one, other)):
        agent.learn(phase("finetune", 900, task="shelter", seed=2))
        (tmp_path / str(i)).mkdir()
        agent.save(tmp_path / str(i))
    assert contents(tmp_path / "0") == contents(tmp_path / "1")
    cells = np.arange(121)
    for still in (True, False):
        ours, theirs = (agent.predict(cells, None, None, still)[0] for agent in (one, other))
        assert ours.tolist() == theirs.tolist()


def test_two_branches_of_one_checkpoint_do_not_meet(tmp_path: Path) -> None:
    root = TabularMoss()
    root.learn(phase("pretrain", 1500))
    root.save(tmp_path)
    first, second = TabularMoss(), TabularMoss()
    for branch, task in ((first, "shelter"), (second, "corner-1")):
        branch.load(tmp_path)
        branch.learn(phase("finetune", 900, 0.0, task))
    assert np.array_equal(first.modes, second.modes)
    assert not np.array_equal(first.table, second.table)
    assert not root.table.size


def test_only_agents_that_explore_spend_the_reward_free_budget() -> None:
    used = []
    for agent in (TabularMoss(), TabularScratch(), Random(), Optimal()):
        opened = phase("pretrain", 500)
        agent.learn(opened)
        used.append(opened.meter.used)
    assert used == [500, 0, 0, 0]


def test_all_that_fine_tune_use_the_same_budget() -> None:
    for agent in (pretrained(0.7, 0.0), TabularScratch()):
        opened = phase("finetune", 500, task="shelter")
        agent.learn(opened)
        assert opened.meter.used == 500


@pytest.mark.parametrize("agent", [TabularMoss(), TabularScratch(), Random(), Optimal()])
def test_acting_before_learning_is_told(agent: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        agent.predict(np.zeros(2, np.int64))
    if not isinstance(agent, Optimal):
        with pytest.raises(UserError, match="learn"):
            agent.save(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"nothing"])
def test_a_broken_file_is_told(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "tables.npz").write_bytes(content)
    with pytest.raises(UserError, match="holds no TabularMoss"):
        TabularMoss().load(tmp_path)


def test_the_files_of_another_agent_are_told(tmp_path: Path) -> None:
    scratch = TabularScratch()
    scratch.learn(phase("pretrain", 100))
    scratch.save(tmp_path)
    with pytest.raises(UserError, match="holds no TabularMoss"):
        TabularMoss().load(tmp_path)


def test_what_is_not_tabular_is_told() -> None:
    meter = Meter(Budget(unit="steps", limit=10))
    make = partial(worlds.training, "Acrobot-v1", {}, True, meter)
    for agent in (TabularScratch(), Random()):
        with pytest.raises(UserError, match="numbered observations"):
            agent.learn(LearningPhase("finetune", meter, 0, {"horizon": 5}, make_env=make))
        with pytest.raises(UserError, match="numbered observations"):
            agent.learn(LearningPhase("finetune", meter, 0, {"horizon": 5}))


@pytest.mark.parametrize(
    "settings",
    [
        {"share": 1.5},
        {"forget": 0.0},
        {"epsilon": -0.1},
        {"rate": 2.0},
        {"centring": -1.0},
        {"warmup": 1.1},
        {"discount": 1.5},
        {"replay": -1},
    ],
)
def test_wrong_settings_are_told(settings: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(settings))):
        TabularMoss(**settings)  # type: ignore[arg-type]

"""What each rule buys and who teaches, on worlds small enough to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leapbench.agents.distill.bandit.policy import LANES, Bandit
from leapbench.agents.distill.checkpoint_kd.policy import CheckpointKD
from leapbench.agents.distill.common.arms import NAMES, arm
from leapbench.agents.distill.common.look import Look
from leapbench.agents.distill.common.selector import ALPHAS, TAUS, Selector
from leapbench.agents.distill.oracle.policy import Oracle
from leapbench.agents.distill.selectors import rules
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter, MeteredVectorEnv
from leapbench.contract.task import Budget
from leapbench.envs.distill.bank import TEMPERATURES, bank
from leapbench.envs.distill.exam import examined
from leapbench.envs.distill.observation import Head, Slot, observe, parts
from leapbench.envs.distill.vector import DistillVectorEnv
from leapbench.errors import UserError

SIZES = {"trajectories": 2, "checkpoints": 4, "blocks": 3}
SMALL: dict[str, Any] = SIZES | {
    "scenarios": ("clean", "other"), "epochs": 4, "block_epochs": 1, "samples": 100, "views": 2,
    "validation": 60, "tests": 60, "batch": 20, "teacher": (16, 16), "width": 8,
}  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path))
    bank.cache_clear()


def world(lanes: int = 2, budget: float = 5.0, mode: str = "Disabled") -> DistillVectorEnv:
    env = DistillVectorEnv(lanes, "box", budget=budget, autoreset_mode=mode, **SMALL)
    env.reset(seed=3)
    return env


def played(rule: Selector, budget: float = 5.0, lanes: int = 2) -> DistillVectorEnv:
    """A world in which a rule has played its episodes to their end."""
    rule.sizes = dict(SIZES)
    env = world(lanes, budget)
    if isinstance(rule, Oracle):
        rule.bind(env)
    seen, over, begins = env._seen, np.zeros(lanes, bool), np.ones(lanes, bool)
    while not over.all():
        seen, _, terminated, truncated, _ = env.step(rule.predict(seen, None, begins)[0])
        over, begins = terminated | truncated, np.zeros(lanes, bool)
        assert not truncated.any()
    return env


def taught(env: DistillVectorEnv, lane: int = 0) -> set[int]:
    """Slots that taught the last block."""
    return set(np.flatnonzero(env.episodes[lane].taught[-1].weights).tolist())


@pytest.mark.parametrize(
    ("rule", "reached", "teachers"),
    [
        (rules.NoTeacher(), [0, 0], set()),
        (rules.Share("0.5"), [2, 0], {1}),
        (rules.Share("1.0"), [4, 0], {3}),
        (rules.Share("0.5,1.0"), [4, 0], {1, 3}),
        (rules.Share("1.0", runs=2), [4, 4], {3, 7}),
        (rules.Share("0.5,1.0", runs=2), [4, 4], {1, 3, 5, 7}),
        (rules.All(), [4, 0], {0, 1, 2, 3}),
        (rules.Curriculum(), [4, 0], {3}),
    ],
)
def test_fixed_rules(rule: Selector, reached: list[int], teachers: set[int]) -> None:
    env = played(rule)
    for lane, episode in enumerate(env.episodes):
        assert episode.reached == reached
        assert taught(env, lane) == teachers
        assert (episode.blocks, episode.refused) == (3, 0)


def test_what_cannot_be_paid_beside_the_student_is_not_bought() -> None:
    env = played(rules.Share("1.0"), budget=0.7)
    for lane, episode in enumerate(env.episodes):
        assert 0 < episode.reached[0] < 4
        assert taught(env, lane) == {episode.reached[0] - 1}
        assert (episode.blocks, episode.refused) == (3, 0)
        assert episode.left < episode.prices.extend


def test_a_whole_teacher_and_student_can_just_be_paid() -> None:
    env = played(rules.Share("1.0"), budget=1.0)
    assert [episode.reached[0] for episode in env.episodes] == [4, 4]
    assert [episode.left for episode in env.episodes] == [0, 0]


def test_the_best_checkpoint_is_that_of_the_best_score() -> None:
    for by, column, best in (("accuracy", 1, np.argmax), ("nll", 2, np.argmin)):
        env = played(rules.Best(by))
        for lane, episode in enumerate(env.episodes):
            scores = episode.bank.stats[0, ::-1, column]
            assert taught(env, lane) == {3 - int(best(scores))}


def test_the_information_rule_is_the_argmax_of_the_normalised_sum() -> None:
    env = played(CheckpointKD(), budget=20.0)
    for lane, episode in enumerate(env.episodes):
        assert episode.probed.tolist() == [True] * 4 + [False] * 4
        restored, accuracy = episode.bank.probed[:4, 0], episode.bank.stats[0, :, 1]

        def unit(x: np.ndarray) -> np.ndarray:
            return (x - x.min()) / np.ptp(x)

        total = unit(-restored) + unit(accuracy)
        assert taught(env, lane) == {int(np.argmax(total))}


def test_the_information_of_known_numbers() -> None:
    slots = np.full((3, Slot.COUNT), -1, np.float32)
    slots[:, Slot.RESTORED], slots[:, Slot.ACCURACY] = (0.3, 0.32, 0.4), (0.2, 0.5, 0.6)
    slots[:, Slot.TOLD] = (0.9, 0.5, 0.4)
    rule, probe = CheckpointKD(), CheckpointKD(task="probe")
    np.testing.assert_allclose(rule.information(slots), [1, 0.8 + 0.75, 1], rtol=1e-5)
    np.testing.assert_allclose(probe.information(slots), [1, 0.8 + 0.8, 1], rtol=1e-5)


def test_without_money_for_probes_the_rule_takes_the_last() -> None:
    env = played(CheckpointKD(), budget=1.0)
    assert taught(env) == {3}
    assert not env.episodes[0].probed.any()


def test_the_temperature_makes_the_converged_teacher_as_soft_as_the_half_way_one() -> None:
    env = played(rules.Temperature())
    (lesson, *_), stats = env.episodes[0].taught, env.episodes[0].bank.stats[0]
    at = np.log(TEMPERATURES)
    wanted = np.interp(np.log(4.0), at, stats[1, 3:8])
    reached = np.interp(np.log(lesson.tau), at, stats[3, 3:8])
    assert taught(env) == {3}
    assert lesson.tau > 4.0
    assert reached == pytest.approx(wanted, abs=1e-3)


def test_born_again_has_two_students_and_no_teacher() -> None:
    env = played(rules.BornAgain())
    for episode in env.episodes:
        assert (episode.reached, episode.since, episode.blocks) == ([0, 0], 3, 3)
        assert [lesson.itself for lesson in episode.taught] == [0, 0, 0, 1, 1, 1]
    poor = played(rules.BornAgain(), budget=0.3)
    assert all(episode.since == 0 for episode in poor.episodes)


def test_random_checkpoints_differ_between_episodes_and_repeat() -> None:
    def chosen() -> list[int]:
        return [e.reached[0] for e in played(rules.RandomCheckpoint(), lanes=6).episodes]

    assert chosen() == chosen()
    assert len(set(chosen())) > 1


def test_label_smoothing_gives_the_rest_to_all_classes() -> None:
    env = played(rules.NoTeacher(smoothing=0.1))
    (lesson, *_) = env.episodes[0].taught
    assert lesson.alpha == pytest.approx(0.9)
    assert lesson.tau == pytest.approx(1.0)


def test_the_oracle_is_at_least_as_good_as_every_rule_that_it_tries() -> None:
    best = [examined(episode) for episode in played(Oracle()).episodes]
    for name in NAMES:
        one = [examined(episode) for episode in played(arm(name, SIZES)).episodes]
        assert all(a >= b for a, b in zip(best, one, strict=True))


def phase(limit: int) -> LearningPhase:
    meter = Meter(Budget(unit="rounds", limit=limit))

    def make_env(count: int) -> MeteredVectorEnv:
        return MeteredVectorEnv(world(count, mode="SameStep"), meter)

    return LearningPhase("practice", meter, 5, dict(SIZES), make_env=make_env)


def test_tuning_takes_the_pair_of_the_best_practice() -> None:
    opened, rule = phase(2000), rules.Share("0.25", tuned=True)
    rule.learn(opened)
    assert rule.tau in TAUS
    assert rule.alpha in ALPHAS
    assert 0 < opened.meter.used <= 2000
    still = rules.Share("0.25")
    still.learn(phase(2000))
    assert (still.tau, still.alpha) == (4.0, 0.5)


def test_a_budget_too_small_to_tune_leaves_the_defaults() -> None:
    opened, rule = phase(20), rules.Share("0.25", tuned=True)
    rule.learn(opened)
    assert (rule.tau, rule.alpha, opened.meter.used) == (4.0, 0.5, 0)


def test_the_bandit_stays_inside_its_budget_and_keeps_its_rule(tmp_path: Path) -> None:
    opened, bandit = phase(13 * LANES * 2), Bandit()
    bandit.learn(opened)
    assert 0 < opened.meter.used <= opened.meter.budget.limit
    assert bandit.name in NAMES
    bandit.save(tmp_path)
    again = Bandit()
    again.load(tmp_path)
    assert again.name == bandit.name


def test_looks_read_what_is_shown() -> None:
    env = world(1)
    look = Look(observe(env.episodes[0]), 2, 3)
    assert (look.checkpoints, look.blocks_left, look.reached(0)) == (4, 3, 0)
    assert look.of(0, 1.0) == -1
    assert look.affords(8, 0, 2)
    assert not look.affords(80)
    assert parts(look.row)[0][Head.LEFT] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: rules.Share("0.5,x"),
        lambda: rules.Share("2.0"),
        lambda: rules.Best("luck"),
        lambda: CheckpointKD(task="luck"),
        lambda: rules.NoTeacher(smoothing=2.0),
        lambda: rules.All(alpha=2.0),
    ],
)
def test_wrong_settings_are_refused(wrong: Any) -> None:
    with pytest.raises(UserError):
        wrong()

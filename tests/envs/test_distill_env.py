"""The distillation world: prices to the unit, and nothing that is not paid for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from leapbench.envs.distill import bank as banks
from leapbench.envs.distill.bank import bank, make
from leapbench.envs.distill.choices import Decision
from leapbench.envs.distill.costs import prices
from leapbench.envs.distill.env import DistillEnv
from leapbench.envs.distill.observation import Head, Slot, parts
from leapbench.envs.distill.setup import SCENARIOS, Setup
from leapbench.errors import UserError

SMALL: dict[str, Any] = {
    "scenarios": ("clean", "few", "other"), "trajectories": 2, "checkpoints": 2, "epochs": 2,
    "blocks": 3, "block_epochs": 1, "samples": 100, "views": 2, "validation": 60, "tests": 60,
    "batch": 20, "teacher": (16, 16), "width": 8,
}  # fmt: skip
CLEAN = {"scenario": "clean", "instance": 0, "student": 1}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEAPBENCH_CACHE", str(tmp_path))
    bank.cache_clear()
    return tmp_path


def world(actions: str = "box", **changed: Any) -> DistillEnv:
    env = DistillEnv(actions=actions, **(SMALL | changed))
    env.reset(seed=0, options=CLEAN)
    return env


def play(env: DistillEnv, *decisions: Decision) -> tuple[Any, ...]:
    for decision in decisions:
        returned = env.step(env.rules.numbers.row(decision))
    return returned


def weights(*slots: int) -> tuple[float, ...]:
    return tuple(1.0 if slot in slots else 0.0 for slot in range(4))


def test_a_bank_is_the_same_to_the_byte(cache: Path) -> None:
    setup = Setup(**SMALL)
    first, again = make(setup, "few", 3), make(setup, "few", 3)
    for name in first:
        assert first[name].tobytes() == again[name].tobytes()
    bank(setup, "few", 3)
    bank(setup, "few", 3).probed  # noqa: B018 - made and kept on first use
    kept = {path.name: path.read_bytes() for path in cache.rglob("*.npz")}
    assert len(kept) == 2
    for path in cache.rglob("*.npz"):
        path.unlink()
    bank.cache_clear()
    bank(setup, "few", 3).probed  # noqa: B018
    assert {path.name: path.read_bytes() for path in cache.rglob("*.npz")} == kept
    assert make(setup, "few", 4)["weights"].tobytes() != first["weights"].tobytes()


def test_a_damaged_bank_is_made_again(cache: Path) -> None:
    setup = Setup(**SMALL)
    good = bank(setup, "clean", 0).weights.copy()
    (path,) = cache.rglob("*.npz")
    path.write_bytes(path.read_bytes()[:200])
    bank.cache_clear()
    np.testing.assert_array_equal(bank(setup, "clean", 0).weights, good)


def test_students_share_teachers_and_differ_in_all_else(cache: Path) -> None:
    bank(Setup(**SMALL), "clean", 0)
    bank(Setup(**(SMALL | {"width": 9, "budget": 2.0, "blocks": 5})), "clean", 0)
    assert len(list(cache.rglob("*.npz"))) == 1


def test_no_image_is_in_two_parts() -> None:
    data = bank(Setup(**SMALL), "clean", 0).pairs
    halves = [
        {half.tobytes() for pair in each for half in pair.reshape(2, 64)}
        for each in (data.pixels, data.validation_pixels)
    ]
    assert not halves[0] & halves[1]
    assert data.test.shape == (60, 128)


def test_wrong_labels_are_in_training_alone() -> None:
    setup = Setup(**(SMALL | {"samples": 2000, "validation": 500}))
    clean, noisy = (banks._pairs(setup, name, 0) for name in ("clean", "noise-40"))
    assert len(clean.labels) == len(noisy.labels)
    rng = np.random.default_rng([*banks._seed("noise-40", 0), 0])
    same = banks.pairs.make(setup.images, (2000, 500, 60), 2, 0.0, rng)
    wrong = (same.labels != noisy.labels).mean()
    assert 0.33 < wrong < 0.46
    np.testing.assert_array_equal(same.validation_labels, noisy.validation_labels)
    np.testing.assert_array_equal(same.test_labels, noisy.test_labels)


def test_prices_are_exact() -> None:
    setup = Setup(**SMALL)
    found = prices(setup, SCENARIOS["clean"])
    teacher, student = 128 * 16 + 16 * 16 + 16 * 100, 128 * 8 + 8 * 100
    assert found.extend == 3 * 1 * 100 * teacher + (100 + 60) * teacher
    assert found.query == 2 * 100 * teacher
    assert found.block == 3 * 1 * 100 * student + 60 * student
    assert found.whole == 2 * found.extend + found.query + 3 * found.block
    online = prices(setup.but(cached=False), SCENARIOS["clean"])
    assert online.query == 1 * 100 * teacher
    assert online.whole == 2 * found.extend + 3 * (online.query + found.block)
    half = prices(setup, SCENARIOS["other"])  # each half through the same four units
    assert half.block == (3 * 100 + 60) * (2 * 64 * 4 + 8 * 100)


def test_everything_is_paid_once_and_to_the_unit() -> None:
    env = world(budget=5.0)
    episode = env.episode
    assert episode is not None
    p, start = episode.prices, episode.left
    play(env, Decision(extend=(0,)))
    assert start - episode.left == p.extend
    play(env, Decision(weights=weights(0), train=True))
    assert start - episode.left == p.extend + p.query + p.block
    play(env, Decision(weights=weights(0), train=True))
    assert start - episode.left == p.extend + p.query + 2 * p.block
    play(env, Decision(probe=(0,)), Decision(probe=(0,)))
    assert start - episode.left == p.extend + p.query + 2 * p.block + p.probe
    assert episode.refused == 1


def test_online_answers_are_paid_in_every_block() -> None:
    env = world(budget=5.0, cached=False)
    episode = env.episode
    assert episode is not None
    lesson = Decision(weights=weights(0, 1), train=True)
    play(env, Decision(extend=(0,)), Decision(extend=(0,)), lesson, lesson)
    p = episode.prices
    assert episode.budget - episode.left == 2 * p.extend + 4 * p.query + 2 * p.block


def test_the_last_block_cannot_overrun_the_budget() -> None:
    p = prices(Setup(**SMALL), SCENARIOS["clean"])
    env = DistillEnv(actions="box", **SMALL)
    env.reset(seed=0, options=CLEAN | {"budget": (2.5 * p.block) / p.whole})
    episode = env.episode
    assert episode is not None
    alone = Decision(alpha=1.0, train=True)
    *_, over, _, _ = play(env, alone)
    assert not over
    *_, over, _, info = play(env, alone)
    assert over
    assert info["blocks"] == 2
    assert 0 <= info["spent"] <= info["budget"]


def test_a_block_whose_teacher_cannot_be_paid_is_not_taught() -> None:
    p = prices(Setup(**SMALL), SCENARIOS["clean"])
    env = DistillEnv(actions="box", **SMALL)
    env.reset(seed=0, options=CLEAN | {"budget": (p.extend + 1.1 * p.block) / p.whole})
    episode = env.episode
    assert episode is not None
    before = episode.weights.clone()
    _, reward, over, _, _ = play(
        env, Decision(extend=(0,)), Decision(weights=weights(0), train=True)
    )
    assert (reward, over, episode.refused) == (0.0, False, 1)
    assert episode.weights.equal(before)


def test_a_checkpoint_that_is_not_owned_teaches_and_tells_nothing() -> None:
    env = world(budget=5.0)
    episode = env.episode
    assert episode is not None
    start = episode.left
    observation, reward, *_ = play(
        env,
        Decision(weights=weights(1, 3), train=True),
        Decision(probe=(2,)),
        Decision(itself=1.0, train=True),
    )
    assert (reward, episode.blocks, episode.left) == (0.0, 0, start)
    slots = parts(observation)[1]
    assert (np.delete(slots, [Slot.OWNED, Slot.EPOCH, Slot.ASKED], axis=1) == -1).all()


def test_unowned_members_of_a_mixture_are_left_out() -> None:
    one, other = world(budget=5.0), world(budget=5.0)
    for env, lesson in ((one, weights(0)), (other, weights(0, 1, 3))):
        play(env, Decision(extend=(0,)), Decision(weights=lesson, train=True))
    assert one.episode is not None
    assert other.episode is not None
    assert one.episode.weights.equal(other.episode.weights)


def test_stopping_gives_nothing_for_free() -> None:
    env = world()
    _, reward, over, _, info = play(env, Decision(stop=True))
    assert (reward, over, info["blocks"]) == (0.0, True, 0)
    assert info["validation"] == 1 / 100
    with pytest.raises(gym.error.ResetNeeded):
        play(env, Decision(train=True))


def test_the_return_is_the_last_validation_accuracy() -> None:
    env, total, over = world(budget=5.0), 0.0, False
    play(env, Decision(extend=(0,)))
    while not over:
        _, reward, over, _, info = play(env, Decision(weights=weights(0), train=True))
        total += reward
    assert total == pytest.approx(info["validation"] - 1 / 100)
    assert "accuracy" not in info


def test_test_pairs_are_for_scoring_alone() -> None:
    """Other test labels change the score and nothing that is shown."""
    env, other = world(evaluation=True), world(evaluation=True)
    assert env.episode is not None
    assert other.episode is not None
    good = env.episode.bank
    data = good.pairs.__class__(**(vars(good.pairs) | {
        "test": good.pairs.test[::-1].copy() * 0, "test_labels": good.pairs.test_labels * 0 + 99,
    }))  # fmt: skip
    spoiled = banks.Bank(good.setup, good.name, good.number, good.weights, good.stats)
    spoiled.pairs = data
    other.episode.bank = spoiled
    alone = Decision(alpha=1.0, train=True)
    for _ in range(3):
        ours, theirs = play(env, alone), play(other, alone)
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1] == theirs[1]
    assert ours[4]["accuracy"] != theirs[4]["accuracy"]


def test_a_former_student_teaches_the_next() -> None:
    env = world(budget=5.0)
    episode = env.episode
    assert episode is not None
    alone = Decision(alpha=1.0, train=True)
    first = episode.weights.clone()
    play(env, alone, alone)
    _, _reward, over, _, _ = play(env, Decision(alpha=1.0, train=True, reborn=True))
    assert not over
    assert not episode.weights.equal(first)
    start, p = episode.left, episode.prices
    play(env, Decision(itself=1.0, train=True))
    assert start - episode.left == p.block + p.itself
    play(env, Decision(itself=1.0, train=True))
    assert start - episode.left == 2 * p.block + p.itself


def test_choices_mean_what_the_table_says() -> None:
    env = world("discrete", budget=5.0)
    episode, c = env.episode, env.rules.choices
    assert episode is not None
    assert c.count == 2 + 2 * 4 + 3
    for action in (c.extend(0), c.extend(1), c.teach(0), c.uniform, c.probe(2), c.alone):
        env.step(action)
    assert episode.reached == [1, 1]
    assert [lesson.weights for lesson in episode.taught] == [
        (1.0, 0.0, 0.0, 0.0), (0.5, 0.0, 0.5, 0.0), (0.0, 0.0, 0.0, 0.0),
    ]  # fmt: skip
    assert episode.taught[2].alpha == 1.0
    assert episode.probed.tolist() == [False, False, True, False]
    assert episode.over


def test_a_row_says_the_decision_that_it_was_made_from() -> None:
    numbers = world().rules.numbers
    wanted = Decision((1,), (2,), (0.0, 1.0, 0.5, 0.0), 8.0, 0.25, True, False, 0.5, True)
    found = numbers.decision(numbers.row(wanted))
    assert found.tau == pytest.approx(8.0)
    assert found.weights == wanted.weights
    assert (found.extend, found.probe, found.train, found.stop, found.reborn) == (
        (1,), (2,), True, False, True,
    )  # fmt: skip
    assert found.alpha == pytest.approx(0.25)


def test_students_do_not_depend_on_what_else_is_decided() -> None:
    """First weights and order are the student's: only the teacher differs."""
    env, other = world(), world()
    alone = Decision(alpha=1.0, train=True)
    play(env, Decision(extend=(0,)), alone)
    play(other, alone)
    assert env.episode is not None
    assert other.episode is not None
    assert env.episode.weights.equal(other.episode.weights)


def test_prices_are_shown_as_shares_of_the_budget() -> None:
    env = DistillEnv(**SMALL)
    observation, _ = env.reset(seed=0, options=CLEAN)
    head, episode = parts(observation)[0], env.episode
    assert episode is not None
    assert head[Head.BLOCK] == pytest.approx(episode.prices.block / episode.budget)
    assert head[Head.LEFT] == 1
    assert head[Head.ACCURACY] == -1


def test_cut_off_episodes_are_truncated() -> None:
    env = world()
    for _ in range(env.longest - 1):
        *_, over, cut, _ = play(env, Decision())
        assert not over
        assert not cut
    *_, over, cut, info = play(env, Decision())
    assert (over, cut) == (False, True)
    assert info["blocks"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"scenarios": ("nothing",)},
        {"scenarios": ()},
        {"epochs": 3},
        {"alpha": 2.0},
        {"form": "other"},
        {"blocks": 0},
        {"actions": "other"},
        {"budget": -1.0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        DistillEnv(**(SMALL | wrong))


@pytest.mark.parametrize(
    "wrong",
    [{"scenario": "clean+x"}, {"instance": -1}, {"student": 1.5}, {"budget": 0}, {"other": 1}],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        DistillEnv(**SMALL).reset(options=wrong)

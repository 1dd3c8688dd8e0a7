"""The world of glances: rules, budgets, parity, and what a policy cannot get for free."""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.envs.exits.observation import ExitColumn, table
from leapbench.envs.videoglance import files, reference
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.dynamics import SHARES, budgets
from leapbench.envs.videoglance.env import VideoGlanceEnv
from leapbench.envs.videoglance.grid import CubeGrid
from leapbench.envs.videoglance.needle import Footage, NeedleSettings, clip, digits, draw
from leapbench.envs.videoglance.observation import Layout
from leapbench.errors import UserError

GRID = CubeGrid((4, 8, 8), (2, 4, 4), (2, 3, 3))
FIRST, LOOK = 100, 50


def bank(samples: int = 12, seed: int = 0, features: int = 6, classes: int = 3) -> Bank:
    rng = np.random.default_rng(seed)
    cubes = GRID.cubes
    order = rng.permuted(np.tile(np.arange(cubes), (samples, 1)), axis=1)
    return Bank(
        glance=rng.integers(0, 40, (samples, features)).astype(np.uint8),
        cubes=rng.integers(0, 256, (samples, cubes, features)).astype(np.uint8),
        weight=rng.integers(-127, 128, (features, classes)).astype(np.int8),
        scale=1e-3,
        bias=np.zeros(classes, np.float32),
        maps=rng.integers(0, 256, (samples, cubes, 3)).astype(np.uint8),
        order=order.astype(np.int16),
        labels=rng.integers(0, classes, samples),
        overlap=np.eye(samples, cubes, dtype=np.float32),
        grid=GRID,
        first=FIRST,
        look=LOOK,
        looks=3,
    )


def played(env: VideoGlanceEnv, actions: list[int]) -> tuple[list[Any], dict[str, Any]]:
    env.reset(seed=0)
    steps: list[Any] = []
    for action in actions:
        steps.append(env.step(action))
        if steps[-1][2]:
            break
    return steps, steps[-1][4]


def test_a_grid_places_its_cubes_and_covers_the_clip() -> None:
    assert GRID.cubes == 18
    assert GRID.origins.min(0).tolist() == [0, 0, 0]
    assert (GRID.origins.max(0) + GRID.cube == GRID.volume).all()
    assert (GRID.nearest(GRID.fractions) == np.arange(18)).all()
    covered = np.zeros(GRID.volume, int)
    for t, y, x in GRID.origins[list(GRID.tiles)].tolist():
        covered[t : t + 2, y : y + 4, x : x + 4] += 1
    assert (covered == 1).all()
    inside = GRID.overlap(np.array([[0, 0, 0]]), np.array([[2, 4, 4]]))
    assert inside[0, 0] == 1.0
    assert inside[0, -1] == 0.0


@pytest.mark.parametrize("counts", [(2, 9, 1), (0, 1, 1), (4, 1, 1)])
def test_what_is_no_grid_is_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(UserError, match="no grid of cubes"):
        CubeGrid((4, 8, 8), (2, 4, 4), counts)


def test_the_running_maximum_and_one_map_are_the_network() -> None:
    own = bank()
    ladder = own.ladder()
    for sample in range(own.samples):
        taken = own.cubes[sample, own.order[sample, :3]]
        for k in range(4):
            seen = np.vstack([own.glance[sample], *taken[:k]]).max(0).astype(float)
            logits = seen @ own.weight * own.scale + own.bias
            odds = np.exp(logits - logits.max())
            assert np.allclose(ladder.probabilities[sample, k], odds / odds.sum(), atol=1e-6)
    assert ladder.costs.tolist() == [100, 150, 200, 250]


def test_answers_do_not_depend_on_what_stands_beside_them() -> None:
    own = reference.load_reference("needle")[1]
    together = own.probabilities(own.glance)
    alone = np.concatenate([own.probabilities(row[None]) for row in own.glance])
    assert (together == alone).all()


def test_a_policy_sees_the_columns_that_exit_rules_read() -> None:
    own = bank()
    env = VideoGlanceEnv(own, stream=12, budget=own.full)
    rows = table(own.ladder()).reshape(own.samples, 4, -1)
    observation, _ = env.reset(seed=1)
    shared = [c for c in ExitColumn if c < ExitColumn.NEXT]
    for _ in range(12):
        sample = int(env.streams.sample[0])
        for k in range(4):
            assert np.allclose(observation[shared], rows[sample, k, shared], atol=1e-6)
            cube = int(own.order[sample, k]) if k < 3 else own.grid.cubes
            observation, *_ = env.step(cube)


def test_blocks_of_the_observation() -> None:
    own = bank()
    env = VideoGlanceEnv(own, stream=3, budget=own.full)
    layout = Layout.of(own)
    first, _ = env.reset(seed=0)
    sample = int(env.streams.sample[0])
    assert first.shape == (layout.size,)
    assert first[layout.proposal].argmax() == own.order[sample, 0]
    assert np.allclose(first[layout.map("motion")] * 255, own.maps[sample, :, 2])
    assert np.allclose(first[layout.glance] * 255, own.glance[sample])
    assert np.isclose(first[layout.probabilities].sum(), 1)
    second, *_ = env.step(5)
    assert second[layout.visited].nonzero()[0].tolist() == [5]
    assert env.action_masks().tolist() == [cube != 5 for cube in range(18)] + [True]


def test_labels_and_tubes_cannot_be_observed() -> None:
    own = bank()
    other = dataclasses.replace(
        own, labels=(own.labels + 1) % 3, overlap=own.overlap[:, ::-1].copy()
    )
    for action in (0, 7, 18):
        seen = []
        for each in (own, other):
            env = VideoGlanceEnv(each, stream=4, budget=own.full)
            start, info = env.reset(seed=0)
            step = env.step(action)
            seen.append((start.tobytes(), info, step[0].tobytes(), step[4]))
        assert seen[0] == seen[1]


def test_a_cube_seen_before_is_paid_for_and_shows_nothing_new() -> None:
    own = bank()
    env = VideoGlanceEnv(own, stream=2, budget=own.full)
    env.reset(seed=0)
    first, *_ = env.step(4)
    before = int(env.streams.remaining[0])
    again, reward, *_ = env.step(4)
    assert reward == 0
    assert before - int(env.streams.remaining[0]) == LOOK
    layout = Layout.of(own)
    assert (first[layout.probabilities] == again[layout.probabilities]).all()


@settings(max_examples=25, deadline=None)
@given(
    actions=st.lists(st.integers(0, 18), min_size=300, max_size=300),
    budget=st.integers(60, 500),
    seed=st.integers(0, 50),
)
def test_no_more_than_the_budget_is_ever_spent(actions: list[int], budget: int, seed: int) -> None:
    env = VideoGlanceEnv(bank(), stream=6, budget=budget)
    env.reset(seed=seed)
    spent, paid = 0, 0
    for action in actions:
        looks = int(env.streams.looks[0])
        _, _, over, _, info = env.step(action)
        paid += LOOK * (int(env.streams.looks[0]) == looks + 1)
        if over:
            spent = info["spent"]
            assert info["looks"].sum() + info["unanswered"] == 6
            assert spent == paid + FIRST * int(info["looks"].sum())
            break
    assert spent <= 6 * budget
    assert over


def test_a_look_that_cannot_be_paid_is_an_answer() -> None:
    own = bank()
    env = VideoGlanceEnv(own, stream=4, budget=FIRST + 1)
    _, info = played(env, [0] * 10)
    assert info["forced"] == 4
    assert info["looks"].tolist() == [4, 0, 0, 0, 0]
    _, info = played(VideoGlanceEnv(own, stream=4, budget=FIRST // 2), [18] * 10)
    assert info["unanswered"] == 2


def test_the_final_info_tells_nothing_of_the_tube() -> None:
    _, info = played(VideoGlanceEnv(bank(), stream=3, budget=500), [18] * 3)
    assert set(info) == {"accuracy", "spent", "budget", "looks", "forced", "unanswered"}


def test_a_continuous_action_is_the_nearest_cube() -> None:
    own = bank()
    cubes = VideoGlanceEnv(own, stream=5, budget=own.full)
    box = VideoGlanceEnv(own, stream=5, budget=own.full, actions="box")
    a, b = cubes.reset(seed=3)[0], box.reset(seed=3)[0]
    assert (a == b).all()
    for cube in (0, 11, 18, 17, 18):
        place = np.zeros(3) if cube == 18 else own.grid.fractions[cube] * 2 - 1
        action = np.concatenate([[1.0 if cube == 18 else -1.0], place]).astype(np.float32)
        ours, theirs = cubes.step(cube), box.step(action)
        assert (ours[0] == theirs[0]).all()
        assert ours[1:4] == theirs[1:4]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"data": "nothing"}, "packaged bank"),
        ({"split": "train"}, "split"),
        ({"actions": "words"}, "actions"),
        ({"stream": 0}, "stream"),
        ({"budget": ()}, "budget"),
        ({"budget": 1.5}, "budget"),
        ({"bank": 3}, "bank"),
    ],
)
def test_wrong_arguments_are_told(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        VideoGlanceEnv(**arguments)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"order": np.zeros((12, 18), np.int16)}, "every cube once"),
        ({"labels": np.full(12, 7)}, "labels"),
        ({"cubes": np.zeros((12, 4, 6), np.uint8)}, "grid"),
        ({"glance": np.zeros((12, 6), np.float32)}, "uint8"),
        ({"looks": 0}, "looks"),
        ({"scale": float("nan")}, "finite"),
    ],
)
def test_what_is_no_bank_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        dataclasses.replace(bank(), **change)


def test_banks_survive_their_file(tmp_path: Any) -> None:
    own = bank()
    files.save(tmp_path / "banks.npz", {"test": own})
    again = files.load(tmp_path / "banks.npz")["test"]
    for name in files.ARRAYS:
        assert np.array_equal(getattr(again, name), getattr(own, name)), name
    assert again.full == own.full
    (tmp_path / "other.npz").write_bytes(b"PK nothing")
    with pytest.raises(UserError, match="not a file of banks"):
        files.load(tmp_path / "other.npz")


def test_the_packaged_bank_is_small_and_its_budgets_are_shares() -> None:
    _, test = reference.load_reference("needle")
    assert (reference.CACHED / "needle.npz").stat().st_size < 2_000_000
    assert budgets(test) == tuple(int(share * test.full) for share in SHARES)
    assert test.footage is not None
    assert test.footage(0).shape == test.grid.volume


def test_a_needle_clip_is_its_seed_and_number_alone() -> None:
    images, labels = digits()
    own = NeedleSettings()
    four = draw(images, labels, 4, 9, own)
    again = clip(images, labels, 9, 3, own)
    assert (four.frames[3] == again[0]).all()
    assert four.first is not None
    assert four.last is not None
    length = (four.last - four.first)[:, 0]
    assert ((length >= own.shortest) & (length <= own.longest)).all()
    assert (four.last <= [16, 48, 48]).all()
    inside = [
        frames[a[0] : b[0], a[1] : b[1], a[2] : b[2]].mean()
        for frames, a, b in zip(four.frames, four.first, four.last, strict=True)
    ]
    assert min(inside) > four.frames.mean()


def test_footage_draws_the_clips_of_a_split() -> None:
    one = Footage("test", 3, 4, (("side", 40),))
    assert one(2).shape == (16, 40, 40)
    assert (one(2) == one(2)).all()


def test_masks_of_many_streams() -> None:
    env: Any = gym.make_vec("leapbench/VideoGlance-Needle-v0", 3, "vector_entry_point")
    env.reset(seed=0)
    env.step(np.array([1, 36, 2]))
    masks = env.action_masks()
    assert masks.shape == (3, 37)
    assert masks.sum(1).tolist() == [36, 37, 36]

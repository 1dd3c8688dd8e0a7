"""The environment around a small field: what is paid when, what ends, what is seen."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from leapbench.envs.activeview.cameras import Optics
from leapbench.envs.activeview.env import ActiveViewEnv
from leapbench.envs.activeview.free import ActiveViewFreeEnv
from leapbench.envs.activeview.pools import POOLS
from leapbench.envs.activeview.scenes import photograph, unseen
from leapbench.errors import UserError
from leapbench.testing.rollout import freeze

SMALL: dict[str, Any] = {
    "scene": "niche",
    "views": 4,
    "initial": 2,
    "tests": 3,
    "resolution": 12,
    "first": 6,
    "iterations": 3,
    "field": {"resolution": 8, "coarse": 8, "samples": 12, "rays": 64},
}


def pooled(**other: Any) -> ActiveViewEnv:
    return ActiveViewEnv(**{**SMALL, "candidates": 9, **other})


def play(env: ActiveViewEnv, actions: list[int], seed: int = 0) -> list[Any]:
    """What `reset` and all steps return."""
    env.reset(seed=seed)
    return [env.step(action) for action in actions]


def test_the_return_is_what_the_views_added_to_the_psnr() -> None:
    steps = play(pooled(), [3, 0, 8, 5])
    info = steps[-1][4]
    assert sum(step[1] for step in steps) == pytest.approx(info["psnr"][-1] - info["psnr"][0])
    assert [step[2] for step in steps] == [False, False, False, True]
    assert not any(step[3] for step in steps)
    assert info["acquired"].tolist() == [0, 1, 2, 3, 4]
    assert info["score"] == pytest.approx(info["psnr"][1:].mean())
    assert info["field_iterations"] == 6 + 4 * 3


@pytest.mark.parametrize(("batch", "trained"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (4, [4, 5])])
def test_the_field_trains_after_every_batch_and_at_the_end(batch: int, trained: list[int]) -> None:
    steps = play(pooled(views=5, batch=batch), [3, 0, 8, 5, 1])
    assert [i + 1 for i, step in enumerate(steps) if step[1] != 0] == trained
    last = steps[-1]
    assert last[4]["acquired"].tolist() == [0, *trained]
    assert last[4]["field_iterations"] == 6 + 5 * 3
    assert int(last[0]["round"]) == len(trained)
    assert pooled(views=5, batch=batch).observation_space.contains(last[0])


def test_evaluation_pays_the_score_at_the_end_and_shows_nothing_before() -> None:
    paid, shown = play(pooled(), [3, 0, 8, 5]), play(pooled(evaluation=True), [3, 0, 8, 5])
    assert [step[1] for step in shown[:3]] == [0, 0, 0]
    assert shown[3][1] == shown[3][4]["score"] == paid[3][4]["score"]
    for before in (*paid[:3], *shown[:3]):
        assert set(before[4]) == {"views", "field_iterations", "renders", "action_mask"}
    assert all(freeze(a[0]) == freeze(b[0]) for a, b in zip(paid, shown, strict=True))


def test_a_taken_candidate_ends_the_episode_with_the_score_so_far() -> None:
    env = pooled(evaluation=True)
    steps = play(env, [3, 0, 3])
    info = steps[-1][4]
    assert steps[-1][2]
    assert info["views"] == 2
    assert steps[-1][1] == pytest.approx((info["psnr"][1] + 3 * info["psnr"][2]) / 4)
    with pytest.raises(ResetNeeded):
        env.step(1)


def test_an_illegal_action_within_a_batch_trains_on_what_there_is() -> None:
    steps = play(pooled(batch=4), [3, 0, 3])
    assert steps[-1][4]["acquired"].tolist() == [0, 2]
    assert steps[-1][1] == pytest.approx(np.diff(steps[-1][4]["psnr"])[0])
    assert steps[-1][4]["field_iterations"] == 6 + 2 * 3


def test_what_is_observed_are_the_pictures_of_the_chosen_cameras() -> None:
    env = pooled()
    first, _ = env.reset(seed=0)
    seen, _, _, _, info = env.step(7)
    assert int(first["n_views"]) == 2
    assert int(seen["n_views"]) == 3
    assert int(seen["views_left"]) == 3
    assert np.array_equal(seen["poses"][2], seen["candidate_poses"][7])
    assert np.array_equal(seen["images"][:2], first["images"][:2])
    assert not seen["images"][3:].any()
    scene = env.episode.capture.scene
    assert scene is not None
    lens = Optics(tuple(seen["intrinsics"].tolist()), 12, 12)
    assert np.array_equal(seen["images"][2], photograph(scene, seen["poses"][2], lens))
    assert info["action_mask"].tolist() == seen["candidate_mask"].tolist()
    assert np.nonzero(seen["candidate_mask"] == 0)[0].tolist() == [7]
    assert env.action_masks().tolist() == (seen["candidate_mask"] == 1).tolist()


def test_seeds_and_indices_fix_every_byte() -> None:
    one, same = (play(pooled(features=True), [3, 0, 8, 5]) for _ in range(2))
    assert freeze(one) == freeze(same)
    other = play(pooled(features=True), [3, 0, 8, 6])
    assert freeze(one[:3]) == freeze(other[:3])
    assert freeze(one[3]) != freeze(other[3])


@pytest.mark.parametrize("pool", POOLS)
def test_a_seed_is_the_same_scene_and_start_in_every_pool(pool: str) -> None:
    env, plain = pooled(pool=pool), pooled()
    env.reset(seed=4)
    plain.reset(seed=4)
    ours, theirs = env.episode, plain.episode
    assert ours.capture.scene == theirs.capture.scene
    assert ours.referee.curve.psnr == theirs.referee.curve.psnr
    assert env.action_space.n == (12 if pool == "decoy" else 9)


def test_features_are_those_of_the_field_and_stay_within_a_batch() -> None:
    env = pooled(batch=2, features=True)
    first, info = env.reset(seed=0)
    assert info["renders"] == 9
    field, lens = env.episode.referee.field, env.episode.capture.optics.resized(6, 6)
    expected = field.features(first["candidate_poses"], lens.intrinsics, 6, 6).numpy()
    assert first["candidate_features"][:, :5] == pytest.approx(expected)
    second, _, _, _, info = env.step(4)
    assert np.array_equal(second["candidate_features"][:, :5], first["candidate_features"][:, :5])
    assert second["candidate_features"][4, 5] == 0
    assert (second["candidate_features"][:, 5] <= first["candidate_features"][:, 5]).all()
    assert info["renders"] == 9
    third, _, _, _, info = env.step(5)
    assert (third["candidate_features"][:, 0] != first["candidate_features"][:, 0]).any()
    assert info["renders"] == 18
    assert env.feature_seconds > 0


def test_distances_are_to_the_nearest_view_taken() -> None:
    env = pooled(features=True)
    seen, _ = env.reset(seed=1)
    taken = seen["poses"][: int(seen["n_views"]), :3, 3]
    for pose, row in zip(seen["candidate_poses"], seen["candidate_features"], strict=True):
        nearest = min(float(np.linalg.norm(pose[:3, 3] - place)) for place in taken)
        assert row[5] == pytest.approx(nearest, rel=1e-5)


def test_unseen_pixels_are_judged_by_what_the_initial_views_show() -> None:
    env = pooled(resolution=24)
    info = play(env, [0, 1, 2, 3])[-1][4]
    capture = env.episode.capture
    assert capture.scene is not None
    hidden = unseen(capture.scene, capture.test.poses, capture.initial.poses, capture.optics)
    assert 0 < hidden.mean() < 0.5
    made, truth = env.episode.referee.reconstruction[hidden], capture.test.images[hidden] / 255
    assert info["unseen_psnr"][-1] == pytest.approx(-10 * np.log10(((made - truth) ** 2).mean()))


def test_a_fork_of_the_field_leaves_the_episode_alone() -> None:
    steps, env = play(pooled(), [3, 0]), pooled()
    env.reset(seed=0)
    for action in (3, 0):
        referee = env.episode.referee
        fork = referee.field.copy()
        fork.observe(*referee.views, env.episode.capture.optics.intrinsics)
        fork.train(2)
        referee.render(fork)
        last = env.step(action)
    assert freeze(last) == freeze(steps[-1])


def test_the_network_of_the_paper_can_be_the_field() -> None:
    tiny = {"kind": "mlp", "width": 8, "depth": 2, "rays": 16, "likelihood": {"weight": 0.1}}
    env = pooled(field=tiny, tests=1, initial=1, views=1, resolution=6)
    info = play(env, [2])[0][4]
    assert env.episode.referee.field.settings.likelihood.weight == 0.1
    assert np.isfinite(info["psnr"]).all()


def test_a_free_camera_is_the_same_episode_without_a_pool() -> None:
    free, plain = ActiveViewFreeEnv(**SMALL), pooled()
    first, _ = free.reset(seed=2)
    other, _ = plain.reset(seed=2)
    assert set(other) - set(first) == {"candidate_poses", "candidate_mask"}
    assert all(freeze(first[key]) == freeze(other[key]) for key in first)
    seen = free.step(np.array([0.5, -1], np.float32))[0]
    x, y, z = seen["poses"][2, :3, 3]
    assert np.degrees(np.arctan2(y, x)) == pytest.approx(90, abs=1e-3)
    assert np.degrees(np.arcsin((z + 0.15) / 3)) == pytest.approx(8, abs=1e-3)
    for bad in ([2.0, 0.0], [np.nan, 0.0], [0.0], "north"):
        with pytest.raises(UserError):
            free.step(bad)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scene": "nich"},
        {"scene": None},
        {"pool": "decoys"},
        {"batch": 3},
        {"views": 0},
        {"views": 10},
        {"initial": 0},
        {"tests": 1.5},
        {"resolution": -1},
        {"iterations": 0},
    ],
)
def test_wrong_arguments_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"{next(iter(wrong))}|scene"):
        pooled(**wrong)


def test_wrong_field_settings_and_actions_are_named() -> None:
    for wrong, said in (
        ({"size": 3}, "resolution, coarse"),
        ({"kind": "mesh"}, "voxel"),
        ({"kind": "mlp", "coarse": 3}, "no setting 'coarse'"),
        ({"likelihood": {"weigth": 1}}, "weight"),
        ({"rays": "many"}, "field="),
    ):
        with pytest.raises(UserError, match=said):
            pooled(field=wrong).reset(seed=0)
    env = pooled()
    env.reset(seed=0)
    for bad in (9, -1, 0.5, "left"):
        with pytest.raises(UserError, match="from 0 to 8"):
            env.step(bad)
    with pytest.raises(UserError, match="scene"):
        ActiveViewFreeEnv("nowhere")


@pytest.mark.parametrize("scene", ["niche", "occluder", "uneven", "noise"])
def test_every_choice_changes_the_picture(scene: str) -> None:
    env = pooled(scene=scene, pool="decoy", render_mode="rgb_array")
    env.reset(seed=0)
    pictures = [env.render()]
    for action in (3, 0, 3):
        env.step(action)
        pictures.append(env.render())
    for picture in pictures:
        assert picture is not None
        assert (picture.shape, picture.dtype) == ((400, 640, 3), np.uint8)
    for before, after in pairwise(pictures):
        assert (before != after).any()
    assert pooled().render() is None

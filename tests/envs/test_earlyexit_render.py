from __future__ import annotations

from itertools import pairwise

import numpy as np

from leapbench.envs.earlyexit.env import EarlyExitEnv
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache

PREDICTIONS = PredictionCache.synthetic(50, seed=2)


def test_every_decision_changes_the_picture() -> None:
    env = EarlyExitEnv(
        PREDICTIONS, stream=8, budget=int(PREDICTIONS.costs[-1]), render_mode="rgb_array"
    )
    env.reset(seed=0)
    pictures, ended = [env.render()], False
    while not ended:
        ended = env.step(len(pictures) % 3 > 0)[2]
        pictures.append(env.render())
    for before, after in pairwise(pictures):
        assert before is not None
        assert after is not None
        assert (after.shape, after.dtype) == ((400, 640, 3), np.uint8)
        assert (before != after).any()


def test_the_vector_environment_draws_the_same_pictures() -> None:
    vector = EarlyExitVectorEnv(3, PREDICTIONS, stream=8, render_mode="rgb_array")
    singles = [EarlyExitEnv(PREDICTIONS, stream=8, render_mode="rgb_array") for _ in range(3)]
    vector.reset(seed=4)
    for i, env in enumerate(singles):
        env.reset(seed=4 + i)
    for action in (1, 0, 0, 1, 1):
        vector.step(np.full(3, action))
        for env in singles:
            env.step(action)
    pictures = vector.render()
    assert pictures is not None
    for picture, env in zip(pictures, singles, strict=True):
        np.testing.assert_array_equal(picture, env.render())


def test_extreme_caches_are_drawn() -> None:
    for exits, classes in ((2, 2), (12, 1000)):
        predictions = PredictionCache.synthetic(3, exits, classes)
        env = EarlyExitEnv(predictions, budget=int(predictions.costs[0]), render_mode="rgb_array")
        env.reset(seed=0)
        picture = env.render()
        assert picture is not None
        assert picture.std() > 5


def test_without_a_render_mode_nothing_is_drawn() -> None:
    env, vector = EarlyExitEnv(PREDICTIONS), EarlyExitVectorEnv(2, PREDICTIONS)
    env.reset()
    vector.reset()
    assert env.render() is None
    assert vector.render() is None

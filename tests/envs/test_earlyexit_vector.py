from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.envs.earlyexit import vector
from leapbench.envs.earlyexit.env import EarlyExitEnv
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.errors import UserError

PREDICTIONS = PredictionCache.synthetic(120, exits=4, seed=9)
FIRST, FULL = int(PREDICTIONS.costs[0]), int(PREDICTIONS.costs[-1])
LANES = 5


@pytest.fixture(autouse=True, scope="module", params=[LANES, 0], ids=["numbers", "arrays"])
def few(request: pytest.FixtureRequest) -> Iterator[None]:
    """Few streams and many are kept differently; both are tried with a few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vector, "FEW", request.param)
        yield


def pair(mode: AutoresetMode, **arguments: object) -> tuple[EarlyExitVectorEnv, SyncVectorEnv]:
    arguments = {"predictions": PREDICTIONS, "stream": 12, **arguments}
    native = EarlyExitVectorEnv(LANES, autoreset_mode=mode, **arguments)  # type: ignore[arg-type]
    singles = [lambda: EarlyExitEnv(**arguments)] * LANES  # type: ignore[arg-type]
    return native, SyncVectorEnv(singles, autoreset_mode=mode)


def assert_same(left: object, right: object) -> None:
    """Equal in structure, type and bytes."""
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert left.keys() == right.keys()  # type: ignore[attr-defined]
        for key in left:
            assert_same(left[key], right[key])  # type: ignore[index]
    elif isinstance(left, tuple):
        for a, b in zip(left, right, strict=True):  # type: ignore[call-overload]
            assert_same(a, b)
    elif isinstance(left, np.ndarray) and left.dtype == object:
        assert_same(tuple(left), tuple(right))  # type: ignore[arg-type]
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype  # type: ignore[attr-defined]
        assert left.shape == right.shape  # type: ignore[attr-defined]
        assert left.tobytes() == right.tobytes()  # type: ignore[attr-defined]
    else:
        assert left == right


@pytest.mark.parametrize("mode", list(AutoresetMode))
@given(
    seed=st.integers(0, 10**6),
    budgets=st.lists(st.integers(-(-FIRST // 12), 2 * FULL), min_size=1, max_size=3),
    greed=st.floats(0, 1),
    stream=st.integers(12, 30),
)
@settings(max_examples=15, deadline=None)
def test_it_is_the_single_environment_many_times(
    mode: AutoresetMode, seed: int, budgets: list[int], greed: float, stream: int
) -> None:
    native, sync = pair(mode, budget=tuple(budgets), stream=stream)
    rng = np.random.default_rng(seed)
    assert_same(native.reset(seed=seed), sync.reset(seed=seed))
    for _ in range(120):
        actions = (rng.random(LANES) < greed).astype(np.int64)
        stepped = native.step(actions)
        assert_same(stepped, sync.step(actions))
        if mode == AutoresetMode.DISABLED and stepped[2].any():
            masks = [{"reset_mask": stepped[2].copy()} for _ in range(2)]
            assert_same(native.reset(options=masks[0]), sync.reset(options=masks[1]))


def test_seeds_and_budgets_may_be_listed() -> None:
    native, sync = pair(AutoresetMode.NEXT_STEP)
    seeds: list[int | None] = [9, 3, 3, 7, 1]
    assert_same(native.reset(seed=seeds), sync.reset(seed=seeds))
    observations, _ = native.reset(seed=seeds, options={"budget": [FIRST] * 4 + [FULL]})
    same, _ = sync.reset(seed=seeds, options={"budget": FIRST})
    np.testing.assert_array_equal(observations[:4], same[:4])
    assert (observations[4] != same[4]).any()
    np.testing.assert_array_equal(native.remaining, [11 * FIRST] * 4 + [12 * FULL - FIRST])


def test_with_autoreset_disabled_each_stream_is_run_once() -> None:
    native, _ = pair(AutoresetMode.DISABLED, budget=FULL)
    native.reset(seed=1)
    rng, returns, infos = np.random.default_rng(0), np.zeros(LANES), []
    over = np.zeros(LANES, bool)
    for _ in range(60):
        before = native.remaining.copy()
        _, rewards, terminated, _, info = native.step(rng.integers(2, size=LANES))
        assert (terminated >= over).all()
        assert (rewards[over] == 0).all()
        assert (native.remaining == before)[over].all()
        over, returns = terminated, returns + rewards
        infos += [info] if info else []
    assert over.all()
    assert sum(info["_accuracy"] for info in infos).tolist() == [1] * LANES
    np.testing.assert_allclose(sum(info["accuracy"] for info in infos), returns / 12)


@pytest.mark.parametrize("copy", [True, False])
def test_copies_are_made_as_asked(copy: bool) -> None:
    native = EarlyExitVectorEnv(LANES, PREDICTIONS, copy=copy)
    first, _ = native.reset(seed=0)
    kept = first.copy()
    second = native.step(np.ones(LANES, np.int64))[0]
    assert np.shares_memory(first, second) is not copy
    assert (first == kept).all() == copy


def test_returned_arrays_belong_to_the_caller() -> None:
    native, sync = pair(AutoresetMode.NEXT_STEP)
    assert_same(native.reset(seed=3), sync.reset(seed=3))
    for _ in range(80):
        actions = np.zeros(LANES, np.int64)
        mine = native.step(actions)
        assert_same(mine, sync.step(actions))
        for array in mine[:4]:
            array[...] = 1


def test_oracles_can_see_where_each_stream_is() -> None:
    native, sync = pair(AutoresetMode.NEXT_STEP)
    native.reset(seed=4)
    sync.reset(seed=4)
    for _ in range(9):
        native.step(np.array([0, 1, 0, 1, 1]))
        sync.step(np.array([0, 1, 0, 1, 1]))
        for name in ("sample", "exit", "remaining"):
            assert getattr(native, name).tolist() == list(sync.get_attr(name))
    assert native.predictions is PREDICTIONS


def test_spaces_and_metadata_are_those_of_gymnasium() -> None:
    native, sync = pair(AutoresetMode.SAME_STEP)
    assert native.observation_space == sync.observation_space
    assert native.action_space == sync.action_space
    assert native.metadata == sync.metadata
    assert EarlyExitVectorEnv.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


def test_wrong_calls_are_told() -> None:
    with pytest.raises(UserError, match="num_envs"):
        EarlyExitVectorEnv(0, PREDICTIONS)
    native = EarlyExitVectorEnv(LANES, PREDICTIONS)
    with pytest.raises(ResetNeeded):
        native.step(np.zeros(LANES, np.int64))
    with pytest.raises(UserError, match="seed must list 5"):
        native.reset(seed=[1, 2])
    with pytest.raises(UserError, match="budget must list 5"):
        native.reset(options={"budget": [FULL]})
    with pytest.raises(UserError, match="reset_mask"):
        native.reset(options={"reset_mask": np.zeros(LANES, bool)})
    native.reset()
    for actions in (np.full(LANES, 2), np.zeros(LANES - 1, int), np.full(LANES, np.nan)):
        with pytest.raises(UserError, match="5 integers from 0 to 1, got"):
            native.step(actions)


def test_a_long_run_raises_no_warning() -> None:
    native = EarlyExitVectorEnv(64, PREDICTIONS, stream=5, autoreset_mode="SameStep")
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        native.reset(seed=0)
        for _ in range(300):
            observations, *_ = native.step(rng.integers(2, size=64))
    assert observations in native.observation_space

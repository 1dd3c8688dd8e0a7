"""Spaces, infos and settings survive the way to the guest."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.isolation.wire import (
    pack_info,
    pack_settings,
    pack_space,
    unpack_info,
    unpack_settings,
    unpack_space,
)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(0.0, 1.0, (2,), np.float32),
        spaces.Box(np.array([-1.0, -np.inf]), np.array([2.0, np.inf]), dtype=np.float64),
        spaces.Box(0, 255, (84, 84, 4), np.uint8),
        spaces.Discrete(5, start=-2),
        spaces.MultiDiscrete([2, 3]),
        spaces.MultiDiscrete([2, 3], dtype=np.int32, start=[1, -1]),
    ],
)
def test_spaces(space: spaces.Space[Any]) -> None:
    record, arrays = pack_space(space)
    rest = [*arrays, np.zeros(1)]
    again = unpack_space(json.loads(json.dumps(record)), rest)
    assert again == space
    assert again.dtype == space.dtype
    assert len(rest) == 1


def test_other_spaces_are_refused() -> None:
    with pytest.raises(TypeError, match="Dict spaces are not for agents"):
        pack_space(spaces.Dict({"a": spaces.Discrete(2)}))


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(alphabet="abc"), inner)
    ),
)


@given(plain)
def test_settings(value: object) -> None:
    again = unpack_settings(json.loads(json.dumps(pack_settings(value))))
    assert again == value
    assert repr(again) == repr(value)  # tuples apart from lists


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if one.dtype == object:
        pairs = zip(one, other, strict=True)
        return all((a is None and b is None) or np.array_equal(a, b) for a, b in pairs)
    return bool(one.dtype == other.dtype and np.array_equal(one, other))


def test_infos_of_ended_streams() -> None:
    env = EarlyExitVectorEnv(
        6,
        PredictionCache.synthetic(64, 3, 4),
        stream=8,
        budget=(150_000, 300_000),
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    env.reset(seed=0)
    seen = 0
    for i in range(80):
        info = env.step(np.full(6, i % 2))[4]
        records, arrays = pack_info(info)
        rest = [*arrays, np.zeros(1)]
        again = unpack_info(json.loads(json.dumps(records)), rest)
        assert len(rest) == 1
        assert same(info, again)
        seen += "final_obs" in info
    assert seen > 3

"""What is asked about held-out trajectories gives their continuations away to nobody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leapbench.contract import registry
from leapbench.errors import InvalidOutput
from leapbench.tasks import imagination


@given(st.integers(1, 6), st.integers(1, 5), st.integers(60, 300), st.integers(0, 99))
def test_what_follows_a_start_is_no_other_start(
    ahead: int, parts: int, count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    ends = rng.random(count) < 0.03
    each = [imagination.starts(ends, ahead, part, parts, rng) for part in range(parts)]
    begins = np.concatenate(each)
    shown = set(begins.tolist())
    assert len(shown) == len(begins)
    for begin in begins:
        assert not shown & set(range(begin + 1, begin + ahead + 1))
        assert not ends[begin : begin + ahead].any()
    assert all(0 <= begin < count - ahead for begin in begins)


@pytest.mark.parametrize("name", ["atari100k/consistency", "dmc/consistency"])
def test_a_draw_has_enough_starts(name: str) -> None:
    pytest.importorskip("ale_py")
    import importlib

    task = registry.task(name)
    data = importlib.import_module(f"leapbench.tasks.{name.partition('/')[0]}.frozen.data")
    for tier in ("smoke", "lite", "paper"):
        protocol = task.protocols[tier]
        horizon, parts = max(protocol.settings["horizons"]), protocol.evaluation.episodes
        ends = data.transitions(protocol.phases[0].name, "test").ends
        rng = np.random.default_rng(0)
        total = sum(len(imagination.starts(ends, horizon, p, parts, rng)) for p in range(parts))
        assert total >= 80


def test_a_step_is_imagined_before_what_is_done_there_is_told() -> None:
    class Steps:
        latents = np.arange(40, dtype=np.float32).reshape(20, 2)
        actions = np.arange(20)
        ends = np.zeros(20, bool)
        weights: dict[str, np.ndarray] = {}

    asked = []

    def imagine(first: np.ndarray, actions: np.ndarray) -> np.ndarray:
        asked.append(actions.tolist())
        return np.repeat(first[:, None], actions.shape[1], axis=1)

    begins = np.array([3, 9])
    values = lambda latents, actions: latents[:, 0] + actions  # noqa: E731
    returns = np.zeros(20, np.float32)
    imagination.scored(imagine, Steps(), returns, begins, [1, 2], 2, values, lambda x: x[:, 0])
    assert asked == [[[3], [9]], [[3, 4], [9, 10]]]


def test_a_model_cannot_change_what_is_scored() -> None:
    class Vandal:
        def imagine(self, latents: np.ndarray, actions: np.ndarray) -> np.ndarray:
            latents[:], actions[:] = 0, 0
            return np.zeros((2, 3, 4), np.float32)

    latents, actions = np.ones((2, 4), np.float32), np.ones((2, 3), np.int64)
    imagination.imagined(Vandal(), latents, actions)  # type: ignore[arg-type]
    assert latents.all()
    assert actions.all()

    class Odd:
        def imagine(self, latents: np.ndarray, actions: np.ndarray) -> np.ndarray:
            return np.zeros((2, 3, 4), object)

    with pytest.raises(InvalidOutput, match="finite numbers"):
        imagination.imagined(Odd(), latents, actions)  # type: ignore[arg-type]

"""The algebra of keep masks, against a plain computation of what it should be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.envs.sparsify import masks, rounds


def problem(seed: int, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Scores (3, 60) and who uses what: 30 shared weights, 10 of each task."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 9, (3, 60)).astype(float) if ties else rng.random((3, 60)) + 1e-6
    own = np.zeros((3, 60), bool)
    own[:, :30] = True
    for k in range(3):
        own[k, 30 + 10 * k : 40 + 10 * k] = True
    return scores, own


def released(scores: np.ndarray, own: np.ndarray, ratio: float) -> np.ndarray:
    """DiSparse's rule, plainly: a threshold a task; a shared weight goes if all let it go."""
    keep = np.zeros_like(own)
    for k in range(len(scores)):
        values = np.sort(scores[k][own[k]])[::-1]
        count = int(ratio * len(values))
        if count:
            keep[k] = own[k] & (scores[k] >= values[count - 1])
    pruned = np.all(~keep, axis=0)  # every task agrees, those that do not use it too
    return ~pruned


@given(st.integers(0, 10**6), st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_task_masks_at_a_ratio_are_the_released_ones(seed: int, ratio: float) -> None:
    scores, own = problem(seed)
    mine = masks.task_masks(scores, own, ratio).any(0)
    assert (mine == released(scores, own, ratio)).all()


@given(st.integers(0, 10**6), st.integers(0, 60))
@settings(deadline=None, max_examples=60)
def test_the_union_has_the_budget_and_is_that_of_one_keep_ratio(seed: int, count: int) -> None:
    scores, own = problem(seed)
    kept = masks.union(scores, own, count)
    assert kept.sum() == count
    ratio = masks.keep_ratio(scores, own, kept)
    whole = released(scores, own, ratio + 1e-9)
    assert not (kept & ~whole).any()
    below = released(scores, own, max(0.0, ratio - 1e-9))
    assert not (below & ~kept).any()  # at the last ratio several weights may come at once


@given(st.integers(0, 10**6), st.integers(0, 60), st.booleans(), st.sampled_from([*masks.RULES]))
@settings(deadline=None, max_examples=80)
def test_no_rule_passes_its_count_or_keeps_a_zero(
    seed: int, count: int, ties: bool, rule: str
) -> None:
    scores, own = problem(seed, ties)
    kept = masks.RULES[rule](scores, own, count)
    assert kept.sum() <= count
    assert not (kept & ~(np.where(own, scores, 0) > 0).any(0)).any()


def test_union_and_intersection_differ_as_they_should() -> None:
    scores = np.array([[4.0, 3, 2, 1], [1.0, 2, 3, 4]])
    own = np.ones((2, 4), bool)
    assert masks.union(scores, own, 2).tolist() == [True, False, False, True]
    assert masks.intersection(scores, own, 2).tolist() == [False, True, True, False]


def test_a_cut_off_layer_keeps_nothing() -> None:
    assert masks.top(np.zeros(5), 3).sum() == 0


@pytest.mark.parametrize("power", [0.9, 1.0])
@pytest.mark.parametrize("budget", [1, 100, 3000, 8000])
def test_erk_sums_to_the_budget(budget: int, power: float) -> None:
    shapes = [(24, 3, 3, 3), (32, 24, 3, 3), (5, 48, 1, 1)]
    counts = masks.erk(shapes, budget, power)
    sizes = [int(np.prod(shape)) for shape in shapes]
    assert sum(counts) == min(budget, sum(sizes))
    assert all(0 <= count <= size for count, size in zip(counts, sizes, strict=True))


def test_erk_has_the_ratios_of_the_paper() -> None:
    shapes = [(64, 64, 3, 3), (128, 64, 3, 3)]
    first, second = masks.erk(shapes, 5000)
    raw = [134 / 36864, 198 / 73728]
    assert first / second == pytest.approx(raw[0] * 36864 / (raw[1] * 73728), rel=1e-3)


@given(st.integers(0, 10**6), st.integers(0, 40))
@settings(deadline=None, max_examples=40)
def test_a_round_keeps_the_number_of_weights(seed: int, drop: int) -> None:
    rng = np.random.default_rng(seed)
    scores, own = problem(seed, ties=True)
    slices = [slice(0, 30), slice(30, 40), slice(40, 50), slice(50, 60)]
    mask = rng.random(60) < 0.5
    weights = rng.normal(size=60).astype(np.float32) * mask
    counts = [min(drop, int(mask[part].sum())) for part in slices]
    left = rounds.dropped(weights, mask, slices, counts)
    assert int(left.sum()) == int(mask.sum()) - sum(counts)
    after = rounds.grown(left, scores, own, slices, counts, masks.union)
    assert rounds.filled(after, mask, weights, int(mask.sum())).sum() == mask.sum()


def test_growth_picks_differ_between_tasks_and_overshoot_together() -> None:
    scores, own = problem(3)
    mask, part = np.zeros(60, bool), [slice(0, 30)]
    picks = [
        rounds.grown(mask, s[None], o[None], part, [5], masks.total)
        for s, o in zip(scores, own, strict=True)
    ]
    assert not (picks[0] == picks[1]).all()
    every = rounds.grown(mask, scores, own, part, [5], rounds.each_task)
    assert 5 < every.sum() <= 15
    assert rounds.grown(mask, scores, own, part, [5], masks.union).sum() == 5


def test_allotted_fills_what_there_is() -> None:
    assert sum(rounds.allotted([1, 0, 0], 10, [3, 4, 9])) == 10
    assert rounds.allotted([1, 1], 4, [10, 10]) == [2, 2]
    assert rounds.allotted([5, 1], 99, [3, 4]) == [3, 4]

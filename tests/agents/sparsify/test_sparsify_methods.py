"""Each method keeps what its paper says, on a small network and its true scores."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from leapbench.agents.sparsify.disparse.static import DiSparse
from leapbench.agents.sparsify.disparse_dynamic.dynamic import DiSparseDynamic
from leapbench.agents.sparsify.disparse_pretrained.pretrained import DiSparsePretrained
from leapbench.agents.sparsify.grasp.grasp import GraSP
from leapbench.agents.sparsify.magnitude.magnitude import Magnitude
from leapbench.agents.sparsify.random.random import Random
from leapbench.agents.sparsify.rigl.rigl import RigL
from leapbench.agents.sparsify.single_task.single import SingleTask
from leapbench.agents.sparsify.snip.snip import SNIP
from leapbench.envs.sparsify import masks
from leapbench.envs.sparsify.data import Where
from leapbench.envs.sparsify.job import Job
from leapbench.envs.sparsify.training import Training
from leapbench.errors import UserError


def training(**changes: Any) -> Training:
    where = Where("scenes", 16, 16, 24, 8, 8)
    return Training(
        Job(**({"where": where, "width": 0.5, "batch": 4, "iterations": 40} | changes)), 5
    )


def led(method: Any, run: Training) -> list[np.ndarray]:
    """The masks that a method decides on, its training done."""
    found = []
    plan = {when: (kind, batches) for when, kind, batches in method.plan(run.facts)}
    while not run.over:
        if run.iteration in plan:
            kind, batches = plan[run.iteration]
            scores = run.score("none" if kind == "rewind" else kind, batches)
            mask = method.keep(run.iteration, run.flat(), run.mask.copy(), scores)
            run.decide(mask, rewind=kind == "rewind")
            found.append(mask)
        run.train(1)
    return found


ALL = {
    "disparse": DiSparse(),
    "disparse-erk": DiSparse(budgets="erk"),
    "disparse-floor": DiSparse(floor=0.5),
    "intersection": DiSparse(rule="intersection"),
    "normalised": DiSparse(rule="normalised"),
    "snip": SNIP(),
    "snip-erk": SNIP(budgets="erk"),
    "grasp": GraSP(),
    "random": Random(),
    "uniform": Random("uniform"),
    "magnitude": Magnitude(),
    "imp": Magnitude(0.3, 0.7, 4),
    "lth": Magnitude(rewind=True),
    "pretrained": DiSparsePretrained(),
    "taylor": DiSparsePretrained("taylor"),
    "rigl": RigL(interval=5),
    "set": RigL("random", interval=5),
    "dynamic": DiSparseDynamic(interval=5),
    "exact": DiSparseDynamic(False, interval=5),
    "single": SingleTask(),
}


@pytest.mark.parametrize("name", ALL)
def test_every_method_ends_at_the_budget(name: str) -> None:
    method = ALL[name]
    run = training(separate=method.separate, iterations=24)
    led(method, run)
    least = run.budget - (len(run.tasks) if name == "single" else 0)
    assert least <= int(run.mask.sum()) <= run.budget
    assert run.spent <= run.limit
    assert run.iteration == 24


def test_disparse_keeps_what_any_task_keeps() -> None:
    run, method = training(), DiSparse()
    method.plan(run.facts)
    scores = run.score("saliency-xavier", 2)
    kept = method.keep(0, run.flat(), run.mask, scores)
    own = run.facts.own
    ratio = masks.keep_ratio(scores, own, kept)
    thresholds = [
        np.sort(s[o])[::-1][max(int(ratio * o.sum()) - 1, 0)]
        for s, o in zip(scores, own, strict=True)
    ]
    pruned_by = np.stack([~(o & (s >= t)) for s, o, t in zip(scores, own, thresholds, strict=True)])
    assert (kept & pruned_by.all(0)).sum() <= 1  # a tie of rounding at the ratio
    assert (~kept & ~pruned_by.all(0)).sum() <= 3


def test_under_erk_budgets_layers_of_both_methods_are_equal() -> None:
    counts = []
    for method in (DiSparse(budgets="erk"), SNIP(budgets="erk")):
        run = training()
        (mask,) = led(method, run)
        counts.append([int(mask[part].sum()) for part in run.facts.slices])
    assert counts[0] == counts[1] == masks.erk(run.facts.shapes, run.budget)


def test_rigl_keeps_every_layer_and_exchanges_less_and_less() -> None:
    run = training()
    found = led(RigL(interval=5), run)
    wanted = masks.erk(run.facts.shapes, run.budget)
    for mask in found:
        assert [int(mask[part].sum()) for part in run.facts.slices] == wanted
    moved = [int((a & ~b).sum()) for a, b in pairwise(found)]
    assert moved[0] > moved[-1] > 0


def test_disparse_dynamic_overshoots_in_shared_layers_alone_and_comes_back() -> None:
    run, inside = training(), training()
    found = led(DiSparseDynamic(interval=5), run)
    wanted = masks.erk(run.facts.shapes, run.budget)
    owners = run.facts.owners
    over = [
        [int(mask[part].sum()) - n for part, n in zip(run.facts.slices, wanted, strict=True)]
        for mask in found
    ]
    assert max(sum(each) for each in over) > 0
    assert all(each[i] <= 0 for each in over for i, owner in enumerate(owners) if owner >= 0)
    assert sum(over[-1]) == 0
    exact = led(DiSparseDynamic(False, interval=5), inside)
    assert {int(mask.sum()) for mask in exact} == {run.budget}
    assert run.spent > inside.spent  # the overshoot is charged


def test_pretrained_by_magnitude_has_one_order_and_the_lowest_threshold() -> None:
    run, method = training(), DiSparsePretrained()
    method.plan(run.facts)
    weights = run.flat()
    kept = method.keep(20, weights, run.mask, np.zeros((0, len(weights)), np.float32))
    shared = run.facts.own.all(0)
    assert np.abs(weights[shared & kept]).min() >= np.abs(weights[shared & ~kept]).max()


def test_grasp_removes_the_largest() -> None:
    run, method = training(), GraSP()
    method.plan(run.facts)
    scores = run.score("grasp", 1)
    kept = method.keep(0, run.flat(), run.mask, scores)
    assert scores[0][kept].max() <= scores[0][~kept].min()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: DiSparse("mean"),
        lambda: DiSparse(budgets="some"),
        lambda: DiSparse(floor=2.0),
        lambda: RigL(interval=0),
        lambda: SNIP(batches=0),
        lambda: Random("any"),
    ],
)
def test_wrong_settings_are_mistakes_of_the_user(wrong: Any) -> None:
    with pytest.raises(UserError):
        wrong()

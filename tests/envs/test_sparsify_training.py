"""Ledgers, gradients, scenes and networks of the family's training."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from leapbench.envs.sparsify import folders, measures, scores
from leapbench.envs.sparsify.data import Where
from leapbench.envs.sparsify.deeplab import DeepLab
from leapbench.envs.sparsify.evaluation import constant, measure
from leapbench.envs.sparsify.job import Job
from leapbench.envs.sparsify.network import SceneNet, prunable
from leapbench.envs.sparsify.saving import load, save
from leapbench.envs.sparsify.scenes import render
from leapbench.envs.sparsify.training import Training
from leapbench.errors import BudgetExceeded, InvalidOutput, UserError

SMALL: dict[str, Any] = {
    "where": Where("scenes", 8, 8, 24, 8, 8),
    "width": 0.25,
    "batch": 4,
    "iterations": 12,
}


def job(**changes: Any) -> Job:
    return Job(**(SMALL | changes))


def test_scenes_are_what_they_say() -> None:
    shown = render(60, 32, 5)
    assert np.allclose(np.linalg.norm(shown.normals, axis=1), 1, atol=1e-4)
    assert set(np.unique(shown.classes)) == {0, 1, 2, 3, 4}
    floor = shown.classes == 1
    assert (shown.normals.transpose(0, 2, 3, 1)[floor] == [0, -1, 0]).all()
    assert (shown.depth > 0.05).all()
    again = render(60, 32, 5)
    assert all((a == b).all() for a, b in zip(shown, again, strict=True))
    assert not (shown.images == render(60, 32, 6).images).all()


def test_the_small_network_has_the_weights_of_the_page() -> None:
    network = SceneNet({"seg": 5, "depth": 1, "normals": 3})
    sizes = {name: each.weight.numel() for name, each in prunable(network)}
    assert sum(sizes.values()) == 84_792
    heads = sum(size for name, size in sizes.items() if name.startswith("heads"))
    assert round(heads / 84_792, 2) == 0.58


@pytest.mark.parametrize(
    ("outputs", "heads", "parameters"),
    [
        ({"seg": 40, "normals": 3}, 46_313_472, 67_614_700),
        ({"seg": 17, "normals": 3, "depth": 1, "points": 1, "edges": 1}, 115_437_568, None),
    ],
)
def test_deeplab_has_the_weights_of_the_released_network(
    outputs: dict[str, int], heads: int, parameters: int | None
) -> None:
    with torch.device("meta"):
        network = DeepLab(outputs)
    sizes = {name: each.weight.numel() for name, each in prunable(network)}
    assert sum(n for name, n in sizes.items() if name.startswith("backbone")) == 21_267_648
    assert sum(n for name, n in sizes.items() if name.startswith("heads")) == heads
    if parameters:
        assert sum(each.numel() for each in network.parameters()) == parameters


def test_gradients_of_all_tasks_are_those_of_passes_of_their_own() -> None:
    training = Training(job(), 3)
    mask = np.random.default_rng(0).random(len(training.mask)) < 0.3
    training.decide(mask)
    batch = training.batches.next()
    owners = [layer.owner for layer in training.layers]
    network, before = training.network, training.network.state_dict()
    kept = {name: each.clone() for name, each in before.items()}
    found = scores.task_gradients(network, training.weights, owners, [batch], training.losses)
    assert all((kept[name] == each).all() for name, each in network.state_dict().items())
    for task in range(3):
        network.train()
        loss = training.losses(network(batch[0]), batch[1])[task]
        grads = torch.autograd.grad(loss, training.weights, allow_unused=True)
        flat = torch.cat(
            [
                torch.zeros(w.numel()) if g is None else g.reshape(-1).abs()
                for w, g in zip(training.weights, grads, strict=True)
            ]
        )
        assert torch.allclose(found[task], flat, atol=1e-6)
    masked = torch.from_numpy(~mask & training.facts.own[0])
    assert (found[0][masked] > 0).any()  # a weight that is out still has a gradient
    best = [found[k].masked_fill(~masked, 0).topk(20).indices.tolist() for k in range(3)]
    assert set(best[0]) != set(best[1])


def test_masked_weights_are_zero_and_stay_so() -> None:
    training = Training(job(), 1)
    mask = np.random.default_rng(1).random(len(training.mask)) < 0.1
    mask[: mask.sum() - training.budget] = False
    training.decide(mask)
    training.train(5)
    assert (training.flat()[~mask] == 0).all()
    grown = mask.copy()
    grown[np.flatnonzero(~mask)[:10]] = True
    training.decide(grown)
    assert (training.flat()[grown & ~mask] == 0).all()
    training.train(1)
    assert (training.flat()[grown & ~mask] != 0).any()


@given(st.data())
@settings(deadline=None, max_examples=12, phases=[Phase.explicit, Phase.generate])
def test_no_sequence_of_decisions_overdraws_a_ledger(data: st.DataObject) -> None:
    training = Training(job(compute=data.draw(st.sampled_from([0.05, 0.3, 1.0]))), 0)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    while not training.over:
        kind = data.draw(st.sampled_from(["none", "gradients", "joint-saliency", "grasp"]))
        before = training.spent
        try:
            training.score(kind, 1)
        except BudgetExceeded:
            assert training.spent == before
        mask = rng.random(len(training.mask)) < data.draw(st.sampled_from([0.05, 0.2, 1.0]))
        try:
            training.decide(mask)
        except InvalidOutput:
            assert training.iteration >= training.deadline
            assert mask.sum() > training.budget
        spent, cost = training.spent, training.update_cost
        made = training.train(1)
        assert training.spent - spent in (made * cost, made * training.update_cost)
        assert training.spent <= training.limit
    assert training.kept() <= training.budget
    assert int(training.mask.sum()) <= training.budget


def test_a_dense_training_costs_the_limit_and_loses_weights_at_the_deadline() -> None:
    training = Training(job(), 0)
    assert training.update_cost * training.job.iterations == training.limit
    training.train(100)
    assert training.iteration == 12
    assert training.kept() == training.budget
    assert training.spent < training.limit
    dense = Training(job(sparsity=0.0), 0)
    dense.train(100)
    assert dense.spent == dense.limit


@pytest.mark.parametrize("mask", [None, np.ones(3, bool), np.ones(6000), "all"])
def test_what_is_no_mask_is_refused(mask: Any) -> None:
    with pytest.raises(InvalidOutput):
        Training(job(), 0).decide(mask)


def test_only_prunable_weights_can_be_hidden_in_what_the_network_has() -> None:
    """Unmasked parameters are as many as the network was built with, and no decision adds any."""
    training = Training(job(), 0)
    count = sum(each.numel() for each in training.network.parameters())
    free = count - len(training.mask)
    assert free == sum(
        each.numel()
        for name, each in training.network.named_parameters()
        if name.endswith("bias") or ".bn" in name
    )
    training.decide(np.zeros(len(training.mask), bool))
    training.train(100)
    assert sum(each.numel() for each in training.network.parameters()) == count
    dead = measures.collapsed(
        training.tasks,
        measure(training, training.data.test),
        constant(training, training.data.test),
    )
    assert dead  # without weights, biases and norms predict a constant


def test_separate_networks_have_the_shared_budget() -> None:
    shared, separate = Training(job(), 0), Training(job(separate=True), 0)
    assert separate.budget == shared.budget
    assert len(separate.mask) > len(shared.mask)
    assert separate.limit == shared.limit
    assert not (separate.facts.own.sum(0) > 1).any()


@pytest.mark.parametrize("at", [2, 7])
def test_a_training_goes_on_from_a_save_as_if_it_had_not_stopped(tmp_path: Path, at: int) -> None:
    whole = Training(job(), 4)
    whole.train(at)
    if at > 5:
        whole.decide(np.arange(len(whole.mask)) % 11 == 0)
        whole.train(1)
    save(whole, tmp_path)
    resumed = Training(job(), 4)
    load(resumed, tmp_path)
    copied = deepcopy(whole)
    for each in (whole, resumed, copied):
        each.train(100)
    assert (whole.flat() == resumed.flat()).all()
    assert (whole.flat() == copied.flat()).all()
    assert whole.spent == resumed.spent
    assert measure(whole, whole.data.test) == measure(resumed, whole.data.test)


def test_rewinding_gives_the_first_weights_back() -> None:
    training = Training(job(), 2)
    first = training.flat()
    training.train(3)
    mask = np.arange(len(first)) % 2 == 0
    training.decide(mask, rewind=True)
    assert (training.flat() == first * mask).all()


@pytest.mark.parametrize(
    "wrong", [{"sparsity": 1.0}, {"batch": 0}, {"lr": 0.0}, {"lambdas": ()}, {"network": "x"}]
)
def test_wrong_jobs_are_mistakes_of_the_user(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        job(**wrong)


def test_metrics_of_known_predictions() -> None:
    truth = torch.tensor([[[0, 0], [1, -1]]])
    tally = measures.Tally(("seg", "depth", "normals"), 3)
    logits = torch.nn.functional.one_hot(torch.tensor([[[0, 1], [1, 0]]]), 3).permute(0, 3, 1, 2)
    depth = torch.tensor([[[[1.0, 2.0], [4.0, 0.0]]]])
    normals = torch.tensor([0.0, 0.0, -1.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    aslant = torch.tensor([0.0, 1.0, -1.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    tally.add(
        [logits.float(), torch.full((1, 1, 2, 2), 2.0), aslant],
        {"seg": truth, "depth": depth, "normals": normals},
    )
    found = tally.metrics()
    assert found["miou"] == pytest.approx(0.5)  # 1/2 and 1/2; class 2 does not occur
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["abs"] == pytest.approx(1.0)
    assert found["rel"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert found["angle"] == pytest.approx(45.0, abs=1e-3)
    gains = measures.gains(("seg", "depth"), {**found}, {**found, "miou": 1.0, "abs": 2.0})
    assert gains == pytest.approx({"seg": -0.25, "depth": 0.25})


def made_folder(root: Path, labels: str, normal: bool) -> Path:
    rng = np.random.default_rng(0)
    for part, count in (("train", 6), ("val", 3)):
        kinds = ["image", labels, "depth"] + ["normal"] * normal
        for kind in kinds:
            (root / part / kind).mkdir(parents=True)
        for i in range(count):
            np.save(root / part / "image" / f"{i}.npy", rng.random((16, 24, 3)))
            np.save(root / part / labels / f"{i}.npy", rng.integers(-1, 4, (16, 24)))
            np.save(root / part / "depth" / f"{i}.npy", rng.random((16, 24, 1)).astype("f4"))
            if normal:
                np.save(root / part / "normal" / f"{i}.npy", rng.normal(size=(16, 24, 3)))
    return root


@pytest.mark.parametrize(("labels", "normal"), [("label", True), ("label_19", False)])
def test_folders_in_the_layout_of_multi_task_code(
    tmp_path: Path, labels: str, normal: bool
) -> None:
    made_folder(tmp_path, labels, normal)
    where = Where(str(tmp_path), 8, 12, 4, 2, 2)
    training = Training(job(where=where), 0)
    assert training.tasks == (("seg", "depth", "normals") if normal else ("seg", "depth"))
    assert [len(part) for part in training.data[:3]] == [4, 2, 2]
    training.train(100)
    assert set(measure(training, training.data.test)) >= {"miou", "abs"}


def test_a_folder_in_no_layout_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train\.parquet"):
        folders.read(tmp_path, (8, 8))
    made_folder(tmp_path, "label", True)
    np.save(tmp_path / "train" / "depth" / "2.npy", np.array(["text"]))
    with pytest.raises(UserError, match=r"2\.npy"):
        folders.read(tmp_path, (8, 8))


def test_normals_of_a_plane_come_out_of_its_depth() -> None:
    fx, fy, cx, cy = folders.PINHOLE
    x, y = (np.arange(192) - cx) / fx, ((np.arange(144) - cy) / fy)[:, None]
    normal = np.array([0.3, -0.5, -0.8]) / np.linalg.norm([0.3, -0.5, -0.8])
    depth = (-2.0 / (normal[0] * x + normal[1] * y + normal[2])).astype(np.float32)
    found = folders.from_depth(depth)
    known = np.abs(found).sum(0) > 0
    assert known.mean() > 0.8
    assert np.abs((found * normal[:, None, None]).sum(0)[known] - 1).max() < 1e-4


@pytest.mark.slow  # 67 million weights
def test_deeplab_trains_is_pruned_saved_and_goes_on(tmp_path: Path) -> None:
    where = Where("scenes", 32, 32, 4, 2, 2)
    wanted = Job(where=where, network="deeplab", batch=2, iterations=3, lr=1e-3, halve_every=2)
    training = Training(wanted, 0)
    assert training.score("saliency-xavier", 1).shape == (3, len(training.mask))
    training.decide(np.arange(len(training.mask)) % 10 == 0)
    training.train(1)
    save(training, tmp_path)
    resumed = Training(wanted, 0)
    load(resumed, tmp_path)
    assert (resumed.mask == training.mask).all()
    assert resumed.train(9) == 2
    assert resumed.kept() <= resumed.budget
    assert np.isfinite(list(measure(resumed, resumed.data.test).values())).all()

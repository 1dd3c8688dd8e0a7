"""Trainers: one loop, paired runs, and what each loss reduces to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from leapbench.agents.earlyexit.common import networks
from leapbench.agents.earlyexit.common.augment import crop_flip
from leapbench.agents.earlyexit.common.trainer import Trainer, cosine
from leapbench.agents.earlyexit.exit_weights.l2w import MeanWeights
from leapbench.agents.earlyexit.exit_weights.learn import LinearWeights, RandomWeights
from leapbench.agents.earlyexit.gradient_equilibrium.learn import GradientEquilibrium
from leapbench.agents.earlyexit.l2w_den.learn import L2WDen, mechanism
from leapbench.agents.earlyexit.self_distillation.learn import SelfDistillation
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter, MeteredStream
from leapbench.contract.task import Budget
from leapbench.errors import UserError

SHAPE: dict[str, Any] = {
    "image": [1, 8, 8],
    "classes": 3,
    "steps": [1, 1, 2],
    "channels": 4,
    "growth": 4,
    "growth_factors": [1, 2],
    "bottleneck_factors": [1, 1],
    "stem": "conv",
    "head": 8,
    "head_convs": 1,
}
SAMPLES, PASSES = 96, 2


def phase(seed: int = 3, limit: int = SAMPLES * PASSES, augment: str = "none") -> LearningPhase:
    """A toy problem: the class is which third of the rows is bright."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, SAMPLES)
    images = rng.standard_normal((SAMPLES, 1, 8, 8)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[0, 2 * label : 2 * label + 2] += 3.0
    meter = Meter(Budget(unit="samples", limit=limit))
    settings = {
        "networks": {"msdnet": SHAPE},
        "batch": 32,
        "lr": 0.05,
        "augment": augment,
        "task": "toy/rows",
        "tier": "smoke",
        "seed": 0,
    }
    return LearningPhase("train", meter, seed, settings, MeteredStream(images, labels, meter))


def trained(trainer: Trainer, **kwargs: Any) -> Trainer:
    trainer.learn(phase(**kwargs))
    return trainer


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return trainer.network.state_dict()


def same(a: Trainer, b: Trainer) -> bool:
    ours, theirs = weights(a), weights(b)
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    "neutral",
    [
        L2WDen(epsilon=0.0, interval=1),
        RandomWeights(epsilon=0.0),
        SelfDistillation(alpha=0.0),
    ],
    ids=["l2w-den", "random", "self-distillation"],
)
def test_without_its_weighting_a_trainer_is_plain_training(neutral: Trainer) -> None:
    """Same data order, initial weights, updates and schedule: what pairing rests on."""
    plain, other = trained(Trainer()), trained(neutral)
    for name, value in weights(plain).items():
        assert torch.allclose(weights(other)[name].double(), value.double(), atol=1e-5), name


def test_mean_weights_of_one_are_plain_training() -> None:
    plain, control = trained(Trainer()), trained(MeanWeights(weights="1,1,1"))
    for name, value in weights(plain).items():
        assert torch.allclose(weights(control)[name].double(), value.double(), atol=1e-4), name


@pytest.mark.parametrize(
    "make", [Trainer, L2WDen, LinearWeights, RandomWeights, GradientEquilibrium, SelfDistillation]
)
def test_same_seed_same_weights_and_another_seed_others(make: type[Trainer]) -> None:
    assert same(trained(make()), trained(make()))
    assert not same(trained(make()), trained(make(), seed=4))


@pytest.mark.parametrize("make", [L2WDen, LinearWeights, RandomWeights, GradientEquilibrium])
def test_a_trainer_is_not_plain_training(make: type[Trainer]) -> None:
    assert not same(trained(make()), trained(Trainer()))


def test_training_lowers_the_loss_and_stays_in_budget() -> None:
    opened = phase(limit=SAMPLES * 6 + 17)
    trainer = Trainer()
    trainer.learn(opened)
    assert opened.meter.used == SAMPLES * 6
    assert len(trainer.log) == 6
    assert sum(trainer.log[-1]["loss"]) < 0.5 * sum(trainer.log[0]["loss"])


def test_save_and_load_give_the_same_outputs(tmp_path: Path) -> None:
    trainer, images = trained(L2WDen()), torch.randn(5, 1, 8, 8)
    trainer.save(tmp_path)
    loaded = Trainer()
    loaded.load(tmp_path)
    assert loaded.log == trainer.log
    for a, b in zip(trainer.network(images), loaded.network(images), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("exit", [0, 1, 2])
def test_gradient_equilibrium_gives_every_exit_an_equal_share_of_the_stem(exit: int) -> None:
    """The factors telescope: exit k's gradient reaches the stem scaled by exactly 1 / K."""
    trainer = GradientEquilibrium()
    trainer.network = networks.build("msdnet", SHAPE, 0).eval()
    images, gradients = torch.randn(4, 1, 8, 8), []
    for forward in (trainer.network, trainer.forward):
        trainer.network.zero_grad()
        logits = forward(images)
        logits[exit].square().sum().backward()
        gradients.append(next(trainer.network.parameters()).grad.clone())  # type: ignore[union-attr]
    assert gradients[0].abs().max() > 0
    assert torch.allclose(gradients[1], gradients[0] / 3, rtol=1e-4, atol=1e-7)


def test_gradient_equilibrium_leaves_the_logits_alone() -> None:
    trainer = GradientEquilibrium()
    trainer.network = networks.build("msdnet", SHAPE, 0).eval()
    images = torch.randn(4, 1, 8, 8)
    for a, b in zip(trainer.network(images), trainer.forward(images), strict=True):
        assert torch.equal(a, b)


def test_mean_weights_are_asked_for_where_none_are_recorded() -> None:
    with pytest.raises(UserError, match=r"--set weights=1\.0,1\.0,1\.0"):
        trained(MeanWeights())


def test_l2w_logs_the_mean_weight_of_every_exit() -> None:
    log = trained(L2WDen(epsilon=0.8, centring="row")).log
    assert [epoch["exit_weights"] for epoch in log] == [[pytest.approx(1.0, abs=1e-4)] * 3] * PASSES
    for epoch in log:
        assert 0 < epoch["weight_deviation"] < 0.8
        assert epoch["weight_loss"][-1] == epoch["weight_loss_last_exit"]


def test_the_mechanism_is_that_of_plain_statistics() -> None:
    rng = np.random.default_rng(0)
    weight, matrix = rng.random((2, 9, 3)).astype(np.float32)
    weight[:, 2] = 1.0
    means, deviation, correlations = mechanism(*map(torch.from_numpy, (weight, matrix)))
    assert np.allclose(means, weight.mean(0))
    assert float(deviation) == pytest.approx(abs(weight - 1).mean(), rel=1e-5)
    expected = [np.corrcoef(weight[:, k], matrix[:, k])[0, 1] for k in range(2)]
    assert np.allclose(correlations, [*expected, 0.0], atol=1e-5)


@given(st.integers(0, 2**32 - 1))
def test_crops_shift_and_mirror_but_invent_nothing(seed: int) -> None:
    images = np.arange(1, 37, dtype=np.float32).reshape(1, 1, 6, 6).repeat(3, 0)
    cropped = crop_flip(images, np.random.default_rng(seed))
    assert cropped.shape == images.shape
    assert cropped.dtype == np.float32
    padded = np.pad(images[0, 0], 4)
    windows = [padded[i : i + 6, j : j + 6] for i in range(9) for j in range(9)]
    windows += [window[:, ::-1] for window in windows]
    for image in cropped:
        assert any(np.array_equal(image[0], window) for window in windows)


def test_cosine_runs_from_the_rate_to_zero() -> None:
    assert cosine(0.3, 0, 10) == pytest.approx(0.3)
    assert cosine(0.3, 10, 10) == pytest.approx(0.0)
    assert cosine(0.3, 5, 10) == pytest.approx(0.15)

"""Intrinsic rewards and losses against plain NumPy, on small batches."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from leapbench.agents.urlb.aps.features import Features
from leapbench.agents.urlb.apt.policy import IcmApt, IndApt
from leapbench.agents.urlb.cic.contrast import Contrast, Surprise, contrast
from leapbench.agents.urlb.common.entropy import Moments, ParticleEntropy, nearest
from leapbench.agents.urlb.common.networks import mlp
from leapbench.agents.urlb.common.replay import Batch, Sizes
from leapbench.agents.urlb.diayn.policy import Discriminator
from leapbench.agents.urlb.disagreement.policy import Ensemble
from leapbench.agents.urlb.icm.policy import Curiosity
from leapbench.agents.urlb.proto.model import Prototypes, sinkhorn
from leapbench.agents.urlb.rnd.policy import Distillation
from leapbench.agents.urlb.smm.policy import CODE, Density, Matching
from leapbench.errors import UserError

few = limited(max_examples=30)
SIZES = Sizes(3, 2, 4)
Array = np.ndarray


def batch(count: int = 12, seed: int = 0, one_hot: bool = False) -> Batch:
    rng = np.random.default_rng(seed)
    skill = np.eye(4)[rng.integers(4, size=count)] if one_hot else rng.random((count, 4))
    rows = np.concatenate(
        [rng.normal(size=(count, 3)), skill, rng.uniform(-1, 1, (count, 2))], axis=1
    )
    table = torch.from_numpy(rows.astype(np.float32))
    later = torch.from_numpy(rng.normal(size=(count, 3)).astype(np.float32))
    mode = torch.from_numpy((np.arange(count) % 3 == 2).astype(np.float32))
    return Batch(
        seen=table[:, :7],
        joint=table,
        observation=table[:, :3],
        skill=table[:, 3:7],
        action=table[:, 7:],
        mode=mode,
        reward=torch.zeros(count),
        discount=torch.full((count,), 0.99**3),
        next=later,
        follows=torch.cat([later, table[:, 3:7]], dim=1),
    )


def run(net: torch.nn.Module, values: Array) -> Array:
    """The network in float64, layer by layer."""
    for layer in net:  # type: ignore[attr-defined]
        if isinstance(layer, torch.nn.Linear):
            bias = 0 if layer.bias is None else layer.bias.detach().numpy().astype(float)
            values = values @ layer.weight.detach().numpy().astype(float).T + bias
        elif isinstance(layer, torch.nn.ReLU):
            values = np.maximum(values, 0)
        elif isinstance(layer, torch.nn.Tanh):
            values = np.tanh(values)
        elif isinstance(layer, torch.nn.LayerNorm):
            mean, spread = values.mean(1, keepdims=True), values.var(1, keepdims=True)
            values = (values - mean) / np.sqrt(spread + 1e-5)
    return values


def distances(a: Array, b: Array) -> Array:
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))


def unit(values: Array) -> Array:
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@few
@given(st.integers(2, 40), st.integers(1, 6), st.integers(1, 12), st.integers(0, 10**6))
def test_nearest_neighbours(count: int, width: int, near: int, seed: int) -> None:
    near = min(near, count)
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(7, width)) + 10, rng.normal(size=(count, width)) + 10
    found = nearest(torch.tensor(a), torch.tensor(b), near).sort(dim=1).values
    # Ten from the origin squares are told apart to 1e-14, and distances from 0 to 1e-7.
    expected = np.sort(distances(a, b), axis=1)[:, :near]
    assert found.numpy() == pytest.approx(expected, abs=1e-6)


def test_the_distance_to_oneself_is_nothing_even_far_from_the_origin() -> None:
    points = torch.randn(50, 16) + 1000
    assert nearest(points, points, 3).amin(dim=1).max() == 0


@few
@given(st.lists(st.lists(st.floats(-5, 5), min_size=2, max_size=9), min_size=1, max_size=6))
def test_moments_are_those_of_everything_and_a_weightless_prior(chunks: list[list[float]]) -> None:
    moments, mean, spread, count = Moments(), 0.0, 1.0, 1e-4
    for chunk in chunks:
        values = np.array(chunk)
        moments.update(torch.tensor(values))
        # Chan's parallel update, with the sample variance of the new values.
        n, delta = len(values), values.mean() - mean
        total = count + n
        spread = (spread * count + values.var(ddof=1) * n + delta**2 * n * count / total) / total
        mean, count = mean + delta * n / total, total
    assert float(moments.mean) == pytest.approx(mean, abs=1e-6)
    assert float(moments.variance) == pytest.approx(spread, abs=1e-6)


@pytest.mark.parametrize("normaliser", ["centred", "variance", "mean", "none"])
def test_particle_entropy(normaliser: str) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(9, 5)), rng.normal(size=(9, 5))
    near = np.sort(distances(a, b), axis=1)[:, :4]
    weight = near.size / (near.size + 1e-4)
    mean, spread = near.mean() * weight, (1e-4 + near.var(ddof=1) * near.size) / (near.size + 1e-4)
    spread += near.mean() ** 2 * 1e-4 * weight / (near.size + 1e-4)
    scaled = {
        "centred": (near - mean) / spread,
        "variance": near / spread,
        "mean": near / mean,
        "none": near,
    }[normaliser]
    expected = np.log1p(np.maximum(scaled - 0.01, 0).mean(axis=1))
    found = ParticleEntropy(4, normaliser, 0.01)(torch.tensor(a), torch.tensor(b))
    assert found.numpy() == pytest.approx(expected, rel=1e-5)


def test_an_unknown_normaliser_is_told() -> None:
    with pytest.raises(UserError, match="centred, variance, mean, none"):
        ParticleEntropy(4, "std", 0.0)


@few
@given(st.integers(2, 30), st.floats(0.1, 2), st.integers(0, 10**6))
def test_the_contrastive_loss(count: int, temperature: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    q, k = rng.normal(size=(count, 6)), rng.normal(size=(count, 6))
    cosine = unit(q) @ unit(k).T
    total = 0.0
    for i in range(count):
        others = sum(exp(cosine[i, j] / temperature) for j in range(count))
        others = max(others - exp(1 / temperature), 1e-6) + 1e-6
        total += -cosine[i, i] / temperature + log(others)
    found = contrast(torch.tensor(q), torch.tensor(k), temperature)
    assert float(found) == pytest.approx(total / count)


@pytest.mark.parametrize("pair", ["next", "step"])
@pytest.mark.parametrize("first", ["learn", "reward"])
def test_surprise_is_measured_where_it_is_said_and_its_sign_is_the_modes(
    pair: str, first: str
) -> None:
    torch.manual_seed(3)
    encoders, given_ = Contrast(SIZES, 16, 0.5), batch()
    before = [layer.weight.detach().clone() for layer in encoders.state if hasattr(layer, "weight")]
    surprise = Surprise(encoders, 1e-2, ParticleEntropy(4, "none", 0.0), pair, first)
    found = surprise(given_).numpy()
    after = [layer.weight for layer in encoders.state if hasattr(layer, "weight")]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
    if first == "reward":  # measured with the weights before the step
        with torch.no_grad():
            biases = [layer for layer in encoders.state if hasattr(layer, "weight")]
            for layer, weight in zip(biases, before, strict=True):
                layer.weight.copy_(weight)
                layer.bias.zero_()
    target = run(encoders.state, given_.next.numpy().astype(float))
    source = target if pair == "next" else run(encoders.state, given_.observation.numpy())
    near = np.sort(distances(source, target), axis=1)[:, :4]
    sign = np.where(given_.mode.numpy() == 1, -1, 1)
    assert found == pytest.approx(sign * np.log1p(near.mean(axis=1)), rel=1e-4)
    assert (found[given_.mode.numpy() == 1] < 0).all()


def test_random_network_distillation() -> None:
    torch.manual_seed(0)
    rnd, given_ = Distillation(SIZES, 16, 8, 1e-2), batch()
    fixed = [p.clone() for p in rnd.random.parameters()]
    seen = given_.observation.numpy().astype(float)
    scaled = (seen - seen.mean(0)) / np.sqrt(seen.var(0) + 1e-5)
    found = rnd(given_).numpy()
    error = ((run(rnd.random, scaled) - run(rnd.predictor, scaled)) ** 2).mean(axis=1)
    # The running variance begins at 1, with the weight of a ten-thousandth of a number.
    prior = 1e-4 + error.mean() ** 2 * 12 * 1e-4 / (12 + 1e-4)
    spread = (error.var(ddof=1) * 12 + prior) / (12 + 1e-4)
    assert found == pytest.approx(error / np.sqrt(spread), rel=1e-3)
    assert all((a == b).all() for a, b in zip(fixed, rnd.random.parameters(), strict=True))
    first = float(rnd.error(given_.observation).detach().mean())
    for _ in range(50):
        rnd(given_)
    assert float(rnd.error(given_.observation).detach().mean()) < first / 2


def test_curiosity() -> None:
    torch.manual_seed(0)
    model, given_ = Curiosity(torch.nn.Identity(), 3, 2, 16, 1e-2), batch()
    found = model(given_).numpy()
    now, later, action = (x.numpy() for x in (given_.observation, given_.next, given_.action))
    ahead = later - run(model.ahead, np.concatenate([now, action], axis=1))
    assert found == pytest.approx(np.log1p(np.linalg.norm(ahead, axis=1)), rel=1e-4)
    back = np.tanh(run(model.back, np.concatenate([now, later], axis=1)))
    expected = np.linalg.norm(action - back, axis=1)
    assert model.errors(given_)[1].detach().numpy() == pytest.approx(expected, rel=1e-4)
    first = sum(float(error.detach().mean()) for error in model.errors(given_))
    for _ in range(50):
        model.learn(given_)
    assert sum(float(error.detach().mean()) for error in model.errors(given_)) < first


def test_disagreement() -> None:
    torch.manual_seed(0)
    ensemble, given_ = Ensemble(SIZES, 16, 1e-2), batch()
    found = ensemble(given_).numpy()
    seen = np.concatenate([given_.observation.numpy(), given_.action.numpy()], axis=1)
    weights = [p.detach().numpy() for p in ensemble.parameters()]
    first, first_bias, last, last_bias = weights
    guesses = np.stack(
        [np.maximum(seen @ first[i] + first_bias[i], 0) @ last[i] + last_bias[i] for i in range(5)]
    )
    assert found == pytest.approx(guesses.var(axis=0, ddof=1).mean(axis=1), rel=1e-3)
    assert len({float(first[i, 0, 0]) for i in range(5)}) == 5


def test_diayn() -> None:
    torch.manual_seed(0)
    model, given_ = Discriminator(SIZES, 16, 1e-2), batch(one_hot=True)
    found = model(given_).numpy()
    logits = run(model.net, given_.next.numpy())
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    taken = shares[np.arange(12), given_.skill.numpy().argmax(axis=1)]
    assert found == pytest.approx(np.log(taken) + log(4), abs=1e-4)
    for _ in range(200):
        found = model(given_).numpy()
    assert found.mean() > 0.5 * log(4)  # of at most log 4


@pytest.mark.parametrize("conditional", [1.0, -1.0])
def test_state_marginal_matching(conditional: float) -> None:
    torch.manual_seed(0)
    model, given_ = Matching(SIZES, 16, conditional, seed=5), batch(one_hot=True)
    noise = torch.randn(12, CODE, generator=torch.Generator().manual_seed(5))
    _, rarity = model.density(given_.seen, noise)
    guess = model.guess.likelihood(given_.observation, given_.skill)
    expected = (rarity + log(4) - conditional * guess).detach().numpy()
    assert model(given_).numpy() == pytest.approx(expected, rel=1e-5)


def test_the_density_is_a_variational_autoencoder() -> None:
    torch.manual_seed(0)
    density, seen = Density(7), batch().seen
    noise = torch.randn(12, CODE)
    loss, error = density(seen, noise)
    inner = run(density.encode[0], seen.numpy())
    inner = np.maximum(inner, 0)
    mean, spread = run([density.mean], inner), run([density.spread], inner)  # type: ignore[arg-type]
    decoded = run(density.decode, mean + noise.numpy() * np.exp(spread / 2))
    square = (seen.numpy() - decoded) ** 2
    apart = -0.5 * (1 + spread - mean**2 - np.exp(spread)).sum(axis=1).mean()
    assert error.detach().numpy() == pytest.approx(square.sum(axis=1), rel=1e-4)
    assert float(loss.detach()) == pytest.approx(0.5 * apart + square.mean(), rel=1e-4)


def test_aps() -> None:
    torch.manual_seed(0)
    model, given_ = Features(SIZES, 16, 1e-3, ParticleEntropy(4, "none", 1e-4)), batch()
    found = model(given_).numpy()
    features = run(model.net, given_.next.numpy())
    near = np.sort(distances(features, features), axis=1)[:, :4]
    entropy = np.log1p(np.maximum(near - 1e-4, 0).mean(axis=1))
    match = (unit(features) * given_.skill.numpy()).sum(axis=1)
    assert found == pytest.approx(entropy + match, rel=1e-3)


@pytest.mark.parametrize("kind", [IcmApt, IndApt])
def test_apt(kind: type) -> None:
    sizes, given_ = Sizes(3, 2), batch(20)
    agent = kind(hidden=16)
    first, again = (agent.objective(sizes, seed=1)(given_) for _ in range(2))
    assert torch.equal(first, again)
    if kind is IndApt:
        seen = given_.observation.numpy()
        near = np.sort(distances(seen, seen), axis=1)[:, :12]
        scaled = near / near.mean()
        expected = np.log1p(np.maximum(scaled - 1e-4, 0).mean(axis=1))
        assert first.numpy() == pytest.approx(expected, rel=1e-3)


@few
@given(st.integers(2, 20), st.integers(2, 12), st.integers(0, 10**6))
def test_assignments_are_shared_out_evenly(rows: int, columns: int, seed: int) -> None:
    scores = torch.from_numpy(np.random.default_rng(seed).normal(size=(rows, columns)))
    shares = sinkhorn(scores).numpy()
    assert shares.sum(axis=1) == pytest.approx(np.ones(rows))
    # By hand, as often as the method has it.
    hand = np.exp(scores.numpy())
    for _ in range(3):
        hand = hand / hand.sum(axis=0) / columns
        hand = hand / hand.sum(axis=1, keepdims=True) / rows
    assert shares == pytest.approx(hand * rows)


def test_prototypes() -> None:
    torch.manual_seed(0)
    model, given_ = Prototypes(SIZES, 1e-3, seed=1), batch()
    kept = model.target.weight.clone()
    found = model(given_).numpy()
    assert torch.allclose(model.prototypes.weight.norm(dim=1), torch.ones(512), atol=1e-5)
    encoded = unit(run([model.encode], given_.next.numpy()))  # type: ignore[arg-type]
    apart = np.sort(distances(encoded, model.queue.numpy()), axis=1)
    assert found == pytest.approx(apart[:, 2], abs=1e-3)
    moved = 0.95 * kept + 0.05 * model.encode.weight
    assert torch.allclose(model.target.weight, moved, atol=1e-6)


def test_layers_are_orthogonal_with_zero_biases() -> None:
    net = mlp(8, 8, 8)
    for layer in (net[0], net[2]):
        weight = layer.weight.detach().numpy()
        assert weight @ weight.T == pytest.approx(np.eye(8), abs=1e-5)
        assert (layer.bias == 0).all()
    assert len(net) == 3

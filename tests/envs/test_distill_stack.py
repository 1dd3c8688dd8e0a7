"""Stacked students: equal to single ones, to autograd, and to plain losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from leapbench.envs.distill import loss
from leapbench.envs.distill.shape import Shape
from leapbench.envs.distill.stack import DECAY, MOMENTUM, Stack, initial, outputs, split
from leapbench.envs.distill.training import cosine, rows, steps, tensor, train
from leapbench.errors import UserError

SHAPES = (
    Shape(12, 1, (), 5),
    Shape(12, 1, (7,), 5),
    Shape(12, 3, (4, 6), 5),
    Shape(12, 2, (4,), 5),
)


def data(rng: np.random.Generator, count: int = 40) -> tuple[torch.Tensor, ...]:
    x = tensor(rng.standard_normal((count, 12), np.float32))
    y = tensor(rng.integers(5, size=count))
    said = tensor(rng.standard_normal((count, 5), np.float32))
    return x, y, said


class Single(nn.Module):
    """The same network as a plain module, for autograd."""

    def __init__(self, shape: Shape, flat: torch.Tensor) -> None:
        super().__init__()
        self.patches = shape.patches
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in shape.layers)
        for module, layer in zip(self.layers, split(shape, flat[None]), strict=True):
            module.weight.data = layer.weight[0].T.clone()
            module.bias.data = layer.bias[0, 0].clone()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, *rest = self.layers
        x = first(x.view(len(x), self.patches, -1))
        x = x.flatten(1)
        for layer in rest:
            x = layer(functional.relu(x))
        return x

    def flat(self) -> torch.Tensor:
        parts = [p for m in self.layers for p in (m.weight.T.flatten(), m.bias)]
        return torch.cat([part.detach() for part in parts])


@pytest.mark.parametrize("form", loss.FORMS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_stack_equals_single_networks_trained_by_autograd(shape: Shape, form: loss.Form) -> None:
    rng = np.random.default_rng(0)
    x, y, said = data(rng)
    taus, alphas = [1.0, 4.0, 9.0, 4.0], [0.5, 0.3, 0.9, 1.0]
    count, peak = len(taus), 0.02
    first = torch.stack([tensor(initial(shape, rng)) for _ in taus])
    order = tensor(np.stack([rows(20, 2, 5, 3, np.random.default_rng(s)) for s in range(count)]))
    rates = tensor(np.stack([cosine(order.shape[1], 0, order.shape[1], peak)] * count))
    targets = [loss.mixture([said], [1.0], tau, form) for tau in taus]
    singles = []
    for s in range(count):
        net = Single(shape, first[s])
        descent = torch.optim.SGD(
            net.parameters(), peak, MOMENTUM, weight_decay=DECAY, nesterov=True
        )
        for own, rate in zip(order[s], rates[s], strict=True):
            descent.param_groups[0]["lr"] = float(rate)
            descent.zero_grad()
            loss.loss(net(x[own]), y[own], targets[s][own], taus[s], alphas[s], form).backward()
            descent.step()
        singles.append(net.flat())
    with torch.no_grad():
        stack, table = Stack(shape, first.clone()), torch.stack(targets)
        tau, alpha = torch.tensor(taus)[:, None, None], torch.tensor(alphas)[:, None, None]

        def slopes(part: slice, out: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
            answers = torch.stack([t[o] for t, o in zip(table[part], own, strict=True)])
            return loss.gradient(out, y[own], answers, tau[part], alpha[part], form)

        train(stack, x, torch.zeros(count, dtype=torch.int64), order, rates, slopes)
    torch.testing.assert_close(stack.weights, torch.stack(singles), atol=1e-5, rtol=0)
    assert (stack.weights - first).abs().max() > 1e-3


def test_what_a_network_becomes_does_not_depend_on_its_neighbours() -> None:
    rng = np.random.default_rng(1)
    shape = Shape(12, 2, (4,), 5)
    x, y, _ = data(rng)
    first = torch.stack([tensor(initial(shape, rng)) for _ in range(40)])
    order = tensor(np.stack([rows(20, 2, 5, 2, np.random.default_rng(s)) for s in range(40)]))
    rates = torch.full((40, order.shape[1]), 0.05)
    ones = torch.ones(40, 1, 1)

    def trained(which: list[int]) -> torch.Tensor:
        stack = Stack(shape, first[which].clone())
        with torch.no_grad():
            train(
                stack, x, torch.zeros(len(which), dtype=torch.int64), order[which], rates[which],
                lambda part, out, own: loss.gradient(
                    out, y[own], None, ones[part], ones[part], "printed"
                ),
            )  # fmt: skip
        return stack.weights

    together = trained(list(range(40)))
    for place in (0, 17, 39):
        torch.testing.assert_close(trained([place])[0], together[place], atol=1e-5, rtol=0)


@pytest.mark.parametrize("form", loss.FORMS)
def test_losses_equal_plain_re_computations(form: loss.Form) -> None:
    rng = np.random.default_rng(2)
    student, first, second = (rng.standard_normal((6, 5)) for _ in range(3))
    y, tau, alpha = rng.integers(5, size=6), 3.0, 0.3

    def softmax(z: np.ndarray) -> np.ndarray:
        e = np.exp(z - z.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    if form == "printed":  # softened probabilities are averaged, no factor
        q = 0.25 * softmax(first / tau) + 0.75 * softmax(second / tau)
        soft = -(q * np.log(softmax(student / tau))).sum(-1)
    else:  # logits are averaged, KL times the square of the temperature
        q = softmax((0.25 * first + 0.75 * second) / tau)
        soft = tau**2 * (q * (np.log(q) - np.log(softmax(student / tau)))).sum(-1)
    hard = -np.log(softmax(student))[np.arange(6), y]
    wanted = (alpha * hard + (1 - alpha) * soft).mean()
    mixed = loss.mixture([torch.tensor(first), torch.tensor(second)], [1, 3], tau, form)
    found = loss.loss(torch.tensor(student), torch.tensor(y), mixed, tau, alpha, form)
    np.testing.assert_allclose(mixed.numpy(), q)
    assert float(found) == pytest.approx(wanted)


def test_a_student_that_equals_its_teacher_has_nothing_to_learn_from_it() -> None:
    z = torch.randn(1, 8, 5, generator=torch.Generator().manual_seed(0))
    said = loss.mixture([z], [1.0], 4.0, "printed")
    slope = loss.gradient(
        z.clone(), torch.zeros(1, 8, dtype=torch.int64), said,
        torch.full((1, 1, 1), 4.0), torch.zeros(1, 1, 1), "printed",
    )  # fmt: skip
    assert slope.abs().max() < 1e-6


def test_shapes_count_what_torch_counts() -> None:
    for shape in SHAPES:
        net = Single(shape, tensor(initial(shape, np.random.default_rng(0))))
        assert sum(p.numel() for p in net.parameters()) == shape.parameters
        patches = [shape.patches] + [1] * (len(shape.layers) - 1)
        products = [m.weight.numel() * p for m, p in zip(net.layers, patches, strict=True)]
        assert shape.multiply_adds == sum(products)
        x = torch.randn(3, 12)
        with torch.no_grad():
            torch.testing.assert_close(outputs(shape, net.flat()[None], x)[0], net(x))


def test_schedules() -> None:
    assert steps(1000, 0, 1000, 1.0)[[100, 299, 301, 601, 950]] == pytest.approx(
        [1, 1, 0.1, 0.01, 0.001], rel=1e-5
    )
    whole = cosine(1000, 0, 1000, 1.0)
    assert whole.max() > 0.99
    assert whole[-1] < 1e-5
    np.testing.assert_array_equal(np.concatenate([cosine(90, 0, 30, 1), cosine(90, 30, 90, 1)]),
                                  cosine(90, 0, 90, 1))  # fmt: skip


def test_rows_meet_every_sample_once_an_epoch() -> None:
    order = rows(10, 3, 5, 4, np.random.default_rng(0))
    assert order.shape == (8, 5)
    for epoch in order.reshape(4, 10):
        assert sorted(epoch // 3) == list(range(10))


@pytest.mark.parametrize("wrong", [(12, 5, (4,), 5), (12, 1, (0,), 5), (12, 2, (), 5)])
def test_wrong_shapes_are_refused(wrong: tuple) -> None:
    with pytest.raises(UserError):
        Shape(*wrong)

"""The meta objective of L2W-DEN: allocation, weights and the gradient through a step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from leapbench.agents.earlyexit.common.trainer import losses
from leapbench.agents.earlyexit.l2w_den.meta import allocate, meta_gradient
from leapbench.agents.earlyexit.l2w_den.wpn import CENTRINGS, WeightPredictor, exit_shares, weights
from leapbench.errors import UserError


class TwoExits(nn.Module):
    """Smallest network with batch normalisation and two exits."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Softplus())
        self.heads = nn.ModuleList([nn.Linear(5, 3), nn.Linear(5, 3)])

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps = self.trunk(x)
        return [head(maps) for head in self.heads]


def problem() -> tuple[TwoExits, WeightPredictor, torch.optim.SGD, list[torch.Tensor]]:
    torch.manual_seed(0)
    network, predictor = TwoExits().double().train(), WeightPredictor(2, 7).double()
    optimizer = torch.optim.SGD(network.parameters(), 0.3, momentum=0.9, weight_decay=1e-2)
    x, y = torch.randn(24, 6).double(), torch.randint(0, 3, (24,))
    losses(network(x), y).mean(0).sum().backward()
    optimizer.step()  # fills the momentum buffers
    return network, predictor, optimizer, [x[:12], y[:12], x[12:], y[12:]]


def taught(
    network: TwoExits,
    predictor: WeightPredictor,
    optimizer: torch.optim.SGD,
    data: list[torch.Tensor],
    centring: str = "mat",
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    x, y, meta_x, meta_y = data
    matrix, shares = losses(network(x), y), exit_shares(2, 0.75)
    return meta_gradient(
        network, (x, y), matrix, predictor, optimizer, (meta_x, meta_y), shares, 0.8, centring
    )


def objective(*problem: Any) -> torch.Tensor:
    return taught(*problem)[0]


@pytest.mark.parametrize("centring", CENTRINGS)
def test_meta_gradient_matches_finite_differences(centring: str) -> None:
    network, predictor, optimizer, data = problem()
    parameters = tuple(predictor.parameters())
    gradients = taught(network, predictor, optimizer, data, centring)[1]
    step, checked = 1e-5, 0
    for value, gradient in zip(parameters, gradients, strict=True):
        for index in range(0, value.numel(), max(1, value.numel() // 4)):
            flat = value.data.view(-1)
            kept = flat[index].item()
            ends = []
            for sign in (1.0, -1.0):
                flat[index] = kept + sign * step
                ends.append(objective(network, predictor, optimizer, data, centring).item())
            flat[index] = kept
            numeric = (ends[0] - ends[1]) / (2 * step)
            assert gradient.view(-1)[index].item() == pytest.approx(numeric, rel=1e-4, abs=1e-9)
            checked += numeric != 0.0
    assert checked >= 8


def test_meta_objective_equals_a_real_update_of_a_copy() -> None:
    """The pseudo step reproduces SGD with momentum and decay, statistics included."""
    network, predictor, optimizer, data = problem()
    x, y, meta_x, meta_y = data
    value = objective(network, predictor, optimizer, data).item()
    state = {k: v.clone() for k, v in network.state_dict().items()}
    matrix = losses(network(x), y)
    weight = weights(predictor(matrix.detach()), 0.8, "mat").detach()
    optimizer.zero_grad()
    (weight * matrix).mean(0).sum().backward()
    optimizer.step()
    logits = network(meta_x)
    groups = allocate(logits, exit_shares(2, 0.75))
    expected = sum(
        functional.cross_entropy(z[i], meta_y[i]) for z, i in zip(logits, groups, strict=True)
    )
    assert value == pytest.approx(expected.item(), rel=1e-12)
    assert any(not torch.equal(state[k], v) for k, v in network.state_dict().items())


def test_meta_objective_leaves_the_network_alone() -> None:
    network, predictor, optimizer, data = problem()
    x, y, meta_x, meta_y = data
    matrix = losses(network(x), y)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    shares = exit_shares(2, 0.75)
    meta_gradient(
        network, (x, y), matrix, predictor, optimizer, (meta_x, meta_y), shares, 0.3, "col"
    )
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


@pytest.mark.parametrize("exits", [2, 4, 7])
@pytest.mark.parametrize("p", [0.5, 0.75, 1.0])
def test_allocation_partitions_the_batch(exits: int, p: float) -> None:
    torch.manual_seed(exits)
    logits = [torch.randn(50, 10) for _ in range(exits)]
    shares = exit_shares(exits, p)
    groups = allocate(logits, shares)
    assert torch.equal(torch.cat(groups).sort().values, torch.arange(50))
    assert [len(g) for g in groups[:-1]] == [int(50 * s) for s in shares[:-1].tolist()]
    left = torch.cat(groups[1:])
    confidence = logits[0].softmax(1).amax(1)
    assert confidence[groups[0]].min() >= confidence[left].max()


@pytest.mark.parametrize("centring", CENTRINGS)
def test_weights_have_mean_one_along_the_centred_axes(centring: str) -> None:
    torch.manual_seed(1)
    weight = weights(torch.rand(9, 4) * 2 - 1, 0.8, centring)
    means = weight.mean(CENTRINGS[centring])
    assert torch.allclose(means, torch.ones_like(means), atol=1e-6)


def test_unknown_centring_names_the_nearest() -> None:
    with pytest.raises(UserError, match="col"):
        weights(torch.zeros(2, 2), 0.3, "cols")


def test_exit_shares_of_the_paper() -> None:
    expected = [0.328, 0.246, 0.184, 0.138, 0.104]
    assert exit_shares(5, 0.75).tolist() == pytest.approx(expected, abs=5e-4)

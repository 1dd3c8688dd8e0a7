"""The exit-simulating meta objective and its gradient through one step of the backbone.

Han et al., "Learning to Weight Samples for Dynamic Early-exiting Networks"
(ECCV 2022): the weights are good if a network updated with them does well when
every exit is judged only on the samples that would leave there.
"""

from __future__ import annotations

from math import floor

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call
from torch.nn import functional

from leapbench.agents.earlyexit.common.trainer import Batch, losses
from leapbench.agents.earlyexit.l2w_den.wpn import WeightPredictor, weights


def allocate(logits: list[Tensor], shares: Tensor) -> list[Tensor]:
    """Which samples leave where: the most confident remaining ones at each exit.

    Args:
        logits: K tensors (B, classes).
        shares: target share of each exit, (K,), summing to 1.

    Returns:
        K index tensors that partition range(B); exit K takes the rest.
    """
    remaining = torch.arange(len(logits[0]), device=logits[0].device)
    groups = []
    for z, share in zip(logits[:-1], shares[:-1].tolist(), strict=True):
        quota = floor(len(z) * share)
        confidence = z.detach()[remaining].softmax(1).amax(1)
        order = confidence.argsort(descending=True, stable=True)
        groups.append(remaining[order[:quota]])
        remaining = remaining[order[quota:]]
    return [*groups, remaining]


def meta_loss(logits: list[Tensor], labels: Tensor, shares: Tensor) -> Tensor:
    """Mean cross-entropy inside each exit's group, summed over the exits."""
    groups = allocate(logits, shares)
    return torch.stack(
        [
            functional.cross_entropy(z[index], labels[index])
            for z, index in zip(logits, groups, strict=True)
            if len(index)
        ]
    ).sum()


def pseudo_step(
    network: nn.Module, gradients: tuple[Tensor, ...], optimizer: torch.optim.SGD
) -> dict[str, Tensor]:
    """Parameters after the optimizer's next step with these gradients."""
    group = optimizer.param_groups[0]
    stepped = {}
    for (name, value), gradient in zip(network.named_parameters(), gradients, strict=True):
        held = value.detach()
        direction = gradient + group["weight_decay"] * held
        buffer = optimizer.state[value].get("momentum_buffer") if value in optimizer.state else None
        if buffer is not None:
            direction = group["momentum"] * buffer + direction
        stepped[name] = held - group["lr"] * direction
    return stepped


def meta_gradient(
    network: nn.Module,
    train: Batch,
    matrix: Tensor,
    predictor: WeightPredictor,
    optimizer: torch.optim.SGD,
    meta: Batch,
    shares: Tensor,
    epsilon: float,
    centring: str,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Meta loss of the pseudo-updated network, and its gradient in the predictor.

    The network's step is linear in the weights, so the chain rule needs no second-order graph:
    d meta / d W_ik = -lr / B <g, d L_ik / d theta>, where g is the meta loss's gradient at the
    pseudo-updated parameters. The products of all samples and exits are one forward-mode
    derivative of the loss matrix along g. That is exact, and about half as dear.

    Args:
        network: the backbone, in training mode; not changed, nor are its
            batch-normalisation statistics.
        train: images (B, C, H, W) and labels (B,) of the training half.
        matrix: losses (B, K) of that half, with their graph, which is kept.
        predictor: weight prediction network.
        optimizer: the real SGD, whose rate, decay and momentum the step copies.
        meta: images and labels of the other half.
        shares: target share of each exit, (K,).
        epsilon: strength of the weighting.
        centring: "mat", "col" or "row".

    Returns:
        the meta loss, (), and one tensor for each parameter of the predictor.
    """
    weight = weights(predictor(matrix.detach()), epsilon, centring)
    objective, along = wanted(network, train, matrix, weight.detach(), optimizer, meta, shares)
    rate = float(optimizer.param_groups[0]["lr"])
    linear = -rate * (weight * along).mean(0).sum()
    return objective, torch.autograd.grad(linear, tuple(predictor.parameters()))


def wanted(
    network: nn.Module,
    train: Batch,
    matrix: Tensor,
    weight: Tensor,
    optimizer: torch.optim.SGD,
    meta: Batch,
    shares: Tensor,
) -> tuple[Tensor, Tensor]:
    """Meta loss after a step with sample weights, and which weights it asks for.

    `weight` (B, K) has no graph; the rest is as for `meta_gradient`.

    Returns:
        the meta loss, (), and (B, K) numbers <g, d L_ik / d theta>: where one is above 0, more
        weight lowers the loss.
    """
    parameters = dict(network.named_parameters())
    gradients = torch.autograd.grad(
        (weight * matrix).mean(0).sum(), tuple(parameters.values()), retain_graph=True
    )
    stepped = pseudo_step(network, gradients, optimizer)
    stepped = {name: value.requires_grad_() for name, value in stepped.items()}
    images, labels = meta
    logits = functional_call(network, stepped | statistics(network), (images,))
    objective = meta_loss(logits, labels, shares)
    direction = torch.autograd.grad(objective, tuple(stepped.values()))
    along = derivative(network, train, dict(zip(parameters, direction, strict=True)))
    return objective.detach(), along


def derivative(network: nn.Module, batch: Batch, direction: dict[str, Tensor]) -> Tensor:
    """Derivative of a batch's losses (B, K) along a direction of the parameters."""
    images, labels = batch
    with torch.no_grad(), forward_ad.dual_level():
        moved = {
            name: forward_ad.make_dual(value.detach(), direction[name])  # type: ignore[no-untyped-call]
            for name, value in network.named_parameters()
        }
        logits = functional_call(network, moved | statistics(network), (images,))
        pair = forward_ad.unpack_dual(losses(logits, labels))  # type: ignore[no-untyped-call]
        return pair.tangent  # type: ignore[no-any-return]


def statistics(network: nn.Module) -> dict[str, Tensor]:
    """A copy of the network's buffers, for a forward pass that is to change none."""
    return {name: value.clone() for name, value in network.named_buffers()}

"""The exit-simulating meta objective and its second-order gradient.

Han et al., "Learning to Weight Samples for Dynamic Early-exiting Networks"
(ECCV 2022): the weights are good if a network updated with them does well when
every exit is judged only on the samples that would leave there.
"""

from __future__ import annotations

from math import floor

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

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
    """Parameters after the optimizer's next step, as a function of `gradients`."""
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


def meta_objective(
    network: nn.Module,
    matrix: Tensor,
    predictor: WeightPredictor,
    optimizer: torch.optim.SGD,
    meta: tuple[Tensor, Tensor],
    shares: Tensor,
    epsilon: float,
    centring: str,
) -> Tensor:
    """Meta loss of the pseudo-updated network, differentiable in the predictor.

    Args:
        network: the backbone, in training mode; not changed, nor are its
            batch-normalisation statistics.
        matrix: losses (B, K) of the training half, with their graph.
        predictor: weight prediction network.
        optimizer: the real SGD, whose rate, decay and momentum the step copies.
        meta: images (B, C, H, W) and labels (B,) of the other half.
        shares: target share of each exit, (K,).
        epsilon: strength of the weighting.
        centring: "mat", "col" or "row".
    """
    weight = weights(predictor(matrix.detach()), epsilon, centring)
    gradients = torch.autograd.grad(
        (weight * matrix).mean(0).sum(), tuple(network.parameters()), create_graph=True
    )
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    state = pseudo_step(network, gradients, optimizer) | buffers
    images, labels = meta
    return meta_loss(functional_call(network, state, (images,)), labels, shares)

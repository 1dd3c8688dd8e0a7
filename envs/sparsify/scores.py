"""Passes that score every weight: all tasks from one forward pass and a backward pass each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from leapbench.envs.sparsify.measures import Targets
from leapbench.envs.sparsify.network import SHARED, Layer

Losses = Callable[[Sequence[Tensor], Targets], list[Tensor]]
TEMPERATURE = 200.0
"""Of the logits in GraSP's first-order and second-order passes, as in its released code."""


@contextmanager
def still(network: nn.Module) -> Iterator[None]:
    """Batch statistics as in training, without moving the running ones."""
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    was = network.training
    network.train()
    for each in norms:
        each.track_running_stats = False
    try:
        yield
    finally:
        network.train(was)
        for each in norms:
            each.track_running_stats = True


@contextmanager
def redrawn(weights: Sequence[Any], seed: int) -> Iterator[None]:
    """Other weights meanwhile: drawn anew by Glorot and Bengio's normal initialisation.

    The released code of DiSparse scores a copy that is initialised like this, and trains
    another.
    """
    kept = [each.detach().clone() for each in weights]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for each in weights:
            fresh = torch.empty(each.shape)
            nn.init.xavier_normal_(fresh, generator=generator)
            each.copy_(fresh)
    try:
        yield
    finally:
        with torch.no_grad():
            for each, old in zip(weights, kept, strict=True):
                each.copy_(old)


def task_gradients(
    network: Any,
    weights: Sequence[Any],
    owners: Sequence[int],
    batches: Sequence[tuple[Tensor, Targets]],
    losses: Losses,
    signed: bool = False,
) -> Tensor:
    """Gradients of each task's own loss with respect to every weight it uses.

    They are those of the weight that acts, so that a weight that is masked, and is 0, has
    one too.

    Args:
        network: gives an output for each task.
        weights: of the layers, whose sizes sum to P.
        owners: task that alone uses each layer, or `SHARED`.
        batches: images and targets.
        losses: unweighted, a task each.
        signed: sum gradients over the batches, not their absolute values.

    Returns:
        float32 (T, P): absolute values summed over the batches (Eq. "sensitivity" of SNIP
        without its factor |w|), 0 where a task does not use a weight.
    """
    sizes = [each.numel() for each in weights]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    found: Tensor | None = None
    with still(network):
        for images, targets in batches:
            each_loss = losses(network(images), targets)
            if found is None:
                found = torch.zeros(len(each_loss), sum(sizes), device=images.device)
            for task, loss in enumerate(each_loss):
                mine = [i for i, owner in enumerate(owners) if owner in (SHARED, task)]
                grads = torch.autograd.grad(
                    loss, [weights[i] for i in mine], retain_graph=task < len(each_loss) - 1
                )
                for i, grad in zip(mine, grads, strict=True):
                    flat = grad.reshape(-1)
                    into = found[task, starts[i] : starts[i] + sizes[i]]
                    into += flat if signed else flat.abs()
    if found is None:
        raise ValueError("at least one batch is needed")
    return found


def joint_gradients(
    network: Any,
    weights: Sequence[Any],
    batches: Sequence[tuple[Tensor, Targets]],
    losses: Losses,
    lambdas: Sequence[float],
) -> Tensor:
    """As `task_gradients` of the weighted sum of the losses, (1, P): one backward pass."""
    found = torch.zeros(sum(each.numel() for each in weights), device=weights[0].device)
    with still(network):
        for images, targets in batches:
            each_loss = losses(network(images), targets)
            loss = sum(a * b for a, b in zip(lambdas, each_loss, strict=True))
            grads = torch.autograd.grad(loss, list(weights))  # type: ignore[arg-type]
            found += torch.cat([grad.reshape(-1) for grad in grads]).abs()
    return found[None]


def grasp(
    network: Any,
    weights: Sequence[Any],
    batches: Sequence[tuple[Tensor, Targets]],
    losses: Losses,
    lambdas: Sequence[float],
    tasks: Sequence[str],
) -> Tensor:
    """-w * (H g) of the weighted sum of the losses (Wang et al., GraSP, 2020), (1, P).

    GraSP removes what is largest, as its removal hurts the flow of gradients least. Logits
    of the segmentation are divided by 200, as there; outputs of regressions are as they are.
    """
    found = torch.zeros(sum(each.numel() for each in weights), device=weights[0].device)
    scale = [TEMPERATURE if name == "seg" else 1.0 for name in tasks]
    with still(network):
        for images, targets in batches:
            outputs = [out / s for out, s in zip(network(images), scale, strict=True)]
            each_loss = losses(outputs, targets)
            loss: Any = sum(a * b for a, b in zip(lambdas, each_loss, strict=True))
            grads = torch.autograd.grad(loss, list(weights), create_graph=True)
            along: Any = sum((grad.detach() * grad).sum() for grad in grads)
            second = torch.autograd.grad(along, list(weights))
            found += torch.cat(
                [-(w.detach() * h).reshape(-1) for w, h in zip(weights, second, strict=True)]
            )
    return found[None]


def cost(kind: str, layers: Sequence[Layer], active: Sequence[int], tasks: int) -> int:
    """Multiply-adds of a scoring pass for one picture.

    Forward and gradients of activations cost what the active weights do, gradients of weights
    what all of them do. "gradients" and "saliency" go back once for each task, through what
    that task uses; "joint" once. GraSP's second pass goes back through both of the first.

    Args:
        kind: of `leapbench.envs.sparsify.facts.KINDS`.
        layers: of the network.
        active: weights that are not zero, of each.
        tasks: how many there are.
    """
    if kind == "none":
        return 0
    sparse = [count * layer.positions for count, layer in zip(active, layers, strict=True)]
    forward = sum(sparse)
    back = [a + layer.cost for a, layer in zip(sparse, layers, strict=True)]
    if kind == "grasp":
        return 3 * (forward + sum(back))
    if kind.startswith("joint"):
        return forward + sum(back)
    times = [tasks if layer.owner == SHARED else 1 for layer in layers]
    return forward + sum(a * n for a, n in zip(back, times, strict=True))

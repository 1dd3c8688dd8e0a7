"""What a checkpoint's features say of the input and of the label (sections 3.2 and 3.3).

I(X; F) is estimated by how well a decoder gives the pixels back from the features, I(Y; F)
by how well a linear classifier tells the class. Both are trained on training pairs and
measured on validation. The paper's decoder is a small convolutional one on the last feature
maps; the networks here have no maps, so theirs has one hidden layer.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.distill import loss
from leapbench.envs.distill.pairs import Pairs
from leapbench.envs.distill.shape import Shape
from leapbench.envs.distill.stack import Stack, features, initial
from leapbench.envs.distill.training import SCHEDULES, rows, tensor, train

DECODER: tuple[int, ...] = (48,)
"""Units of the decoder's hidden layer."""
PROBE_EPOCHS = 4
RESTORING, TELLING = 0.02, 0.1
"""Largest learning rates of decoder and classifier."""


def measure(
    shape: Shape, weights: Tensor, pairs: Pairs, batch: int, seed: tuple[int, ...]
) -> NDArray[np.float32]:
    """Reconstruction error and classification error of checkpoints, (S, 2), both on validation.

    The first is the binary cross entropy of a pixel in [0, 1], the second the cross entropy
    of a linear probe, both in nats. Features are scaled to deviation 1 by one number, so that
    their size, which grows as a network trains, says nothing.

    Args:
        shape: of the teachers.
        weights: (S, parameters).
        pairs: the data.
        batch: pairs of an update.
        seed: decides first weights and order, the same for all checkpoints.
    """
    seen = features(shape, weights, tensor(pairs.train[:, 0]))
    scale = seen.std((1, 2), keepdim=True).clamp_min(1e-6)
    held = features(shape, weights, tensor(pairs.validation)) / scale
    table = (seen / scale).flatten(0, 1)
    starts = torch.arange(len(weights)) * seen.shape[1]
    order = rows(seen.shape[1], 1, batch, PROBE_EPOCHS, np.random.default_rng([*seed, 0]))
    orders = tensor(order).expand(len(weights), *order.shape)
    rates = tensor(SCHEDULES["cosine"](len(order), 0, len(order), 1.0)).expand(len(weights), -1)

    pixels, labels = tensor(pairs.pixels), tensor(pairs.labels)
    ones = torch.ones(len(weights), 1, 1)

    def restore(part: slice, out: Tensor, own: Tensor) -> Tensor:
        return out.sigmoid_().sub_(pixels[own]).mul_(1 / own.shape[1])

    def classify(part: slice, out: Tensor, own: Tensor) -> Tensor:
        return loss.gradient(out, labels[own], None, ones[part], ones[part], "printed")

    decoder = _new(Shape(shape.features, 1, DECODER, shape.inputs), len(weights), (*seed, 1))
    train(decoder, table, starts, orders, RESTORING * rates, restore)
    linear = _new(Shape(shape.features, 1, (), shape.outputs), len(weights), (*seed, 2))
    train(linear, table, starts, orders, TELLING * rates, classify)
    wanted = tensor(pairs.validation_pixels).expand(len(weights), -1, -1)
    restored = torch.nn.functional.binary_cross_entropy_with_logits(
        decoder.forward(held)[-1], wanted, reduction="none"
    ).mean((1, 2))
    told = torch.log_softmax(linear.forward(held)[-1], -1)
    right = tensor(pairs.validation_labels)[None, :, None].expand(len(weights), -1, 1)
    classified = -told.gather(2, right).mean((1, 2))
    return np.asarray(torch.stack([restored, classified], 1).numpy(), np.float32)


def _new(shape: Shape, count: int, seed: tuple[int, ...]) -> Stack:
    """As many networks with the same first weights."""
    first = tensor(initial(shape, np.random.default_rng(list(seed))))
    return Stack(shape, first.repeat(count, 1))

"""How good a network is on a part of the pictures, and how good a constant prediction is."""

from __future__ import annotations

import torch
from torch import nn

from leapbench.envs.sparsify import measures
from leapbench.envs.sparsify.data import Part
from leapbench.envs.sparsify.training import Training

TESTED = 64
"""Pictures of a batch that is only looked at."""


def measure(training: Training, part: Part, count: int | None = None) -> dict[str, float]:
    """Every metric on the first `count` pictures of a part, predictions at full size."""
    tally = measures.Tally(training.tasks, training.data.classes)
    whole = range(0, len(part) if count is None else min(count, len(part)), TESTED)
    device = training.job.device
    training.network.eval()
    with torch.no_grad(), training.threads():
        for start in whole:
            chosen = slice(start, min(start + TESTED, whole.stop))
            images = part.images[chosen].to(device)
            targets = {name: part.truth[name][chosen].to(device) for name in training.tasks}
            full = [
                nn.functional.interpolate(out, images.shape[2:], mode="bilinear")
                for out in training.network(images)
            ]
            tally.add(full, targets)
    return tally.metrics()


def constant(training: Training, part: Part) -> dict[str, float]:
    """Metrics of the best constant of the training pictures, on a part."""
    tasks, data = training.tasks, training.data
    tally = measures.Tally(tasks, data.classes)
    found = measures.constants(tasks, data.classes, data.train.truth)
    for start in range(0, len(part), TESTED):
        chosen = slice(start, start + TESTED)
        shape = part.images[chosen].shape
        outputs = [c[None, :, None, None].expand(shape[0], -1, *shape[2:]) for c in found]
        tally.add(outputs, {name: part.truth[name][chosen] for name in tasks})
    return tally.metrics()

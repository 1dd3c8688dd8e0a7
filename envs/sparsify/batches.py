"""Batches of training pictures, in an order that a seed fixes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from leapbench.envs.sparsify.data import load
from leapbench.envs.sparsify.job import Job


class Batches:
    """Endless shuffled passes over the training pictures.

    Args:
        job: what is trained.
        tasks: whose truth is wanted.
        size: height and width of what the network predicts, which the truth is reduced to.
        seed: of the order.

    Attributes:
        rng: draws the order, and which batches are mirrored.
        order: pictures of the pass that are still to come, int64.
    """

    def __init__(self, job: Job, tasks: Sequence[str], size: tuple[int, int], seed: int) -> None:
        self.job, self.tasks, self.size = job, tuple(tasks), size
        self.rng = np.random.default_rng(seed)
        self.order = np.zeros(0, np.int64)

    def next(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Images (B, 3, H, W) and targets by task."""
        job, part = self.job, load(self.job.where).train  # shared by copies, not copied
        while len(self.order) < job.batch:
            self.order = np.concatenate([self.order, self.rng.permutation(len(part))])
        chosen, self.order = torch.from_numpy(self.order[: job.batch]), self.order[job.batch :]
        near = part.near(*self.size)
        images = part.images[chosen].to(job.device)
        targets = {name: near[name][chosen].to(job.device) for name in self.tasks}
        if job.mirror and self.rng.random() < 0.5:
            return images.flip(3), {name: _mirrored(name, one) for name, one in targets.items()}
        return images, targets


def _mirrored(task: str, truth: Tensor) -> Tensor:
    """The truth of a mirrored picture: normals point the other way along x."""
    found = truth.flip(-1)
    if task != "normals":
        return found
    return found * torch.tensor([-1.0, 1.0, 1.0], device=found.device).reshape(1, 3, 1, 1)

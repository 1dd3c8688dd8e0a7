"""A network under a mask, and its optimiser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.sparsify import measures
from leapbench.envs.sparsify.batches import Batches
from leapbench.envs.sparsify.data import Splits, load
from leapbench.envs.sparsify.job import Job
from leapbench.envs.sparsify.masks import Bools
from leapbench.envs.sparsify.network import SceneNet, layers_of, outputs_of, prunable
from leapbench.envs.threads import one_thread
from leapbench.errors import UserError


class Masked:
    """A network whose masked weights are exactly 0, and so are their updates by Adam.

    A weight that is let in again starts from 0, as in RigL, with fresh moments. Gradients of
    masked weights are those of the sparse network. Biases and batch normalisation are never
    masked: which of them there are is fixed by the network, and no mask touches them.

    Args:
        job: what is trained.
        seed: of initial weights and order of pictures.

    Attributes:
        tasks: names of the tasks, and `lambdas`, the weights of their losses.
        network: the network.
        layers: its prunable layers; `weights` are their tensors, `sizes` how many each has.
        batches: the training pictures.
        mask: bool (P,), what is kept.
        active: kept weights of each layer.
        update_cost: multiply-adds of one update: forward, and gradients of activations and
            of weights.
        iteration: updates so far, and `begun`, that at which the learning rate began.
        loss: of each task in the last update, unweighted.
    """

    def __init__(self, job: Job, seed: int) -> None:
        self.job, self.seed = job, int(seed)
        self.tasks = self._tasks()
        self.lambdas = job.lambdas[: len(self.tasks)]
        size = (job.where.height, job.where.width)
        self.network: Any = self.built(job.separate).to(job.device)
        self.layers = layers_of(self.network, size)
        self.weights: list[Any] = [each.weight for _, each in prunable(self.network)]
        self.sizes = [layer.size for layer in self.layers]
        ends = np.cumsum([0, *self.sizes]).tolist()
        self._slices = [slice(a, b) for a, b in pairwise(ends)]
        self.batches = Batches(job, self.tasks, outputs_of(self.network, size), self.seed)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), job.lr, weight_decay=job.decay, foreach=True
        )
        self.iteration, self.begun = 0, 0
        self.loss = [math.nan] * len(self.tasks)
        self.wear(np.ones(sum(self.sizes), bool))

    @property
    def data(self) -> Splits:
        """The pictures; not part of the training's own state, so copies share them."""
        return load(self.job.where)

    def built(self, separate: bool) -> Any:
        """A network with its first weights, which the seed fixes."""
        job = self.job
        channels = {"seg": self.data.classes, "depth": 1, "normals": 3}
        outputs = {name: channels[name] for name in self.tasks}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            if job.network == "deeplab":
                from leapbench.envs.sparsify.deeplab import DeepLab

                return DeepLab(outputs)
            return SceneNet(outputs, job.width, job.blocks, separate)

    def wear(self, mask: Bools) -> None:
        """Zero what is masked, weights and moments; what is let in again starts from 0."""
        self.mask, self._sparse = mask, not mask.all()
        self.active = [int(np.count_nonzero(mask[part])) for part in self._slices]
        pairs = zip(self.active, self.layers, strict=True)
        self.update_cost = 3 * self.job.batch * sum(n * layer.positions for n, layer in pairs)
        self._factors = []
        with torch.no_grad():
            for part, weight in zip(self._slices, self.weights, strict=True):
                factor = torch.from_numpy(mask[part]).reshape(weight.shape).to(weight)
                factor = torch.empty_like(weight).copy_(factor)  # strides as the weight's
                self._factors.append(factor)
                weight.mul_(factor)
                state = self.optimiser.state.get(weight, {})
                for name in ("exp_avg", "exp_avg_sq"):
                    if name in state:
                        state[name].mul_(factor)

    def rewind(self) -> None:
        """Give every weight its first value again, and start the learning rate over."""
        fresh = self.built(self.job.separate).to(self.job.device)
        self.network.load_state_dict(fresh.state_dict())
        self.optimiser.state.clear()
        self.begun = self.iteration

    def flat(self) -> NDArray[np.float32]:
        """A copy of all prunable weights, (P,)."""
        parts = [each.detach().reshape(-1) for each in self.weights]
        return np.array(torch.cat(parts).numpy(force=True))

    def kept(self) -> int:
        """Prunable weights that are not 0, counted on the network itself."""
        return int(sum(int(each.detach().count_nonzero()) for each in self.weights))

    def threads(self) -> AbstractContextManager[None]:
        """One thread for the small network, whose operations are too short to be split."""
        return one_thread() if self.job.network == "small" else nullcontext()

    def losses(self, outputs: Sequence[Tensor], targets: Any) -> list[Tensor]:
        """Unweighted loss of each task."""
        return measures.losses(self.tasks, outputs, targets)

    def _tasks(self) -> tuple[str, ...]:
        """Names of the tasks.

        Raises:
            UserError: when there is no truth for one that is asked for, or no weight.
        """
        job, truth = self.job, self.data.train.truth
        there = tuple(name for name in measures.TASKS if name in truth)
        tasks = tuple(name for name in there if name in (job.tasks or there))
        if job.tasks is not None and tasks != job.tasks:
            raise UserError(f"tasks must be of {', '.join(there)}, in this order, got {job.tasks}.")
        if len(job.lambdas) < len(tasks):
            raise UserError(f"{len(tasks)} tasks need as many lambdas, got {job.lambdas}.")
        return tasks

    def _update(self) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self._lr()
        images, targets = self.batches.next()
        each = self.losses(self.network(images), targets)
        loss: Any = sum(a * b for a, b in zip(self.lambdas, each, strict=True))
        self.optimiser.zero_grad()
        loss.backward()
        if self._sparse:
            torch._foreach_mul_([w.grad for w in self.weights], self._factors)
        self.optimiser.step()
        self.iteration += 1
        self.loss = [float(one.detach()) for one in each]

    def _lr(self) -> float:
        job, done = self.job, self.iteration - self.begun
        if job.halve_every:
            return float(job.lr * 0.5 ** (done // job.halve_every))
        return 0.5 * job.lr * (1 + math.cos(math.pi * done / (job.iterations - self.begun)))

"""What scores and sparse steps cost, as ratios of CPU time measured in interleaved pairs.

    python benchmarks/sparsify_scores.py                 # a sparse against a dense update
    python benchmarks/sparsify_scores.py PATH            # and scores against the released code

PATH is a checkout of github.com/SHI-Labs/DiSparse-Multitask-Model-Compression. Its functions
run as they are, on the same network, weights and batches; that its masks are ours is checked.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from released import stand_in
from torch import nn

from leapbench.envs.sparsify import masks, measures, scores
from leapbench.envs.sparsify.data import Where
from leapbench.envs.sparsify.job import Job
from leapbench.envs.sparsify.training import Training

PAIRS, BATCHES, RATIO = 15, 4, 0.1


def ratio(one: Callable[[], Any], other: Callable[[], Any]) -> float:
    """Median of the CPU time of `one` over that of `other`."""
    found = []
    for _ in range(PAIRS):
        took = []
        for run in (one, other):
            start = time.process_time()
            run()
            took.append(time.process_time() - start)
        found.append(took[0] / took[1])
    return statistics.median(found)


def updates() -> None:
    job = Job(where=Where(train=250, validation=8, test=8), iterations=100_000)
    dense, sparse = Training(job, 0), Training(job, 0)
    chance = np.random.default_rng(0).random((1, len(sparse.mask)))
    counts = masks.erk(sparse.facts.shapes, sparse.budget)
    every = np.ones_like(chance, bool)
    slices = sparse.facts.slices
    sparse.decide(masks.per_layer(masks.total, chance, every, slices, counts))
    for each in (dense, sparse):
        each.train(20)
    found = ratio(lambda: sparse.train(20), lambda: dense.train(20))
    print(f"sparse update over dense update: {found:.2f}")


class Wrapped(nn.Module):
    """A small network under the names that the released functions look for."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.backbone = network.backbones[0]
        for index, head in enumerate(network.heads, 1):
            setattr(self, f"task{index}_fc1", head)
        self.count = len(network.heads)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """What each task predicts."""
        features = self.backbone(images)
        return [getattr(self, f"task{i}_fc1")(features) for i in range(1, self.count + 1)]


class Loss:
    """A task's loss in the form of the released criterion."""

    def __init__(self, tasks: tuple[str, ...]) -> None:
        self.tasks = tasks

    def __call__(self, outputs: Any, batch: Any, cur_task: str) -> torch.Tensor:
        """The loss of one task."""
        index = self.tasks.index(cur_task)
        truth = {cur_task: batch["normal" if cur_task == "normals" else cur_task]}
        return measures.losses([cur_task], [outputs[index]], truth)[0]


def released(path: str) -> ModuleType:
    """The module `prune_utils`, on the CPU."""
    sys.path.insert(0, path)
    for name in ("torchvision", "tqdm"):
        stand_in(name)
    import prune_utils

    torch.Tensor.cuda = lambda self, *_, **__: self
    torch.cuda.empty_cache = lambda: None
    return prune_utils


def against(path: str) -> None:
    module = released(path)
    training = Training(Job(where=Where(train=250, validation=8, test=8)), 0)
    training.network.to(memory_format=torch.contiguous_format)  # which the released code needs
    names = {"seg": "seg", "depth": "depth", "normals": "normal"}
    drawn = [training.batches.next() for _ in range(BATCHES)]
    loader = [{"img": x} | {names[k]: v for k, v in y.items()} for x, y in drawn]
    criterion, tasks = Loss(training.tasks), list(training.tasks)
    wrapped = Wrapped(training.network)
    owners = [layer.owner for layer in training.layers]

    def theirs(kind: str) -> Any:
        network = deepcopy(wrapped)
        torch.manual_seed(7)
        with contextlib.redirect_stdout(io.StringIO()):
            return getattr(module, f"disparse_prune_{kind}")(
                network, criterion, loader, BATCHES, RATIO, "cpu", tasks
            )

    def ours() -> Any:
        return scores.task_gradients(
            training.network, training.weights, owners, drawn, training.losses
        )

    def differ(kind: str, each_score: Any) -> None:
        mine = masks.task_masks(each_score, own, RATIO).any(0)
        found = [
            each.weight_mask.numpy(force=True).astype(bool) for each in convolutions(theirs(kind))
        ]
        count = (mine != np.concatenate([each.ravel() for each in found])).sum()
        print(f"{kind}: {mine.sum()} weights kept, {count} of {len(mine)} differ")

    own = training.facts.own
    weights = np.abs(training.flat())
    differ("pretrained", weights**2 * ours().numpy())
    differ("pretrained_l1", weights * own)
    kept = [each.detach().clone() for each in training.weights]
    torch.manual_seed(7)  # their draws, in their order
    with torch.no_grad():
        for each in training.weights:
            each.copy_(nn.init.xavier_normal_(torch.empty(each.shape)))
    differ("static", ours().numpy() * np.abs(training.flat()))
    with torch.no_grad():
        for each, old in zip(training.weights, kept, strict=True):
            each.copy_(old)

    def whole() -> Any:
        with scores.redrawn(training.weights, 7):
            found = ours().numpy() * np.abs(training.flat())
        return masks.union(found, own, training.budget)

    found = ratio(lambda: theirs("static"), whole)
    print(f"released static function over ours, masks included: {found:.2f}")


def convolutions(module: nn.Module) -> list[Any]:
    return [each for each in module.modules() if isinstance(each, nn.Conv2d)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    updates()
    for each in sys.argv[1:]:
        if not (Path(each) / "prune_utils.py").is_file():
            sys.exit(f"error: {each} holds no prune_utils.py of the released code")
        against(each)

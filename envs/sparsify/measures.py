"""Losses, metrics and what a constant prediction reaches, for each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

TASKS = ("seg", "depth", "normals")
"""Semantic segmentation, depth and surface normals."""
METRICS = {
    "seg": {"miou": 1, "accuracy": 1},
    "depth": {"abs": -1, "rel": -1},
    "normals": {"angle": -1},
}
"""Metrics that a task's gain is the mean of, the first its main one; 1 where more is better.

miou: mean intersection over union in [0, 1] over the classes that occur; one that is never
found counts 0. accuracy: of pixels. abs: mean absolute error, in units of the depth. rel: the
same over the true depth. angle: mean error in degrees. `within`, the share of
pixels with less than 11.25 degrees, is shown beside them: a constant reaches almost none, so
that no gain is measured in it.
"""
SHOWN = {"normals": ("within",)}
NEAR = 11.25
TOLERANCE = 0.02
"""A main metric this much better than the constant's, relatively, is no collapse."""

Targets = Mapping[str, Tensor]


def losses(tasks: Sequence[str], outputs: Sequence[Tensor], targets: Targets) -> list[Tensor]:
    """Unweighted loss of each task: cross-entropy, L1 where depth is known, 1 - cosine.

    Args:
        tasks: of `TASKS`.
        outputs: (B, channels, h, w) for each.
        targets: by task, at the outputs' size; see `leapbench.envs.sparsify.data.Part`.
    """
    return [_LOSSES[name](out, targets[name]) for name, out in zip(tasks, outputs, strict=True)]


def _seg(output: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(output, target, ignore_index=-1)


def _depth(output: Tensor, target: Tensor) -> Tensor:
    known = (target > 0).float()
    return ((output - target).abs() * known).sum() / known.sum().clamp(min=1)


def _normals(output: Tensor, target: Tensor) -> Tensor:
    known = (target * target).sum(1)  # 1, or 0 where it is unknown
    cosine = (F.normalize(output, dim=1) * target).sum(1)
    return ((1 - cosine) * known).sum() / known.sum().clamp(min=1)


_LOSSES = {"seg": _seg, "depth": _depth, "normals": _normals}


class Tally:
    """Sums over batches of what the metrics are computed from.

    Args:
        tasks: of `TASKS`.
        classes: of the segmentation.
    """

    def __init__(self, tasks: Sequence[str], classes: int) -> None:
        self.tasks, self.classes = tuple(tasks), classes
        self.confusion = torch.zeros(classes, classes, dtype=torch.float64)
        self.sums: dict[str, float] = {}

    def add(self, outputs: Sequence[Tensor], targets: Targets) -> None:
        """Take in predictions at the targets' full size."""
        for name, out in zip(self.tasks, outputs, strict=True):
            truth = targets[name]
            if name == "seg":
                known = truth >= 0
                pairs = truth[known] * self.classes + out.argmax(1)[known]
                counts = torch.bincount(pairs, minlength=self.classes**2).cpu()
                self.confusion += counts.reshape(self.classes, self.classes)
            elif name == "depth":
                known = truth > 0
                error = (out - truth).abs()[known]
                self._add("depth", len(error), abs=error, rel=error / truth[known])
            else:
                known = (truth * truth).sum(1) > 0.5
                cosine = (F.normalize(out, dim=1) * truth).sum(1)[known].clamp(-1, 1)
                degrees = torch.rad2deg(torch.arccos(cosine))
                self._add("normals", len(degrees), angle=degrees, within=degrees < NEAR)

    def _add(self, task: str, count: int, **values: Tensor) -> None:
        for name, each in ({"": torch.tensor(float(count))} | values).items():
            key = f"{task}/{name}"
            self.sums[key] = self.sums.get(key, 0.0) + float(each.sum(dtype=torch.float64))

    def metrics(self) -> dict[str, float]:
        """Every metric of the tasks by name; without a known pixel the worst there is."""
        found: dict[str, float] = {}
        for task in self.tasks:
            if task == "seg":
                found |= _confusion(self.confusion.numpy())
                continue
            count = self.sums.get(f"{task}/", 0.0)
            for name in (*METRICS[task], *SHOWN.get(task, ())):
                found[name] = self.sums[f"{task}/{name}"] / count if count else 0.0
        return found


def _confusion(counts: np.ndarray) -> dict[str, float]:
    hit, occurs = np.diag(counts), counts.sum(1) > 0
    union = counts.sum(0) + counts.sum(1) - hit
    shares = hit[occurs] / union[occurs]
    total = counts.sum()
    return {
        "miou": float(shares.mean()) if len(shares) else 0.0,
        "accuracy": float(hit.sum() / total) if total else 0.0,
    }


def constants(tasks: Sequence[str], classes: int, learned: Targets) -> list[Tensor]:
    """The best constant of each task on `learned`: (channels,) each.

    The most frequent class, the median depth (best under L1), the mean direction.
    """
    found = []
    for name in tasks:
        truth = learned[name]
        if name == "seg":
            counts = torch.bincount(truth[truth >= 0], minlength=classes)
            found.append(F.one_hot(counts.argmax(), classes).float())
        elif name == "depth":
            known = truth[truth > 0]
            found.append(known[:: max(1, len(known) // 100_000)].median().reshape(1))
        else:
            found.append(F.normalize(truth.mean((0, 2, 3)), dim=0))
    return found


def gains(
    tasks: Sequence[str], found: Mapping[str, float], reference: Mapping[str, float]
) -> dict[str, float]:
    """How much better than a reference each task is, as a share: mean over its metrics.

    For each metric (-1)^s (M - M_ref) / M_ref, s = 1 where less is better, as usual in
    multi-task learning (Maninis et al., 2019).
    """
    return {
        task: float(
            np.mean(
                [
                    sign * (found[name] - reference[name]) / max(abs(reference[name]), 1e-9)
                    for name, sign in METRICS[task].items()
                ]
            )
        )
        for task in tasks
    }


def collapsed(
    tasks: Sequence[str], found: Mapping[str, float], constant: Mapping[str, float]
) -> list[str]:
    """Tasks whose main metric is no better than a constant prediction's."""
    dead = []
    for task in tasks:
        name, sign = next(iter(METRICS[task].items()))
        if sign * (found[name] - constant[name]) <= TOLERANCE * abs(constant[name]):
            dead.append(task)
    return dead

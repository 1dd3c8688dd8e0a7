"""What frozen features tell: about whole pictures, about places, and of themselves.

Every classifier is a multinomial logistic regression on standardised features; its
penalty is the best of `PENALTIES` on a quarter of what it is fitted on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from leapbench.envs.pretrain import views
from leapbench.envs.pretrain.pictures import Asked, Labels, Split
from leapbench.envs.pretrain.positions import places
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Look, Pixels

Features = Callable[[Pixels], Tensor]
"""Tokens float32 (N, patches, D) of pictures uint8 (N, H, W, C)."""

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
ROUNDS = 40
"""Iterations of L-BFGS of a fit."""
NEIGHBOURS = 20
FEW = 10
"""Labels of a class in the probe with few labels."""
TAIL = 0.1
"""Pictures of the rarest class in the long-tailed probe, as a share of the commonest."""
SEMANTIC = ("linear", "neighbours", "few", "corrupted", "tail")
DENSE = ("segmentation", "matched")
DESCRIBED = ("rank", "spread")


@dataclass(frozen=True)
class Classifier:
    """A linear classifier on standardised features.

    Args:
        middle, scale: float32 (D,), of the features that it was fitted on.
        weights, bias: float32 (D, C) and (C,).
    """

    middle: Tensor
    scale: Tensor
    weights: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Likeliest labels int64 (N,) of features (N, D)."""
        scores = (features - self.middle) / self.scale @ self.weights + self.bias
        return scores.argmax(1)


def measured(
    features: Features, shape: Shape, fit: Split, test: Split, seed: int
) -> dict[str, float]:
    """Every measure of `SEMANTIC`, `DENSE` and `DESCRIBED`, each in [0, 1] but `rank`.

    Args:
        features: of pictures; the mean over patches stands for a picture.
        shape: sizes of views and patches.
        fit: pictures to fit on.
        test: pictures to test on.
        seed: of crops and of what corrupts pictures.
    """
    rng = np.random.default_rng(seed)
    known, asked = features(fit.whole.images).mean(1), features(test.whole.images).mean(1)
    given, wanted, classes = fit.whole.labels, test.whole.labels, fit.whole.classes
    linear = fitted(known, given, classes)
    spoilt = features(corrupted(test.whole.images, rng)).mean(1)
    return {
        "linear": accuracy(linear(asked), wanted),
        "neighbours": accuracy(nearest(known, given, asked, classes), wanted),
        "few": _on_rows(known, given, classes, _few(given, classes), asked, wanted),
        "corrupted": accuracy(linear(spoilt), wanted),
        "tail": _tail(known, given, classes, asked, wanted),
        "segmentation": _segmentation(features, fit.places, test.places),
        "matched": matched(features, shape, test.whole.images, rng),
        "rank": rank(asked),
        "spread": float(normalize(asked, dim=1).std(0).mean()) * asked.shape[1] ** 0.5,
    }


def fitted(features: Tensor, labels: Labels, classes: int) -> Classifier:
    """The classifier with the penalty that a quarter of the rows (N, D) prefers."""
    last = slice(3 * len(features) // 4, None)
    first = slice(0, last.start)
    scores = [
        accuracy(_solved(features[first], labels[first], classes, p)(features[last]), labels[last])
        for p in PENALTIES
    ]
    return _solved(features, labels, classes, PENALTIES[int(np.argmax(scores))])


def _solved(features: Tensor, labels: Labels, classes: int, penalty: float) -> Classifier:
    middle, scale = features.mean(0), features.std(0) + 1e-6
    rows, wanted = (features - middle) / scale, torch.from_numpy(labels)
    weights = torch.zeros(rows.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weights, bias], max_iter=ROUNDS, history_size=10, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        solver.zero_grad()
        loss = cross_entropy(rows @ weights + bias, wanted) + penalty * weights.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    return Classifier(middle, scale, weights.detach(), bias.detach())


def accuracy(made: Tensor, wanted: Labels) -> float:
    """Share of equal labels (N,)."""
    return float((made.numpy() == wanted).mean())


def nearest(known: Tensor, given: Labels, asked: Tensor, classes: int) -> Tensor:
    """Labels (M,) that most of the 20 nearest by cosine have."""
    close = normalize(asked, dim=1) @ normalize(known, dim=1).T
    weights, rows = close.topk(min(NEIGHBOURS, len(known)), 1)
    votes = torch.zeros(len(asked), classes)
    votes.scatter_add_(1, torch.from_numpy(given)[rows], (weights / 0.07).exp())
    return votes.argmax(1)


def overlap(made: Labels, wanted: Labels, classes: int) -> float:
    """Mean intersection over union of the labels that occur among `wanted` (any shape)."""
    shares = []
    for label in range(classes):
        one, two = made == label, wanted == label
        if two.any():
            shares.append(float((one & two).sum() / (one | two).sum()))
    return float(np.mean(shares))


def rank(features: Tensor) -> float:
    """Effective rank of features (N, D): exp of the entropy of the singular values' shares."""
    values = torch.linalg.svdvals(features - features.mean(0))
    shares = values / values.sum().clamp_min(1e-12)
    return float((-(shares * shares.clamp_min(1e-12).log()).sum()).exp())


def matched(features: Features, shape: Shape, images: Pixels, rng: np.random.Generator) -> float:
    """Share of patches of a crop that find their place in another crop of the picture.

    A patch counts that lies in the other crop; its nearest patch there by cosine is right
    where its middle is at most one patch away along both axes.
    """
    look, grid = Look(area=0.4, colour=0.5, grey=0.0), shape.grid
    first, second = (views.make(images, look, shape.size, rng) for _ in range(2))
    a, b = (normalize(features(views.seen(each.pixels)), dim=2) for each in (first, second))
    found = (b @ a.transpose(1, 2)).argmax(2).numpy()
    row, column = places(first.boxes, second.boxes, grid)
    middle = (grid - 1) / 2
    inside = np.maximum(np.abs(row - middle), np.abs(column - middle)) <= grid / 2
    right = np.maximum(np.abs(found // grid - row), np.abs(found % grid - column)) <= 1
    return float(right[inside].mean()) if inside.any() else 0.0


def corrupted(images: Pixels, rng: np.random.Generator) -> Pixels:
    """A third of the pictures with noise, a third blurred, a third with little contrast."""
    given = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    noise = torch.from_numpy(rng.standard_normal(given.shape).astype(np.float32))
    noisy, flat = given + 0.12 * noise, 0.5 + 0.35 * (given - 0.5)
    blurred = views.blurred(given, np.full(len(images), 1.2))
    spoilt = torch.stack([noisy, blurred, flat])
    chosen = torch.from_numpy(np.arange(len(images)) % 3)
    made = spoilt[chosen, torch.arange(len(images))].clamp(0, 1) * 255
    return np.asarray(made.permute(0, 2, 3, 1).numpy().round()).astype(np.uint8)


def _few(labels: Labels, classes: int) -> Labels:
    """The first rows of each class."""
    return np.concatenate([np.flatnonzero(labels == label)[:FEW] for label in range(classes)])


def _on_rows(
    known: Tensor, given: Labels, classes: int, rows: Labels, asked: Tensor, wanted: Labels
) -> float:
    mixed = np.random.default_rng(0).permutation(rows)
    return accuracy(fitted(known[mixed], given[mixed], classes)(asked), wanted)


def _tail(known: Tensor, given: Labels, classes: int, asked: Tensor, wanted: Labels) -> float:
    """Accuracy on the rarest third of classes, of which fewer and fewer rows are shown."""
    counts = np.bincount(given, minlength=classes)
    kept = (counts.min() * TAIL ** (np.arange(classes) / max(1, classes - 1))).astype(int)
    rows = [np.flatnonzero(given == c)[: max(1, n)] for c, n in enumerate(kept)]
    rare = wanted >= classes - max(1, classes // 3)
    return _on_rows(known, given, classes, np.concatenate(rows), asked[rare], wanted[rare])


def _segmentation(features: Features, fit: Asked, test: Asked) -> float:
    """Mean intersection over union of a linear classifier of patches."""
    known, asked = features(fit.images).flatten(0, 1), features(test.images).flatten(0, 1)
    solved = _solved(known, fit.labels.reshape(-1), fit.classes, PENALTIES[0])
    return overlap(solved(asked).numpy(), test.labels.reshape(-1), test.classes)

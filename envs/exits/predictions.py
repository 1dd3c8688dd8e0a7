"""Prediction caches: the outputs of every exit of a trained network for every sample, and its cost.

A prediction cache replaces the network in the environment, so that a decision costs a
table look-up and a policy is scored in seconds. NumPy only.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import UserError

MAX_COST = 2**53
"""Largest summed cost, multiply-adds: integers up to here are exact in float64."""


@dataclass(frozen=True, eq=False, repr=False)
class PredictionCache:
    """Softmax outputs of a network with K exits on N labelled samples; read-only.

    Attributes:
        probabilities: float32 (N, K, classes), softmax of each exit, in [0, 1].
        labels: int64 (N,), true class of each sample, in [0, classes).
        costs: int64 (K,), multiply-adds from the input through each exit,
            earlier classifiers included; strictly increasing.
        name: shown in pictures and errors.

    Raises:
        UserError: on construction, when shapes, types or ranges do not fit.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    costs: NDArray[np.int64]
    name: str = "predictions"

    def __post_init__(self) -> None:
        _require_kinds(self)
        for field, dtype in (("probabilities", "f4"), ("labels", "i8"), ("costs", "i8")):
            array = np.ascontiguousarray(getattr(self, field), dtype=dtype).view()
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        _require_ranges(self)

    def __repr__(self) -> str:
        return f"PredictionCache({self.name!r}, samples={self.samples}, exits={self.exits})"

    def __deepcopy__(self, memo: dict[int, Any]) -> PredictionCache:
        return self  # read-only, and Gymnasium deep-copies the arguments of `make`

    def __reduce__(self) -> tuple[Any, ...]:
        """Made again, so that it is read-only there too."""
        return partial(
            type(self), **{each.name: getattr(self, each.name) for each in fields(self)}
        ), ()

    @property
    def samples(self) -> int:
        """Number of samples, N."""
        return len(self.probabilities)

    @property
    def exits(self) -> int:
        """Number of exits, K."""
        return len(self.costs)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.probabilities.shape[2])

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """int64 (N, K), the most probable class; the first one of equals."""
        return np.asarray(self.probabilities.argmax(axis=2))

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether an exit predicts the label, bool (N, K)."""
        return np.asarray(self.predicted == self.labels[:, None])

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """float32 (N, K), the largest softmax value, in [1/classes, 1]."""
        return np.asarray(self.probabilities.max(axis=2))

    @cached_property
    def entropy(self) -> NDArray[np.float32]:
        """float32 (N, K), entropy in units of log(classes), in [0, 1]."""
        p = self.probabilities
        surprise = -np.log(p, out=np.zeros_like(p), where=p > 0)
        nats = (p * surprise).sum(axis=2)
        return np.asarray(np.clip(nats / np.log(self.classes), 0, 1), dtype=np.float32)

    @cached_property
    def margin(self) -> NDArray[np.float32]:
        """float32 (N, K), largest minus second largest softmax value, in [0, 1]."""
        best = np.partition(self.probabilities, self.classes - 2, axis=2)
        return best[..., -1] - best[..., -2]

    @cached_property
    def streak(self) -> NDArray[np.int64]:
        """int64 (N, K), how many exits just before k agree with exit k's prediction.

        Zero at the first exit and wherever the prediction has just changed: the
        counter of patience-based early exit (PABEE, arXiv 2006.04152).
        """
        streak = np.zeros((self.samples, self.exits), np.int64)
        same = self.predicted[:, 1:] == self.predicted[:, :-1]
        for k in range(1, self.exits):
            streak[:, k] = np.where(same[:, k - 1], streak[:, k - 1] + 1, 0)
        return streak

    def save(self, path: Path | str) -> None:
        """Write the prediction cache as a compressed `.npz` without pickled objects."""
        np.savez_compressed(
            path,
            probabilities=self.probabilities,
            labels=self.labels,
            costs=self.costs,
            name=np.array(self.name),
        )

    @classmethod
    def load(cls, path: Path | str) -> PredictionCache:
        """Read what `save` wrote; nothing is unpickled.

        Raises:
            UserError: when the file is absent or is not a valid prediction cache.
        """
        arrays = read_arrays(Path(path), ("probabilities", "labels", "costs", "name"))
        return cls(arrays["probabilities"], arrays["labels"], arrays["costs"], str(arrays["name"]))

    @classmethod
    def synthetic(
        cls, samples: int = 512, exits: int = 4, classes: int = 10, seed: int = 0
    ) -> PredictionCache:
        """Predictions of which later exits are better and samples differ in difficulty.

        The logit of the true class is `skill of the exit - difficulty of the
        sample`, under noise that a sample's exits share in part, as those of one
        network do.

        Args:
            samples: N, 1 or more.
            exits: K, 2 or more.
            classes: 2 or more.
            seed: equal seeds give equal prediction caches.
        """
        rng = np.random.default_rng(seed)
        labels = rng.integers(classes, size=samples)
        shared = rng.normal(size=(samples, 1, classes))
        logits = shared + 0.7 * rng.normal(size=(samples, exits, classes))
        skill = np.linspace(4.0, 6.0, exits)
        difficulty = rng.gamma(2.0, 1.0, size=samples)
        logits[np.arange(samples), :, labels] += skill - difficulty[:, None]
        odds = np.exp(logits - logits.max(axis=2, keepdims=True))
        costs = (100_000 * np.arange(1, exits + 1) ** 1.7).astype(np.int64)
        return cls(
            (odds / odds.sum(axis=2, keepdims=True)).astype("f4"), labels, costs, "synthetic"
        )


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Read `names` from an `.npz`, unpickling nothing.

    Raises:
        UserError: when the file is absent, is no `.npz` or lacks one of `names`.
    """
    if not path.is_file():
        raise UserError(
            f"There is no prediction cache at {path}.", "PredictionCache.save(path) writes one."
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} is not a prediction cache: {error}.",
            f"A prediction cache is an .npz of {', '.join(names)}.",
        ) from error


def _require_kinds(predictions: PredictionCache) -> None:
    """Refuse arrays that a silent conversion would bend into shape."""
    wanted = (("probabilities", "f", 3), ("labels", "iu", 1), ("costs", "iu", 1))
    for field, kinds, ndim in wanted:
        array = np.asarray(getattr(predictions, field))
        if array.dtype.kind not in kinds or array.ndim != ndim:
            kind = "floats" if kinds == "f" else "integers"
            raise UserError(
                f"{field} of a prediction cache must be {kind} with {ndim} axes, "
                f"got {array.dtype} of shape {array.shape}."
            )


def _require_ranges(predictions: PredictionCache) -> None:
    p, labels, costs = predictions.probabilities, predictions.labels, predictions.costs
    samples, exits, classes = p.shape
    if samples < 1 or exits < 2 or classes < 2:
        raise UserError(
            f"A prediction cache has 1 sample, 2 exits and 2 classes or more, got {p.shape}."
        )
    if labels.shape != (samples,) or costs.shape != (exits,):
        raise UserError(
            f"labels and costs must have shapes ({samples},) and ({exits},), "
            f"got {labels.shape} and {costs.shape}."
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise UserError(f"labels must lie in [0, {classes}).")
    # float16 softmax sums to 1 within 5e-4; the largest sum also refuses NaN.
    if not (p.min() >= 0 and p.max() <= 1 and np.abs(p.sum(axis=2) - 1).max() < 2e-3):
        raise UserError("probabilities must be softmax values: in [0, 1] and summing to 1.")
    if costs[0] < 1 or (np.diff(costs) < 1).any() or int(costs[-1]) * samples > MAX_COST:
        raise UserError(
            "costs must be positive, strictly increasing multiply-adds "
            f"of at most {MAX_COST // samples}, got {costs.tolist()}."
        )

"""How good imagined latents are for values: what the tasks on value consistency share.

Measures are those of Yue et al., Value-Consistent Representation Learning for
Data-Efficient Reinforcement Learning, AAAI 2023 (arXiv 2206.12542), Eq 7 above all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import Learner, Remote
from leapbench.contract.harness import EpisodeRow
from leapbench.errors import InvalidOutput, UserError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Values = Callable[[Floats, NDArray[Any]], Floats]
"""Of latents (N, ...) and actions (N, ...), float32 (N,)."""


class Trajectories(Protocol):
    """Held-out steps in order: latents (N, ...), actions (N, ...) and episodes' ends (N,)."""

    @property
    def latents(self) -> Floats:
        """By the frozen encoder."""

    @property
    def actions(self) -> NDArray[Any]:
        """What was done."""

    @property
    def ends(self) -> NDArray[np.bool_]:
        """Whether a step was its episode's last."""

    @property
    def weights(self) -> Mapping[str, Floats]:
        """Of the frozen networks that belong to them."""


def starts(
    ends: NDArray[np.bool_], ahead: int, part: int, parts: int, rng: np.random.Generator
) -> Ints:
    """Steps of a part of the trajectories that are `2 * ahead` apart, int64 (B,), shuffled.

    What came after a step is thus no other's beginning: whoever is asked about all of them
    at once, or has been before, has not seen it.

    Args:
        ends: bool (N,), whether a step was its episode's last.
        ahead: steps that are imagined, all of them in the same episode and part.
        part: from 0 on.
        parts: into how many equal ones N is cut.
        rng: draws where the first begins, and the order.
    """
    low, high = (len(ends) * p // parts for p in (part, part + 1))
    apart = 2 * ahead
    found = np.arange(low + rng.integers(apart), high - ahead, apart)
    over = np.concatenate([[0], np.cumsum(ends)])
    return rng.permutation(found[over[found] == over[found + ahead]])


def imagined(part: Learner, latents: Floats, actions: NDArray[Any]) -> Floats:
    """What a part imagines, checked, (B, K, ...).

    Raises:
        UserError: when it cannot imagine.
        InvalidOutput: when it gives something else.
    """
    if isinstance(part, Remote):
        given = part.invoke("imagine", latents, actions)
    elif callable(getattr(part, "imagine", None)):
        given = part.imagine(latents.copy(), actions.copy())  # type: ignore[attr-defined]
    else:
        raise UserError(
            f"{type(part).__name__} has no method imagine: it learns no model.", "Use spr or vcr."
        )
    made, wanted = np.asarray(given), (len(latents), actions.shape[1], *latents.shape[1:])
    if made.shape != wanted or made.dtype.kind != "f" or not np.isfinite(made).all():
        raise InvalidOutput(f"Imagined latents are to be finite numbers {wanted}.")
    return made.astype(np.float32)


def scored(
    imagine: Callable[[Floats, NDArray[Any]], Floats],
    data: Trajectories,
    returns: Floats,
    begins: Ints,
    horizons: Sequence[int],
    ahead: int,
    values: Values,
    preferred: Callable[[Floats], Ints],
) -> dict[str, float]:
    """Measures of one draw of starts, each for the model and for the latent that is kept.

    It is imagined anew for each k, from the k actions before: what a model says of a step
    cannot depend on what was done there or later.

    Args:
        imagine: latents (B, ...) and actions (B, K, ...) to latents (B, K, ...).
        data: held-out trajectories.
        returns: (N,), discounted, of each step.
        begins: (B,), steps from which it is imagined.
        horizons: k at which values, actions and latents are compared.
        ahead: K of the Q-error, which is the mean over k = 1..K.
        values: action values (N,) of latents and actions.
        preferred: best actions (N,) of latents.

    Returns:
        "error" of the model, "kept" that of the first latent kept, "real" that of the real
        latents; and for each k "value_k", "kept_value_k", "agreement_k" and "cosine_k".
    """
    steps = begins[:, None] + np.arange(1, max(horizons) + 1)
    first, done = data.latents[begins], data.actions[steps - 1]
    found: dict[str, float] = {}
    errors: dict[str, list[float]] = {"error": [], "kept": [], "real": []}
    for k in range(1, max(horizons) + 1):
        rows = steps[:, k - 1]
        real, mine = data.latents[rows], imagine(first, done[:, :k])[:, -1]
        of = [values(each, data.actions[rows]) for each in (mine, first, real)]
        if k <= ahead:
            for name, value in zip(errors, of, strict=True):
                errors[name].append(float(np.square(value - returns[rows]).mean()))
        if k in horizons:
            found[f"value_{k}"] = float(np.abs(of[0] - of[2]).mean())
            found[f"kept_value_{k}"] = float(np.abs(of[1] - of[2]).mean())
            found[f"agreement_{k}"] = float((preferred(mine) == preferred(real)).mean())
            found[f"cosine_{k}"] = float(cosine(mine, real).mean())
    return {name: fmean(each) for name, each in errors.items()} | found


def cosine(a: Floats, b: Floats) -> Floats:
    """Cosine (N,) between the rows of two arrays (N, ...)."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    size = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    found: Floats = (a * b).sum(1) / np.maximum(size, 1e-8)
    return found


def summary(rows: Sequence[EpisodeRow], horizons: Sequence[int]) -> dict[str, float]:
    """Means over worlds.

    `q_error` is Eq 7 as a share of that of the first latent kept, `real` the same of the real
    latents; `value_k` is the distance between values of imagined and real latents, as such
    a share; agreement of the best action and cosine are as they are.
    """
    each = [
        _world([row for row in rows if row["world"] == name], horizons) for name in worlds(rows)
    ]
    return {name: fmean(found[name] for found in each) for name in each[0]}


def worlds(rows: Sequence[EpisodeRow]) -> list[str]:
    """Their names, in order."""
    return list(dict.fromkeys(str(row["world"]) for row in rows))


def _world(rows: Sequence[EpisodeRow], horizons: Sequence[int]) -> dict[str, float]:
    def mean(name: str) -> float:
        return fmean(float(row[name]) for row in rows)

    found = {"q_error": mean("error") / mean("kept"), "real": mean("real") / mean("kept")}
    for k in horizons:
        found[f"value_{k}"] = mean(f"value_{k}") / mean(f"kept_value_{k}")
        found[f"agreement_{k}"] = mean(f"agreement_{k}")
        found[f"cosine_{k}"] = mean(f"cosine_{k}")
    return found

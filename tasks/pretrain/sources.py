"""Pictures of a protocol: without labels to learn from, with labels to probe by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from leapbench import data
from leapbench.contract import seeds
from leapbench.envs.pretrain import pictures
from leapbench.envs.pretrain.pictures import Asked, Labels, Split
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Pixels
from leapbench.errors import UserError

LARGEST = 200_000
"""Pictures of a split, at most."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """What a protocol is made of.

    Attributes:
        train: uint8 (N, H, W, C), without labels.
        fit: what probes are fitted on; its pictures are among `train`.
        test: what they are tested on.
    """

    train: Pixels
    fit: Split
    test: Split


def load(settings: Mapping[str, Any], seed_key: str, shape: Shape, salt: str = "") -> Pictures:
    """The pictures of a protocol, the same for every agent and seed.

    Args:
        settings: `data`, the name of a data set, and `counts` of pictures: train, fit, test,
            and of composed ones, places_fit and places_test.
        seed_key: entropy of the protocol.
        shape: sizes of views.
        salt: secret of an audit, which chooses the test pictures anew.

    Raises:
        UserError: when the data set is not here, or has too few pictures.
    """
    counts = {name: int(count) for name, count in settings["counts"].items()}
    if not all(0 < count <= LARGEST for count in counts.values()):
        raise UserError(f"Counts of pictures are 1 to {LARGEST:,}, got {counts}.")
    return _loaded(str(settings["data"]), tuple(sorted(counts.items())), seed_key, shape, salt)


@lru_cache(maxsize=2)
def _loaded(
    name: str, pairs: tuple[tuple[str, int], ...], seed_key: str, shape: Shape, salt: str
) -> Pictures:
    counts = dict(pairs)
    first, second, third = seeds.stream(seed_key, "train", 3)
    (held,) = seeds.stream(seed_key, "test", 1, salt=salt)
    images, labels = _chosen(name, "train", first)
    asked, wanted = _chosen(name, "test", held)
    if images.shape[1] < shape.size:  # drawn larger, and somewhere
        train = pictures.digits(images, labels, counts["train"], shape, second)
        fit = pictures.digits(images, labels, counts["fit"], shape, third)
        test = pictures.digits(asked, wanted, counts["test"], shape, held)
        return Pictures(train.whole.images, fit, test)
    for have, want in ((images, max(counts["train"], counts["fit"])), (asked, counts["test"])):
        if len(have) < want:
            raise UserError(f"{name} has {len(have):,} pictures where {want:,} are wanted.")
    count = data.get(name).classes
    splits = [
        Split(
            Asked(these[:n], kinds[:n], count),
            pictures.composed(these, kinds, m, shape, seed),
        )
        for these, kinds, n, m, seed in (
            (images, labels, counts["fit"], counts["places_fit"], third),
            (asked, wanted, counts["test"], counts["places_test"], held),
        )
    ]
    return Pictures(images[: counts["train"]], *splits)


def _chosen(name: str, split: str, seed: int) -> tuple[Pixels, Labels]:
    """Pictures and labels of a split, in an order that is drawn."""
    if "test" in data.get(name).splits:
        images, labels = data.load(name, split)
    else:  # the last quarter is held out
        images, labels = data.load(name, "train")
        cut = 3 * len(images) // 4
        part = slice(0, cut) if split == "train" else slice(cut, None)
        images, labels = images[part], labels[part]
    order = np.random.default_rng(seed).permutation(len(images))
    return images[order], labels[order]

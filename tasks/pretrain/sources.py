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
from leapbench.tasks.pretrain import folder
from leapbench.tasks.pretrain.folder import FolderPictures

LARGEST = 2_000_000
"""Pictures of a split, at most."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """What a protocol is made of.

    Attributes:
        train: uint8 (N, H, W, C), without labels; of an image folder, what decodes them.
        fit: what probes are fitted on; its pictures are among `train`.
        test: what they are tested on.
    """

    train: Pixels | FolderPictures
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
    if data.get(name).streamed:
        stored, kinds = folder.chosen(name, "train", shape, first)
        known = stored[: counts["fit"]], kinds[: counts["fit"]]
        others, kinds = folder.chosen(name, "test", shape, held)
        asked = others[: counts["test"]], kinds[: counts["test"]]
        splits = _splits(name, counts, known, asked, shape, (third, held))
        return Pictures(stored.first(counts["train"]), *splits)
    known, asked = _chosen(name, "train", first), _chosen(name, "test", held)
    if known[0].shape[1] < shape.size:  # drawn larger, and somewhere
        train = pictures.digits(*known, counts["train"], shape, second)
        fit = pictures.digits(*known, counts["fit"], shape, third)
        return Pictures(
            train.whole.images, fit, pictures.digits(*asked, counts["test"], shape, held)
        )
    _enough(name, len(known[0]), counts["train"])
    splits = _splits(name, counts, known, asked, shape, (third, held))
    return Pictures(known[0][: counts["train"]], *splits)


def _splits(
    name: str,
    counts: Mapping[str, int],
    known: tuple[Pixels, Labels],
    asked: tuple[Pixels, Labels],
    shape: Shape,
    drawn: tuple[int, int],
) -> list[Split]:
    """What probes are fitted on, and what they are tested on."""
    made = []
    for part, (these, kinds), seed in zip(("fit", "test"), (known, asked), drawn, strict=True):
        count = counts[part]
        _enough(name, len(these), count)
        whole = Asked(these[:count], kinds[:count], data.get(name).classes)
        places = pictures.composed(these, kinds, counts[f"places_{part}"], shape, seed)
        made.append(Split(whole, places))
    return made


def _enough(name: str, have: int, want: int) -> None:
    if have < want:
        raise UserError(f"{name} has {have:,} pictures where {want:,} are wanted.")


def _chosen(name: str, split: str, seed: int) -> tuple[Pixels, Labels]:
    """Pictures and labels of a split, in an order that is drawn."""
    last = next((part for part in ("test", "val") if part in data.get(name).splits), None)
    if last:
        images, labels = data.load(name, split if split == "train" else last)
    else:  # the last quarter is held out
        images, labels = data.load(name, "train")
        cut = 3 * len(images) // 4
        part = slice(0, cut) if split == "train" else slice(cut, None)
        images, labels = images[part], labels[part]
    order = np.random.default_rng(seed).permutation(len(images))
    return images[order], labels[order]

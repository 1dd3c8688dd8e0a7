"""Training, held-out and test images of a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from leapbench import data
from leapbench.contract import seeds
from leapbench.envs.latency.needle import Pictures, digits, enlarged, needles
from leapbench.tasks.latency import folder

SPLITS = ("train", "calibration", "test")
SETTINGS = ("data", *SPLITS, "side")
"""What pictures depend on."""
HELD = 0.15
"""Share of the training items that held-out needles are made of."""


@cache
def load(settings: tuple[tuple[str, Any], ...], seed_key: str, salt: str = "") -> Mapping[str, Any]:
    """Images of each split, by name; every agent and every seed meets the same.

    Args:
        settings: `data`, and sizes `train`, `calibration` and `test`; of needle images
            perhaps `side`, pixels of the canvas, three times those of an item otherwise; of
            folders that do not fit into memory `side`, pixels of a crop.
        seed_key: entropy of the protocol.
        salt: secret of an audit, which draws every image anew.
    """
    own = dict(settings)
    name, _, kind = own["data"].partition("-needles")
    del kind
    rng = np.random.default_rng(seeds.sequence(seed_key, "train", 7, salt=salt))
    sizes = {split: int(own[split]) for split in SPLITS}
    if own["data"].endswith("-needles"):
        return _needles(name, sizes, own.get("side"), rng)
    if data.get(name).streamed:
        return folder.load(name, sizes, own["side"], rng)
    return _plain(name, sizes, rng)


def _needles(
    name: str, sizes: Mapping[str, int], side: int | None, rng: np.random.Generator
) -> dict[str, Pictures]:
    (items, labels), (last, answers) = _items(name, "train"), _items(name, "test")
    order = rng.permutation(len(labels))
    held = order[: int(HELD * len(order))]
    rest = order[len(held) :]
    side = side or 3 * items.shape[1]
    sources = {
        "train": (items[rest], labels[rest]),
        "calibration": (items[held], labels[held]),
        "test": (last, answers),
    }
    return {split: needles(*sources[split], sizes[split], side, rng) for split in SPLITS}


def _items(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    if name == "digits":
        return digits(split)
    images, labels = data.load(name, split)
    return enlarged(images[..., 0], 1, 255.0), labels


def _plain(name: str, sizes: Mapping[str, int], rng: np.random.Generator) -> dict[str, Pictures]:
    """Whole pictures: training and held-out ones of the data set's training part."""
    last = "test" if "test" in data.get(name).splits else "val"
    (images, labels), (others, answers) = data.load(name, "train"), data.load(name, last)
    order = rng.permutation(len(labels))
    ends = np.cumsum([sizes["train"], sizes["calibration"]])
    parts = {
        "train": (images[order[: ends[0]]], labels[order[: ends[0]]]),
        "calibration": (images[order[ends[0] : ends[1]]], labels[order[ends[0] : ends[1]]]),
    }
    chosen = np.sort(rng.permutation(len(answers))[: sizes["test"]])
    parts["test"] = (others[chosen], answers[chosen])
    pixels = parts["train"][0].astype(np.float32) / 255.0
    mean, deviation = pixels.mean((0, 1, 2)), pixels.std((0, 1, 2))

    def scaled(found: np.ndarray) -> np.ndarray:
        normal = (found.astype(np.float32) / 255.0 - mean) / deviation
        return np.ascontiguousarray(normal.transpose(0, 3, 1, 2), np.float32)

    return {split: Pictures(scaled(x), y.astype(np.int64)) for split, (x, y) in parts.items()}

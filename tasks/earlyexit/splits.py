"""Disjoint training, calibration and test samples of a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leapbench import data
from leapbench.contract import seeds
from leapbench.tasks.earlyexit.clutter import cluttered


@dataclass(frozen=True)
class Split:
    """Normalised images and their labels, int64 (N,).

    `images` is float32 (N, C, H, W), or decodes such arrays when indexed.
    """

    images: Any
    labels: np.ndarray


def load(settings: Mapping[str, Any], seed_key: str, salt: str = "") -> dict[str, Split]:
    """Read the data set of a protocol and split it.

    Which samples go where, and the noise on each, depend on the protocol alone,
    so that every agent and every seed meets the same data. Training and
    calibration samples come from the data set's training part; so does the test
    split where the data set has no test part.

    Args:
        settings: `data`, `noise` (largest standard deviation of the per-sample
            Gaussian noise, in units of the pixel range) and the sizes `train`,
            `calibration` and `test` (0 takes the whole test part), in samples of the data
            set. Where there are `canvas`, `pieces` and `copies`, pictures stand among clutter;
            see `clutter.cluttered`.
        seed_key: entropy of the protocol.
        salt: secret of an audit, which draws every sample and its noise anew, from the
            training and the test part together; empty for the public split.
    """
    shuffle, grain = (seeds.sequence(seed_key, "train", 1, i, salt=salt) for i in range(2))
    pool, labels = data.load(settings["data"], "train")
    sizes = {name: int(settings[name]) for name in ("train", "calibration")}
    held = None if settings["test"] == "rest" else data.load(settings["data"], "test")
    if held and salt:
        pool = np.concatenate([pool, held[0]])
        labels = np.concatenate([labels, held[1]])
        sizes, held = sizes | {"test": len(held[1])}, None
    order = np.random.default_rng(shuffle).permutation(len(labels))
    ends = np.cumsum([0, *sizes.values()])
    index = {name: order[a:b] for name, a, b in zip(sizes, ends, ends[1:], strict=False)}
    index.setdefault("test", order[ends[-1] :])
    parts = {name: (pool[each], labels[each]) for name, each in index.items()}
    if held:
        parts["test"] = held
    rng = np.random.default_rng(grain)
    if "canvas" in settings:
        # After the split: no digit lends a piece to a picture of another split.
        canvas, pieces, copies = (int(settings[name]) for name in ("canvas", "pieces", "copies"))
        parts = {
            name: (cluttered(images, canvas, pieces, copies, rng), np.tile(y, copies))
            for name, (images, y) in parts.items()
        }
    noisy = {
        name: (_noise(images, settings["noise"], rng), y) for name, (images, y) in parts.items()
    }
    mean, deviation = _moments(noisy["train"][0])
    return {
        name: Split(
            np.ascontiguousarray(((x - mean) / deviation).transpose(0, 3, 1, 2), np.float32),
            y.astype(np.int64),
        )
        for name, (x, y) in noisy.items()
    }


def _noise(images: np.ndarray, largest: float, rng: np.random.Generator) -> np.ndarray:
    """Pixels in [0, 1] plus Gaussian noise whose deviation is U(0, `largest`) a sample."""
    pixels = images.astype(np.float32) / 255.0
    if largest > 0:
        deviation = rng.uniform(0.0, largest, (len(pixels), 1, 1, 1)).astype(np.float32)
        pixels += deviation * rng.standard_normal(pixels.shape, dtype=np.float32)
    return pixels


def _moments(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel, (C,)."""
    axes = (0, 1, 2)
    return images.mean(axes, dtype=np.float64), images.std(axes, dtype=np.float64)

"""How much to keep at which budget: found on held-out images, by what devices charge."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.envs.latency.budget.observation import device_row
from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.envs.latency.lessons import Lessons

Floats = NDArray[np.float64]
BATCH = 100


class Knobs:
    """What a policy of masks does at each setting of one knob.

    Args:
        accuracy: float64 (K,), on held-out images.
        costs: float64 (D, K), mean price of an image over the static latency, by device.
        devices: float32 (D, 6), as observations show them.
        chance: accuracy of guessing.
    """

    def __init__(
        self, accuracy: Floats, costs: Floats, devices: NDArray[np.float32], chance: float
    ) -> None:
        self.accuracy, self.costs = accuracy, costs
        self.devices, self.chance = devices, chance

    def choose(self, rows: NDArray[np.float32], left: NDArray[np.float32]) -> NDArray[np.int64]:
        """The setting that promises most for what is left, int64 (B,).

        A setting that costs more than what is left can be paid for a part of the images, and
        the others are guessed: its promise is chance + (accuracy - chance) min(1, left / cost).

        Args:
            rows: numbers of each device, (B, 6).
            left: what is left for an image, over the static latency, (B,).
        """
        near = np.abs(rows[:, None] - self.devices).sum(2).argmin(1)
        costs = self.costs[near]
        paid = np.minimum(1.0, (left[:, None] + 1e-6) / costs)
        promise = self.chance + (self.accuracy - self.chance) * paid
        return np.asarray((promise - 1e-6 * costs).argmax(1))

    def record(self) -> dict[str, Any]:
        """As JSON data."""
        each: dict[str, Any] = {
            "accuracy": self.accuracy,
            "costs": self.costs,
            "devices": self.devices,
        }
        return {name: value.tolist() for name, value in each.items()} | {"chance": self.chance}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Knobs:
        """From what `record` gave."""
        devices = np.array(record["devices"], np.float32)
        accuracy, costs = np.array(record["accuracy"]), np.array(record["costs"])
        return cls(accuracy, costs, devices, float(record["chance"]))


def measured(
    network: DynamicNetwork, lessons: Lessons, knobs: int, masks: Any, masked: bool
) -> Knobs:
    """Run held-out images at every setting.

    Args:
        network: in evaluation mode.
        lessons: images and devices.
        knobs: number of settings, K.
        masks: called with block, what comes in (B, C, H, W), setting, and positions of the images
            among the held-out ones; gives which cells to keep, bool (B, 1, m, m).
        masked: whether devices charge for maskers.
    """
    images, labels = lessons.calibration.images, lessons.calibration.labels
    counts = np.zeros((knobs, len(labels), len(network.blocks)), np.int64)
    right = np.zeros((knobs, len(labels)))
    where = next(network.parameters()).device
    for knob in range(knobs):
        for start in range(0, len(labels), BATCH):
            part = slice(start, start + BATCH)
            x = torch.tensor(images[part]).contiguous(memory_format=torch.channels_last).to(where)
            index = np.arange(len(labels))[part]
            with torch.no_grad():
                x = network.stem(x)
                for place, block in enumerate(network.blocks):
                    mask = masks(place, x, knob, index)
                    counts[knob, part, place] = mask.flatten(1).sum(1).cpu().numpy()
                    x = block(x, mask)
                answers = network.head(x).argmax(1).cpu().numpy()
            right[knob, part] = answers == labels[part]
    names = list(lessons.devices)
    costs = [
        lessons.prices(name, network.shape, masked).of(counts).sum(-1).mean(1)
        / lessons.static[name]
        for name in names
    ]
    rows = np.stack([device_row(lessons.devices[name]) for name in names])
    return Knobs(right.mean(1), np.stack(costs), rows, 1 / network.shape.classes)

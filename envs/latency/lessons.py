"""What a policy of masks may learn from: a trained network, images, and what devices charge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leapbench.envs.latency.budget.prices import Prices, prices
from leapbench.envs.latency.device import Device
from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.envs.latency.needle import Pictures
from leapbench.envs.latency.shape import Shape


@dataclass(frozen=True)
class Lessons:
    """Data of the phase in which masks are learned.

    Attributes:
        network: trained densely, in evaluation mode; to be copied, not changed.
        train: images, labels and boxes to learn from.
        stream: gives batches of (positions in `train`, labels), metered in samples.
        calibration: held out, to find out what masks do.
        devices: by name, with the batch that is charged for.
        static: picoseconds an image that budgets are shares of, by device.
    """

    network: DynamicNetwork
    train: Pictures
    stream: Any
    calibration: Pictures
    devices: Mapping[str, Device]
    static: Mapping[str, int]

    def prices(self, device: str, shape: Shape, masked: bool = True) -> Prices:
        """What the network of a shape costs on a device."""
        return prices(self.devices[device], shape, masked)

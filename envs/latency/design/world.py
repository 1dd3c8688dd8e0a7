"""Designs with their accuracies, devices with their latencies, and what a choice earns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.latency.budget.observation import device_row
from leapbench.envs.latency.device import Device, batched
from leapbench.envs.latency.predictor import dynamic_block, static_block
from leapbench.envs.latency.shape import Shape
from leapbench.errors import UserError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TABLE = Path(__file__).parent / "designs.npz"
DEVICES = ("cpu-zen5", "nano", "rtx3060", "rtx3090", "tx2", "v100")
BATCHES = (1, 8, 32, 128)
"""Images that a device computes together."""
COLUMNS = 8


@dataclass(frozen=True)
class Designs:
    """Trained networks and what they do; `python -m leapbench.studies.latency.designs` makes them.

    Attributes:
        shape: of the network; its granularity is that of no design.
        granularity: int64 (D, stages), side of a cell in each stage.
        seen: float64 (D, K), accuracy on held-out images, for those who choose.
        accuracy: float64 (D, K), on other images, which is what is earned.
        rates: float64 (D, K, blocks), mean share of cells that are kept.
        multiply_adds: float64 (D, K), over those of the static network.
    """

    shape: Shape
    granularity: Ints
    seen: Floats
    accuracy: Floats
    rates: Floats
    multiply_adds: Floats

    @property
    def count(self) -> int:
        """Designs times targets: what there is to choose from."""
        return self.accuracy.size


@cache
def designs(path: Path = TABLE) -> Designs:
    """Read a table.

    Raises:
        UserError: when it is absent or none.
    """
    try:
        with np.load(path, allow_pickle=False) as table:
            kept = {name: table[name] for name in table.files}
        shape = Shape(
            image=tuple(kept["image"].tolist()),
            classes=10,
            stem=int(kept["channels"][0]),
            channels=tuple(kept["channels"].tolist()),
            depths=tuple(kept["depths"].tolist()),
            granularity=(1,) * len(kept["channels"]),
        )
        each = (kept[n].astype(float) for n in ("seen", "accuracy", "rates", "multiply_adds"))
        return Designs(shape, kept["granularity"].astype(np.int64), *each)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} is not a table of designs: {error}.") from None


class DesignWorld:
    """Latency of every design on every device, and the rules.

    Attributes:
        designs: what there is to choose from.
        devices: one a device and batch.
        latency: float64 (C, D * K), over the static latency there.
        accuracy: float64 (D * K,).
        rows: float32 (C, 7), what is seen of a device.
    """

    def __init__(self, found: Designs, devices: tuple[Device, ...]) -> None:
        self.designs, self.devices = found, devices
        self.accuracy = found.accuracy.ravel()
        self.latency = np.stack([latencies(device, found) for device in devices])
        batches = np.log10([[device.batch] for device in devices])
        rows = np.stack([device_row(device) for device in devices])
        self.rows = np.concatenate([rows, batches], 1).astype(np.float32)
        self.low, self.high = self.latency.min(1) * 1.01, self.latency.max(1)

    def draw(self, rng: np.random.Generator) -> tuple[int, float]:
        """A device and a budget between its fastest and its slowest design."""
        place = int(rng.integers(len(self.devices)))
        return place, float(rng.uniform(self.low[place], self.high[place]))

    def reward(self, places: Ints, budgets: Floats, chosen: Ints) -> Floats:
        """The accuracy of each choice; 0 where it is slower than the budget."""
        able = self.latency[places, chosen] <= budgets
        return np.where(able, self.accuracy[chosen], 0.0)

    def best(self, places: Ints, budgets: Floats) -> Floats:
        """What the best choice earns."""
        able = self.latency[places] <= budgets[:, None]
        return np.asarray(np.where(able, self.accuracy, 0.0).max(1))

    def observe(self, places: Ints, budgets: Floats) -> NDArray[np.float32]:
        """Observations float32 (n, 8)."""
        out = np.empty((len(places), COLUMNS), np.float32)
        out[:, :-1], out[:, -1] = self.rows[places], budgets
        return out

    def told(self, places: Ints, budgets: Floats, chosen: Ints) -> dict[str, Floats]:
        """What final infos hold, (n,) each."""
        accuracy, latency = self.accuracy[chosen], self.latency[places, chosen]
        earned = np.where(latency <= budgets, accuracy, 0.0)
        regret = self.best(places, budgets) - earned
        return {"accuracy": accuracy, "latency": latency, "budget": budgets, "regret": regret}

    def info(self, place: int, budget: float, chosen: int) -> dict[str, float]:
        """Final info of one episode."""
        one = np.array([place]), np.array([budget]), np.array([chosen])
        return {name: float(value[0]) for name, value in self.told(*one).items()}


def latencies(device: Device, found: Designs) -> Floats:
    """Latency of every design over the static one, (D * K,), from its mean rates."""
    blocks = found.shape.blocks
    total = np.zeros(found.accuracy.shape)
    for place, block in enumerate(blocks):
        sides = found.granularity[:, block.stage]
        for side in np.unique(sides):
            some, cells = sides == side, (block.size // side) ** 2
            rates = np.maximum(found.rates[some, :, place] - 1e-6 / cells, 0.0)
            total[some] += dynamic_block(device, block, int(side), rates)
    return (total / sum(static_block(device, block) for block in blocks)).ravel()


@cache
def packaged() -> DesignWorld:
    """The table that comes with the suite, on every device with every batch."""
    devices = tuple(batched(name, batch) for name in DEVICES for batch in BATCHES)
    return DesignWorld(designs(), devices)

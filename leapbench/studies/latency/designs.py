"""Makes the table of designs: `python -m leapbench.studies.latency.designs`.

The packaged network learns masks of every combination of granularities, and is looked at where
it keeps given shares of cells. About one CPU-minute.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import torch

from leapbench.agents.latency.common import losses
from leapbench.agents.latency.lasnet.policy import LASNet
from leapbench.envs.latency import packaged
from leapbench.envs.latency.design.world import TABLE
from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.envs.latency.needle import Pictures, digits, needles
from leapbench.studies.latency import lessons

GRAINS = ((1, 4, 8), (1, 4), (1, 2))
"""Sides of a cell that each stage may have."""
KEPT = (0.1, 0.2, 0.3, 0.45, 0.7, 1.0)
"""Mean shares of cells at which a network is looked at."""
MASKS = 3200
"""Samples that the masks of one design are learned from."""
SEARCHED = 150
"""Images on which thresholds are looked for."""


def main() -> None:
    """Train all designs and write `envs/latency/design/designs.npz`."""
    train, held = lessons.images()
    items, labels = digits("test")
    scored = needles(items, labels, len(held), 48, np.random.default_rng(lessons.SEED + 2))
    few = Pictures(held.images[:100], held.labels[:100])
    network = packaged.network()
    grains = list(product(*GRAINS))
    found = []
    for place, each in enumerate(grains):
        policy = LASNet(granularity="-".join(map(str, each)))
        lessons.masked(policy, network, train, few, MASKS)
        assert policy.network is not None  # noqa: S101 - for the type checker
        found.append([looked(policy.network, held, scored, share) for share in KEPT])
        print(f"\n{place + 1} of {len(grains)}: {each} {[row[0] for row in found[-1]]}")  # noqa: T201
    seen, accuracy, rates, counted = zip(*(zip(*rows, strict=True) for rows in found), strict=True)
    np.savez_compressed(
        TABLE,
        image=np.array(lessons.SHAPE.image),
        channels=np.array(lessons.SHAPE.channels),
        depths=np.array(lessons.SHAPE.depths),
        granularity=np.array(grains),
        seen=np.round(np.array(seen), 5),
        accuracy=np.round(np.array(accuracy), 5),
        rates=np.round(np.array(rates), 5),
        multiply_adds=np.round(np.array(counted), 5),
    )


@torch.no_grad()
def looked(
    network: DynamicNetwork, held: Pictures, scored: Pictures, share: float
) -> tuple[float, float, list[float], float]:
    """Two accuracies, mean share of cells of each block, and multiply-adds over the static ones.

    The first accuracy is on held-out images, for those who choose; the other one and the rates
    are on other images, for what is earned.

    All blocks keep cells whose probability reaches one threshold, at which they keep `share` of
    their cells on average.
    """
    images, others = (
        torch.tensor(each.images).contiguous(memory_format=torch.channels_last)
        for each in (held, scored)
    )
    low, high = 0.0, 1.0 if share < 1 else 0.0
    for _ in range(8 if share < 1 else 0):  # what is kept falls as the threshold rises
        middle = (low + high) / 2
        _, masks = masked(network, images[:SEARCHED], middle)
        kept = np.mean([float(mask.mean()) for mask in masks])
        low, high = (middle, high) if kept > share else (low, middle)
    first, _ = masked(network, images, (low + high) / 2)
    x, masks = masked(network, others, (low + high) / 2)
    seen, right = (
        float((network.head(maps).argmax(1).numpy() == each.labels).mean())
        for maps, each in ((first, held), (x, scored))
    )
    total, _ = losses.shares(network, masks)
    return seen, right, [float(mask.mean()) for mask in masks], float(total)


def masked(
    network: DynamicNetwork, images: torch.Tensor, threshold: float
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The last map, and the masks of all blocks where probabilities reach a threshold."""
    x, masks = network.stem(images), []
    for block in network.blocks:
        scores = block.scores(x)  # type: ignore[operator]
        masks.append((torch.sigmoid(scores[:, :1] - scores[:, 1:]) >= threshold).float())
        x = block(x, masks[-1])
    return x, masks


if __name__ == "__main__":
    main()

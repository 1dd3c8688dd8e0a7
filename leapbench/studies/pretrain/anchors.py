"""Ends of the scale of `pretrain` tasks: encoders that learned nothing, and ones shown labels.

    python -m leapbench.studies.pretrain.anchors pretrain/cifar10 --tier lite

Prints the table `anchors` of the protocol. The upper end of matching patches is 1, as labels
do not teach it.
"""

from __future__ import annotations

import argparse
import sys
from typing import get_args

import numpy as np

from leapbench.agents.pretrain.supervised.method import Supervised
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter
from leapbench.contract.task import Protocol, Tier
from leapbench.envs.pretrain import probes, views
from leapbench.envs.pretrain.network import Encoder
from leapbench.envs.pretrain.objective import Objective
from leapbench.envs.pretrain.probes import DENSE, SEMANTIC
from leapbench.envs.pretrain.rates import Rates
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.training import Trainer, tokens
from leapbench.envs.threads import one_thread
from leapbench.studies.progress import shown
from leapbench.tasks.pretrain import sources
from leapbench.tasks.pretrain.data import MeteredViews

FIRST = 100
"""Seeds of no board begin here."""


def ends(protocol: Protocol, count: int) -> dict[str, tuple[float, float]]:
    """Means of each measure over `count` encoders of either kind."""
    settings = protocol.settings
    shape = Shape(**settings["network"])
    pictures = sources.load(settings, protocol.seed_key, shape)
    found: list[list[dict[str, float]]] = [[], []]
    for i in range(count):
        encoders = (
            Trainer(shape, Objective(), Rates(), FIRST + i).encoder,
            _supervised(protocol, shape, pictures, FIRST + i),
        )
        for k, encoder in enumerate(encoders):
            shown((2 * i + k) / (2 * count), f"encoder {2 * i + k + 1} of {2 * count}")
            found[k].append(_measured(encoder, shape, pictures, FIRST + i))
    low, high = (
        {name: float(np.mean([row[name] for row in rows])) for name in (*SEMANTIC, *DENSE)}
        for rows in found
    )
    return {name: (low[name], 1.0 if name == "matched" else high[name]) for name in low}


def _supervised(protocol: Protocol, shape: Shape, pictures: sources.Pictures, seed: int) -> Encoder:
    presets = {k.rpartition(".")[2]: v for k, v in protocol.presets.items()}
    own = {k: v for k, v in presets.items() if k in ("area", "flip", "updates")}
    part = Supervised(**own)  # type: ignore[arg-type]
    meter = Meter(protocol.phases[0].budget)
    part.learn(LearningPhase("labels", meter, seed, {}, MeteredViews(pictures.train, shape, meter)))
    part.bind(pictures.fit)
    return part.encoder


def _measured(
    encoder: Encoder, shape: Shape, pictures: sources.Pictures, seed: int
) -> dict[str, float]:
    with one_thread():
        return probes.measured(
            lambda images: tokens(encoder, views.whole(images, shape.size)),
            shape,
            pictures.fit,
            pictures.test,
            seed,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", help="such as pretrain/digits")
    parser.add_argument("--tier", choices=get_args(Tier), default="smoke")
    parser.add_argument("--seeds", type=int, default=3, help="encoders of either kind")
    args = parser.parse_args()
    protocol = registry.task(args.task).protocols[args.tier]
    for name, (low, high) in ends(protocol, args.seeds).items():
        sys.stdout.write(f"{name} = [{low:.3f}, {high:.3f}]\n")


if __name__ == "__main__":
    main()

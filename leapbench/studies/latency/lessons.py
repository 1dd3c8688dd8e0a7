"""Images and a densely trained network for the studies; no task's seeds are used."""

from __future__ import annotations

import numpy as np
import torch

from leapbench.agents.latency.lasnet.policy import LASNet
from leapbench.agents.latency.resnet.model import ResNet
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter, MeteredStream
from leapbench.contract.task import Budget
from leapbench.envs.latency.budget.prices import prices
from leapbench.envs.latency.device import batched
from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.envs.latency.lessons import Lessons
from leapbench.envs.latency.needle import Pictures, digits, needles
from leapbench.envs.latency.shape import Shape
from leapbench.studies.progress import shown

SHAPE = Shape((1, 48, 48), 10, 32, (32, 64, 128), (2, 2, 2), (4, 2, 1))
TRAIN, HELD, SEED = 8000, 600, 61
DENSE = 32_000
"""Samples of the dense training."""


def images() -> tuple[Pictures, Pictures]:
    """Needles to train with, and others made of held-out digits of the same part."""
    torch.set_num_threads(1)
    items, labels = digits("train")
    rng = np.random.default_rng(SEED)
    train = needles(items[:1000], labels[:1000], TRAIN, 48, rng)
    return train, needles(items[1000:], labels[1000:], HELD, 48, rng)


def dense(train: Pictures) -> DynamicNetwork:
    """The network of `SHAPE`, trained densely."""
    meter = Meter(Budget(unit="samples", limit=DENSE))
    phase = LearningPhase("train", meter, SEED, {"networks": {"full": vars(SHAPE)}})
    phase.data, phase.report = MeteredStream(train.images, train.labels, meter), shown
    model = ResNet()
    model.learn(phase)
    assert model.network is not None  # noqa: S101 - for the type checker
    return model.network


def masked(
    policy: LASNet, network: DynamicNetwork, train: Pictures, held: Pictures, samples: int
) -> LASNet:
    """The policy after learning masks for the network."""
    device = batched("v100", 128)
    meter = Meter(Budget(unit="samples", limit=samples))
    lessons = Lessons(
        network,
        train,
        MeteredStream(np.arange(len(train)), train.labels, meter),
        held,
        {"v100": device},
        {"v100": prices(device, network.shape).static},
    )
    policy.learn(LearningPhase("masks", meter, SEED + 1, {}, data=lessons, report=shown))
    return policy

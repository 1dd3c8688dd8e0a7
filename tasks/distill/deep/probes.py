"""What a convolutional checkpoint's features say of the image and of its class (section 3.3).

The decoder is that of the paper's appendix: the last feature maps, enlarged to the image's
size, a 3 x 3 convolution to 12 channels, normalised, ReLU, and one to 3, trained by Adam on the
binary cross entropy of pixels. The paper trains to convergence, here `EPOCHS` passes are made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leapbench.envs.distill.deep.images import Images
from leapbench.envs.distill.deep.networks import Network
from leapbench.envs.distill.setup import Setup
from leapbench.tasks.distill.deep.kinds import Kind

EPOCHS, RATE, HIDDEN, SEED = 4, 1e-3, 12, 0
AT_ONCE = 256


def measure(network: Network, images: Images, batch: int, device: str) -> list[float]:
    """Errors on validation images, in nats: of a pixel's reconstruction, of the class."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        parts = nn.ModuleList(
            [decoder(network.channels), nn.Linear(network.channels, images.classes)]
        )
    parts.to(device)
    optimiser = torch.optim.Adam(parts.parameters(), RATE)
    network.eval()
    labels = torch.from_numpy(images.labels).to(device)
    each = max(1, len(labels) // batch)
    for epoch in range(EPOCHS):
        order = np.random.default_rng([SEED, epoch]).permutation(len(labels))
        for place in range(each):
            rows = order[place * batch : (place + 1) * batch]
            restored, told = _errors(network, parts, images, images.train[rows], device)
            optimiser.zero_grad()
            (restored + told(labels[torch.from_numpy(rows).to(device)])).backward()
            optimiser.step()
    parts.eval()
    found = np.zeros(2)
    right = torch.from_numpy(images.validation_labels).to(device)
    for start in range(0, len(right), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        with torch.no_grad():
            restored, told = _errors(network, parts, images, images.validation[part], device)
            share = len(right[part]) / len(right)
            found += share * np.array([float(restored), float(told(right[part]))])
    return [float(x) for x in found]


def decoder(channels: int) -> nn.Sequential:
    """From enlarged feature maps to the pixels' logits."""
    return nn.Sequential(
        nn.Conv2d(channels, HIDDEN, 3, padding=1),
        nn.BatchNorm2d(HIDDEN),
        nn.ReLU(),
        nn.Conv2d(HIDDEN, 3, 3, padding=1),
    )


def _errors(
    network: Network, parts: nn.ModuleList, images: Images, pixels: Any, device: str
) -> tuple[Tensor, Any]:
    """Mean error of the pixels, and what gives that of the classes from labels."""
    raw = torch.from_numpy(pixels).to(device)
    with torch.no_grad():
        maps = network.maps(images.seen(raw, device))
        maps = maps / maps.std().clamp_min(1e-6)
        enlarged = F.interpolate(maps, raw.shape[2:], mode="bilinear", align_corners=False)
    restored = F.binary_cross_entropy_with_logits(parts[0](enlarged), raw.float() / 255)
    logits = parts[1](maps.mean((2, 3)))
    return restored, lambda labels: F.cross_entropy(logits, labels)


def price(setup: Setup, n: int, teacher: Kind, side: int) -> int:
    """Multiply-adds of both probes of one checkpoint; the features are made anew each time."""
    each = side**2 * 9 * HIDDEN * (teacher.channels + 3) + teacher.channels * teacher.outputs
    used = n // setup.batch * setup.batch
    passes = EPOCHS * used + setup.validation
    return 3 * EPOCHS * used * each + setup.validation * each + passes * teacher.multiply_adds

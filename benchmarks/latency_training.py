"""Networks for `latency_measured.py`: trained on needle images, densely and with masks.

All of one shape: trained densely, on small canvases first; then fine-tuned with distillation
(LASNet, section 4.1) densely, or with blocks computed in the cells of the object alone, from the
same images and updates. Objects' places are known of drawn images; they stand in for masks that
are learned well, which takes more updates than a benchmark has (`agents/latency/lasnet`).
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from leapbench.envs.latency import needle
from leapbench.envs.latency.dynamic import DynamicNetwork, Shape, build

SHAPE = Shape((1, 80, 80), 10, 192, (192, 384), (2, 2), (4, 2))
BATCH, RATE = 64, 0.05
ALPHA, TEMPERATURE = 0.5, 4.0
STAGES = {"small": (12_800, 48), "dense": (2_560, 80), "tuned": (3_200, 80), "masked": (3_200, 80)}
"""Images and their side in pixels; each stage goes on from the dense ones before it."""


def images(count: int, split: str, seed: int, size: int = SHAPE.image[1]) -> needle.Pictures:
    """Needle images."""
    return needle.needles(*needle.digits(split), count, size, np.random.default_rng(seed))


def networks(folder: Path) -> dict[str, DynamicNetwork]:
    """The network after each stage, from a folder, or trained and written there."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, DynamicNetwork] = {}
    for stage, name in enumerate(STAGES):
        path = folder / f"{name}.safetensors"
        before = ["", "small", "dense", "dense"][stage]
        network = deepcopy(found[before]) if before else build(SHAPE, 0)
        if path.is_file():
            network.load_state_dict(load_file(path))
        else:
            _fit(network, name, found.get("dense"))
            save_file({k: v.contiguous() for k, v in network.state_dict().items()}, path)
        found[name] = network.eval()
    return found


def _fit(network: DynamicNetwork, name: str, teacher: DynamicNetwork | None) -> None:
    count, _ = STAGES[name]
    first = 2 * RATE if name == "small" else RATE
    optimizer = torch.optim.SGD(network.train().parameters(), first, 0.9, 0, 5e-5, nesterov=True)
    steps = count // BATCH
    for step, (batch, labels, boxes) in enumerate(_batches(name)):
        done = step / steps
        warm = min(1.0, (done + 1 / steps) / 0.1) if name == "small" else 1.0
        for group in optimizer.param_groups:
            group["lr"] = first * warm * 0.5 * (1 + cos(pi * done))
        with torch.autocast("cpu", torch.bfloat16):
            logits = masked(network, batch, boxes) if name == "masked" else network(batch)
        loss = functional.cross_entropy(logits.float(), labels)
        if teacher is not None:
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                taught = teacher.eval()(batch)
            loss = loss + ALPHA * distillation(logits.float(), taught.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            right = float((logits.argmax(1) == labels).float().mean())
            print(f"{name} {step}/{steps} loss {float(loss):.3f} right {right:.2f}", flush=True)
    network.eval()


def _batches(name: str) -> Iterator[tuple[Tensor, Tensor, np.ndarray]]:
    count, size = STAGES[name]
    first = {"small": 1, "dense": 2}.get(name, 3) * 100_000
    for number in range(count // BATCH):
        drawn = images(BATCH, "train", first + number, size)
        batch = torch.tensor(drawn.images).contiguous(memory_format=torch.channels_last)
        yield batch, torch.tensor(drawn.labels), drawn.boxes


def distillation(logits: Tensor, taught: Tensor) -> Tensor:
    """T^2 KL(taught || logits), softened."""
    logs = [(each / TEMPERATURE).log_softmax(1) for each in (logits, taught)]
    return TEMPERATURE**2 * functional.kl_div(*logs, reduction="batchmean", log_target=True)


def masked(network: DynamicNetwork, batch: Tensor, boxes: np.ndarray) -> Tensor:
    """Logits, where blocks are computed in the cells that the object touches."""
    return network(batch, [torch.from_numpy(touched(boxes, block.cells))[:, None].float()
                           for block in network.blocks])  # fmt: skip


def touched(boxes: np.ndarray, cells: int, around: int = 0) -> np.ndarray:
    """Bool (N, cells, cells): cells that a box reaches into, and so many more around them."""
    side = SHAPE.image[1] / cells
    low = (np.arange(cells) - around) * side
    high = (np.arange(cells) + 1 + around) * side
    across = (boxes[:, :1] < high) & (boxes[:, 2:3] > low)
    down = (boxes[:, 1:2] < high) & (boxes[:, 3:4] > low)
    return np.asarray(down[:, :, None] & across[:, None])

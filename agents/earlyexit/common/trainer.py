"""The one training loop of all multi-exit networks; trainers differ in the loss.

Every trainer gets the same data order, initial weights, batches, updates and
schedule for the same seed, so that their results can be paired. As in L2W-DEN,
a drawn batch is split in two halves and each half is one SGD update.
"""

from __future__ import annotations

import json
from math import cos, pi
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from leapbench.agents.common.bounds import bounded
from leapbench.agents.earlyexit.common import networks
from leapbench.agents.earlyexit.common.augment import crop_flip
from leapbench.contract.agent import LearningPhase
from leapbench.errors import unknown

Batch = tuple[Tensor, Tensor]


class Trainer:
    """Plain training: the unweighted sum of the exits' cross-entropies.

    Subclasses override `loss` (and `prepare`, `update` where they carry state).

    Args:
        network: "msdnet" or "ranet"; the protocol gives the shape.
        lr_factor: multiplies the protocol's learning rate, which a cosine anneals to 0.

    Attributes:
        momentum: of SGD, without Nesterov.
        weight_decay: L2 penalty of SGD.
    """

    momentum: ClassVar[float] = 0.9
    weight_decay: ClassVar[float] = 1e-4

    def __init__(self, network: str = "msdnet", lr_factor: float = 1.0) -> None:
        self.kind, self.lr_factor = network, lr_factor
        bounded(self, {}, positive=("lr_factor",))
        if network not in networks.FAMILIES:
            raise unknown("network", network, networks.FAMILIES)
        self.network: nn.Module = nn.Identity()
        self.shape: dict[str, Any] = {}
        self.log: list[dict[str, Any]] = []

    def loss(self, logits: list[Tensor], labels: Tensor) -> Tensor:
        """Scalar to minimise, from K logits tensors (B, classes) and labels (B,)."""
        return losses(logits, labels).mean(0).sum()

    def prepare(self, phase: LearningPhase) -> None:
        """Set up state that depends on the phase; `self.network` exists already."""

    def forward(self, images: Tensor) -> list[Tensor]:
        """Training-mode forward pass."""
        return self.network(images)  # type: ignore[no-any-return]

    def update(self, optimizer: torch.optim.SGD, train: Batch, other: Batch, step: int) -> Tensor:
        """One SGD update on `train`; gives the loss matrix (B, K), detached.

        Args:
            optimizer: SGD over the network's parameters, its rate set for this step.
            train: images and labels of this half.
            other: the batch's other half, for trainers that look at it.
            step: number of drawn batches before this one.
        """
        images, labels = train
        logits = self.forward(images)
        optimizer.zero_grad(set_to_none=True)
        self.loss(logits, labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            return losses(logits, labels)

    def learn(self, phase: LearningPhase) -> None:
        """Train until the sample budget pays for no further pass."""
        settings = phase.settings
        self.shape = dict(settings["networks"][self.kind])
        self.network = networks.build(self.kind, self.shape, phase.seed).train()
        self.network.to(phase.device)
        self.prepare(phase)
        rate = self.lr_factor * float(settings["lr"])
        optimizer = torch.optim.SGD(
            self.network.parameters(), rate, self.momentum, weight_decay=self.weight_decay
        )
        rng, noise = np.random.default_rng(phase.seed), np.random.default_rng([phase.seed, 1])
        epochs, batch = phase.data.passes, int(settings["batch"])
        steps, step = epochs * (len(phase.data) // batch), 0
        for epoch in range(epochs):
            matrices = []
            for images, labels in phase.data.epoch(batch, rng):
                optimizer.param_groups[0]["lr"] = cosine(rate, step, steps)
                if settings["augment"] == "crop-flip":
                    images = crop_flip(images, noise)
                first, second = halves(images, labels, phase.device)
                matrices.append(self.update(optimizer, first, second, step))
                matrices.append(self.update(optimizer, second, first, step))
                step += 1
                phase.report(step / steps, f"epoch {epoch + 1}/{epochs}")
            exits = torch.cat(matrices).mean(0)
            means, more = rounded(exits), self.epoch_log()
            self.log.append({"epoch": epoch + 1, "loss": means, **more})
            curves = {name: value for name, value in more.items() if isinstance(value, float)}
            phase.log(
                phase.meter.used, loss_first_exit=means[0], loss_last_exit=means[-1], **curves
            )
        self.network.eval()

    def epoch_log(self) -> dict[str, Any]:
        """Further entries of the training log, called once an epoch; floats are curves too."""
        return {}

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), shape and training log (JSON)."""
        weights = {k: v.contiguous() for k, v in self.network.state_dict().items()}
        save_file(weights, folder / "network.safetensors")
        record = {"network": self.kind, "shape": self.shape, "log": self.log}
        (folder / "training.json").write_text(json.dumps(record))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote, in evaluation mode."""
        record = json.loads((folder / "training.json").read_text())
        self.kind, self.shape, self.log = record["network"], record["shape"], record["log"]
        self.network = networks.build(self.kind, self.shape, 0)
        self.network.load_state_dict(load_file(folder / "network.safetensors"))
        self.network.eval()


def losses(logits: list[Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy of every sample at every exit, (B, K)."""
    return torch.stack([functional.cross_entropy(z, labels, reduction="none") for z in logits], 1)


def cosine(lr: float, step: int, steps: int) -> float:
    """Learning rate after `step` of `steps`, from `lr` down to 0."""
    return 0.5 * lr * (1.0 + cos(pi * step / steps))


def halves(images: np.ndarray, labels: np.ndarray, device: str = "cpu") -> tuple[Batch, Batch]:
    """Split a batch (B, C, H, W) in two, as channels-last tensors on a device."""
    x = torch.from_numpy(images).contiguous(memory_format=torch.channels_last).to(device)
    y = torch.from_numpy(labels).to(device)
    half = len(y) // 2
    return (x[:half], y[:half]), (x[half:], y[half:])


def rounded(values: Tensor) -> list[float]:
    """Tensor (K,) as floats with 5 decimals, for logs."""
    return [round(float(v), 5) for v in values]

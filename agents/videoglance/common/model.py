"""The one training loop of all models of glances; they differ in how places are learned.

Every model gets the same first weights, batches, updates and schedule for the same seed, so
that their results can be paired (section 2.3 of the family's page: policy crops and random
crops, auxiliary heads, stopped gradients).
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
from leapbench.agents.common.mlp import seeded
from leapbench.agents.common.state import broken
from leapbench.agents.videoglance.common.places import at_random, known, way
from leapbench.contract.agent import LearningPhase
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.shape import Shape, shape_of
from leapbench.envs.videoglance.tensors import pixels

WEIGHTS, RECORD = "network.safetensors", "training.json"


class GlanceModel:
    """A reading network and, unless places are drawn at random, a locator.

    Args:
        place: how places are learned: "deep-features", "glance-map", "pixels", "reinforce",
            or "random" for not at all.
        head: of the locator, "heatmap" or "sigmoid".
        lr_factor: multiplies the protocol's learning rate, which a cosine anneals to 0.
        locator_lr: multiplies it again for the locator.

    Attributes:
        network: None until learned.

    Raises:
        UserError: for an unknown way or head, or a rate that is not above 0.
    """

    momentum: ClassVar[float] = 0.9
    weight_decay: ClassVar[float] = 1e-4

    def __init__(
        self,
        place: str = "deep-features",
        head: str = "heatmap",
        lr_factor: float = 1.0,
        locator_lr: float = 5.0,
    ) -> None:
        self.place, self.head = place, head
        self.lr_factor, self.locator_lr = lr_factor, locator_lr
        known(place, head)
        bounded(self, {}, positive=("lr_factor", "locator_lr"))
        self.network: Any = None
        self.log: list[dict[str, float]] = []

    @property
    def kind(self) -> str:
        """Head of the locator; empty for none."""
        return "" if self.place == "random" else self.head

    def learn(self, phase: LearningPhase) -> None:
        """Train until the budget of clips pays for no further pass."""
        with seeded(phase.seed):
            self._learn(phase)

    def _learn(self, phase: LearningPhase) -> None:
        settings, data = phase.settings, phase.data
        shape: Shape = shape_of(dict(settings["network"]))
        network = GlanceNetwork(shape, self.kind).to(phase.device).train()
        network.reader.load_state_dict({k: torch.as_tensor(v) for k, v in data.warm.items()})
        place = way(self.place, network)
        rate = self.lr_factor * float(settings["lr"])
        optimizer = self._optimizer(network, place, rate)
        rng, coins = np.random.default_rng(phase.seed), torch.Generator().manual_seed(phase.seed)
        epochs, batch = data.passes, int(settings["batch"])
        steps, step = epochs * (len(data) // batch), 0
        for epoch in range(epochs):
            losses = []
            for frames, labels in data.epoch(batch, rng):
                for group in optimizer.param_groups:
                    group["lr"] = group["rate"] * 0.5 * (1 + cos(pi * step / steps))
                clips = pixels(frames, shape.channels).to(phase.device)
                wanted = torch.as_tensor(labels, device=phase.device)
                loss = total_loss(network, place, clips, wanted, coins)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                losses.append(float(loss.detach()))
                step += 1
                phase.report(step / steps, f"epoch {epoch + 1}/{epochs}")
            self.log.append({"epoch": epoch + 1, "loss": round(float(np.mean(losses)), 5)})
            phase.log(phase.meter.used, loss=float(np.mean(losses)))
        self.network = network.cpu().eval()

    def _optimizer(
        self, network: GlanceNetwork, place: nn.Module | None, rate: float
    ) -> torch.optim.SGD:
        groups: list[dict[str, Any]] = [{"params": list(network.reader.parameters()), "rate": rate}]
        locating = [m for m in (network.locator, place) if m is not None]
        own = [p for module in locating for p in module.parameters()]
        if own:
            groups.append({"params": own, "rate": rate * self.locator_lr})
        return torch.optim.SGD(groups, rate, self.momentum, weight_decay=self.weight_decay)

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), shape and training log (JSON)."""
        weights = {k: v.contiguous() for k, v in self.network.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        record = {"shape": self.network.shape.record(), "head": self.kind, "log": self.log}
        (folder / RECORD).write_text(json.dumps(record))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote, in evaluation mode.

        Raises:
            UserError: when a file is absent or is not of such a model.
        """
        try:
            record = json.loads((folder / RECORD).read_text())
            self.log = record["log"]
            network = GlanceNetwork(shape_of(record["shape"]), record["head"])
            network.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise broken(folder, self, error) from error
        self.network = network.eval()


def total_loss(
    network: GlanceNetwork, place: Any, clips: Tensor, labels: Tensor, coins: torch.Generator
) -> Tensor:
    """Half the loss of policy crops and half that of random crops, and the locator's own.

    Models without a locator take random crops twice.
    """
    reader = network.reader
    maps = reader.glance(clips)
    glimpsed = reader.glimpsed(maps)
    own = clips.new_zeros(())
    if place is None:
        looked = at_random(network, clips, coins)
    else:
        looked, own = place(network, clips, maps.detach(), glimpsed.detach(), labels)
    passes = looked, at_random(network, clips, coins)
    halves = sum(_pass(network, glimpsed, each, labels) for each in passes) / 2
    glance_only = reader.glance_only(maps).amax((2, 3, 4))
    loss: Tensor = halves + functional.cross_entropy(glance_only, labels) + own
    return loss


def _pass(network: GlanceNetwork, glimpsed: Tensor, looked: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the answers, and that of the looks alone."""
    answers = network.reader.answers(glimpsed, looked)
    every = labels.repeat_interleave(answers.shape[1])
    alone = network.reader.look_only(looked.amax(1))
    return functional.cross_entropy(answers.flatten(0, 1), every) + functional.cross_entropy(
        alone, labels
    )

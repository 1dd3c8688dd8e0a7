"""The models of glances; they differ in how places are learned.

Every model gets the same first weights, batches, updates and schedule for the same seed, so
that their results can be paired (section 2.3 of the family's page: policy crops and random
crops, auxiliary heads, stopped gradients).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.mlp import seeded
from leapbench.agents.common.state import broken
from leapbench.agents.videoglance.common.places import known, way
from leapbench.agents.videoglance.common.training import Training
from leapbench.contract.agent import LearningPhase
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.shape import Shape, shape_of

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
        settings = phase.settings
        shape: Shape = shape_of(dict(settings["network"]))
        network = GlanceNetwork(shape, self.kind).to(phase.device).train()
        network.reader.load_state_dict({k: torch.as_tensor(v) for k, v in phase.data.warm.items()})
        place = way(self.place, network)
        rate = self.lr_factor * float(settings["lr"])
        optimizer = self._optimizer(network, place, rate)
        self.log = Training(phase, network, place, optimizer).run()
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

"""Dense training of the network that a protocol names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.state import require
from leapbench.agents.latency.common import files
from leapbench.agents.latency.common.network import DynamicNetwork, build
from leapbench.agents.latency.common.saves import Kept
from leapbench.agents.latency.common.training import fit, maskers, on_device
from leapbench.contract.agent import LearningPhase
from leapbench.envs.latency.weights import take_over_weights
from leapbench.errors import unknown


class ResNet:
    """Trains a network on plain cross-entropy; its maskers stay as they are.

    Where the protocol names a file of published weights it takes these over, and trains nothing.

    Args:
        network: "full", "narrow" or "shallow": which of the protocol's networks.
        rate: largest learning rate.
        batch: images of an update.

    Raises:
        UserError: for settings out of range.
    """

    def __init__(self, network: str = "full", rate: float = 0.15, batch: int = 64) -> None:
        self.kind, self.rate, self.batch = network, rate, batch
        bounded(self, {"batch": 1}, positive=("rate",))
        self.network: DynamicNetwork | None = None

    def learn(self, phase: LearningPhase) -> None:
        """Train until the budget of samples is used.

        Raises:
            UserError: when the protocol has no network of that name, or names weights that are
                not there or another network's.
        """
        shapes = phase.settings["networks"]
        if self.kind not in shapes:
            raise unknown("network", self.kind, shapes)
        network = build(dict(shapes[self.kind]), phase.seed)
        given = getattr(phase.data, "weights", {}).get(self.kind)
        if given is not None:
            self.network = take_over_weights(network, given).eval()
            phase.report(1.0, f"weights of {given.name}")
            return
        network = network.to(phase.device).train()

        def loss(images: Any, labels: Tensor, done: float) -> Tensor:
            return functional.cross_entropy(network(on_device(images, phase.device)), labels)

        groups = maskers(network, self.rate, 0.0)
        fit(phase, phase.data, groups, loss, self.batch, warm=0.2, kept=Kept(network))
        self.network = network.eval().cpu()

    def save(self, folder: Path) -> None:
        """Write weights and shape.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self.network is not None, self)
        assert self.network is not None  # noqa: S101 - for the type checker
        files.save(self.network, {"network": self.kind}, folder)

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when it is absent or damaged.
        """
        self.network, record = files.load(self, folder)
        self.kind = str(record["network"])

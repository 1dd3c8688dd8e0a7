"""Gradient equilibrium: exits share the trunk's gradient evenly."""

from __future__ import annotations

from torch import Tensor

from leapbench.agents.earlyexit.common.trainer import Trainer
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError


def scale_gradient(x: Tensor, factor: float) -> Tensor:
    """`x` itself, whose gradient is multiplied by `factor` on the way back."""
    y = x.view_as(x)
    y.register_hook(lambda gradient: gradient * factor)  # type: ignore[no-untyped-call]
    return y


class GradientEquilibrium(Trainer):
    """Rescale gradients where exits leave the trunk.

    Li et al., "Improved Techniques for Training Adaptive Deep Networks"
    (ICCV 2019): at exit k of K the head's gradient is scaled by 1 / (K - k + 1)
    and what comes from deeper blocks by (K - k) / (K - k + 1), so that the
    trunk's gradient is an average over the exits it serves, not a growing sum.
    """

    def prepare(self, phase: LearningPhase) -> None:
        """Check that the network is a chain of blocks.

        Raises:
            UserError: when it has no trunk to rescale (RANet).
        """
        if not hasattr(self.network, "blocks"):
            raise UserError(
                "Gradient equilibrium needs a network with one trunk.", "Use network=msdnet."
            )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Forward pass with rescaled junctions; the logits are those of the network."""
        network, logits = self.network, []
        maps = network.stem(images)  # type: ignore[operator]
        exits = len(network.heads)  # type: ignore[arg-type]
        pairs = zip(network.blocks, network.heads, strict=True)  # type: ignore[arg-type]
        for k, (block, head) in enumerate(pairs):
            maps, left = block(maps), exits - k
            logits.append(head(scale_gradient(maps[-1], 1 / left)))
            maps = [scale_gradient(x, (left - 1) / left) for x in maps]
        return logits

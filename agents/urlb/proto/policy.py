"""ProtoRL on the shared backbone."""

from __future__ import annotations

import torch

from leapbench.agents.urlb.common.agent import Plain
from leapbench.agents.urlb.common.practice import Objective
from leapbench.agents.urlb.common.replay import Sizes
from leapbench.agents.urlb.proto.model import Prototypes


class Proto(Plain):
    """Seeks states far from those that stand for its prototypes (Yarats et al., 2021).

    See `Plain` for the settings. Fine-tuning begins from the trunk of the critic, as
    with the other agents; the published one takes over the whole critic.
    """

    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """Distance to remembered candidates of the prototypes."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Prototypes(sizes, self.backbone.rate, seed + 1)

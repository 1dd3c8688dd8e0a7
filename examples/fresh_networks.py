"""A question to an agent of the suite: what if fine-tuning kept its data and not its networks?

MOSS on the point world, whose fine-tuning begins with new networks once its pre-trained
policy has warmed up. Run it beside MOSS and DDPG:

    leapbench run urlb/entropy-point examples/fresh_networks.py:FreshMoss moss ddpg --seeds 0-2
"""

from __future__ import annotations

from leapbench.agents.urlb.common.behaviour import Behaviour
from leapbench.agents.urlb.common.ddpg import DDPG
from leapbench.agents.urlb.common.replay import TransitionReplay
from leapbench.agents.urlb.moss.policy import Moss


class FreshTuner(Behaviour):
    """Forgets all networks at the end of the warm-up; the steps that were stored stay."""

    def end_warmup(self, replay: TransitionReplay) -> None:
        """Choose a skill as MOSS does, then begin anew."""
        super().end_warmup(replay)
        old = self.ddpg
        fresh = DDPG(old.sizes, old.backbone, int(self.rng.integers(2**31)))
        old.actor.load_state_dict(fresh.actor.state_dict())
        old.critic.load_state_dict(fresh.critic.state_dict())


class FreshMoss(Moss):
    """MOSS whose pre-training serves to find the warm-up's steps alone."""

    def finetuner(self, ddpg: DDPG, seed: int) -> Behaviour:
        """See `Tuner.finetuner`."""
        return FreshTuner(ddpg, self.skills, self.horizon, seed, self.warm, self.choice)

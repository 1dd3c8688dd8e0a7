"""A question to an agent of the suite: what if fine-tuning kept its data and not its networks?

MOSS on the point world, whose fine-tuning begins with new networks once its pre-trained
policy has warmed up. Run it beside MOSS and DDPG:

    leapbench run urlb/entropy-point examples/fresh_networks.py:FreshMoss moss ddpg --seeds 0-2
"""

from __future__ import annotations

from leapbench.agents.urlb.common.behaviour import Tuner
from leapbench.agents.urlb.common.ddpg import DDPG
from leapbench.agents.urlb.common.replay import Replay
from leapbench.agents.urlb.moss.policy import Moss


class FreshTuner(Tuner):
    """Forgets all networks at the end of the warm-up; the steps that were stored stay."""

    def settle(self, replay: Replay) -> None:
        """Choose a skill as MOSS does, then begin anew."""
        super().settle(replay)
        old = self.learner
        fresh = DDPG(old.sizes, old.backbone, int(self.rng.integers(2**31)))
        old.actor.load_state_dict(fresh.actor.state_dict())
        old.critic.load_state_dict(fresh.critic.state_dict())


class FreshMoss(Moss):
    """MOSS whose pre-training serves to find the warm-up's steps alone."""

    def tuner(self, learner: DDPG, seed: int) -> Tuner:
        """See `Intrinsic.tuner`."""
        return FreshTuner(learner, self.skills, self.horizon, seed, self.warm, self.choice)

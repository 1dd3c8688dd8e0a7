"""A way of one's own to learn from views: masked pixels first, then features of another view.

    leapbench run pretrain/digits examples/own_pretraining.py:MaeThenSim sim mae

What is drawn is paid in patches; `tokens`, `save` and `load` come with `Kept`.
"""

from __future__ import annotations

import numpy as np

from leapbench.agents.pretrain.common.encoder import Kept
from leapbench.contract.agent import LearningPhase
from leapbench.envs.pretrain.objective import Objective
from leapbench.envs.pretrain.training import Rates, Trainer
from leapbench.envs.pretrain.views import Look

MAE = Objective(pixels=1.0, dense=0.0, mask=0.75, blocks=False)
SIM = Objective(dense=1.0, mask=0.6)
LOOK = Look(area=0.5, flip=0.0)


class MaeThenSim(Kept):
    """Half the budget for each."""

    def __init__(self, batch: int = 64, rate: float = 1.5e-3) -> None:
        self.batch, self.rate = batch, rate

    def learn(self, phase: LearningPhase) -> None:
        """Update until the budget pays for no further batch."""
        data, meter, rng = phase.data, phase.meter, np.random.default_rng(phase.seed)
        both = Objective(pixels=1.0, dense=1.0)  # so that the heads of both are there
        trainer = Trainer(data.shape, both, Rates(self.rate), phase.seed)
        while True:
            done = meter.used / meter.budget.limit
            trainer.objective = MAE if done < 0.5 else SIM
            encoded = trainer.objective.encoded(data.shape.patches)
            if data.price(self.batch, encoded) > meter.left:
                break
            views = data.draw(self.batch, (LOOK,) * len(encoded), encoded, rng)
            phase.log(meter.used, **trainer.update(views, done))
        self.keep(trainer.encoder)

"""A method of one's own for a small CLIP: captions first, and triplets between words at the end.

leapbench run knowledge/scenes examples/own_knowledge.py:Late
leapbench run knowledge/scenes examples/own_knowledge.py:Late --isolated --out trials
"""

import numpy as np

from leapbench.agents.common.mlp import seeded
from leapbench.agents.knowledge.common.method import Method

CAPTIONS = {"pairs": 120, "language": 8}
WORDS = {"pairs": 64, "language": 64}


class Late(Method):
    """CLIP's loss beside entity to entity; what is drawn changes after `share` of the budget.

    Args:
        share: of the budget, from 0 to 1.
    """

    family = "knowledge"

    def __init__(self, share: float = 0.75) -> None:
        super().__init__(clip=1.0, e2r=0.0, g2e=0.0)
        self.share = share

    def learn(self, phase) -> None:
        """Draw until the budget is spent; every triplet that is drawn is paid."""
        data, price = phase.data, sum(CAPTIONS.values())
        count = phase.meter.left // price
        with seeded(phase.seed):
            trainer = self._trainer(data, phase.seed, phase.device)
            rng = np.random.default_rng(phase.seed)
            for i in range(count):
                counts = CAPTIONS if i < self.share * count else WORDS
                phase.log(i, **trainer.update(data.draw(counts, rng), i / count))
                phase.report(i / count, f"update {i} of {count}")
        self._sizes = {"vocabulary": data.vocabulary, "shape": vars(data.shape)}
        self._keep(trainer.clip.cpu(), trainer.fusion.cpu())

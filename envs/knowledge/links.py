"""Link prediction by the fusion transformer: which tail goes with a head and a relation?"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import normalize

from leapbench.envs.knowledge import losses
from leapbench.envs.knowledge.batches import Batch
from leapbench.envs.knowledge.network import Clip, Fusion


@torch.no_grad()
def linked(clip: Clip, fusion: Fusion, batch: Batch) -> float:
    """Share of tails found among those of the same relation, between chance (0) and all (1).

    Scores are the cosines of Eq 8. Every triplet's candidates are the tails that its
    relation has in the batch.

    Args:
        clip: the towers.
        fusion: the fusion transformer.
        batch: T triplets.
    """
    read = losses.read(clip, fusion, batch, losses.encoded(clip, batch), both=False)
    scores = (normalize(read.given[0], dim=-1) @ normalize(read.alone[0], dim=-1).T).numpy()
    right, chance = 0.0, 0.0
    for relation in np.unique(batch.relations):
        rows = np.flatnonzero(batch.relations == relation)
        tails, first = np.unique(batch.tails[rows], return_index=True)
        found = tails[scores[np.ix_(rows, rows[first])].argmax(1)]
        right += float((found == batch.tails[rows]).sum())
        chance += len(rows) / len(tails)
    count = len(batch.tails)
    if chance >= count:  # nothing to choose from
        return 0.0
    return (right - chance) / (count - chance)

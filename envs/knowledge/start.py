"""The small CLIP of a world's captions from which everything else starts."""

from __future__ import annotations

import numpy as np
import torch

from leapbench.envs.knowledge.network import SHAPE, Clip, Shape
from leapbench.envs.knowledge.sources import Sources
from leapbench.envs.knowledge.training import PAIRS, Rates, Trainer


def started(
    sources: Sources,
    seed: int,
    updates: int,
    batch: int = 128,
    shape: Shape = SHAPE,
    rate: float = 1e-3,
) -> Clip:
    """A CLIP of the world's captions, the start of everything else.

    Args:
        sources: the world's knowledge, of which it sees pairs alone.
        seed: of its first weights and its batches.
        updates: how many.
        batch: pairs of an update.
        shape: sizes.
        rate: learning rate.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        clip = Clip(sources.words.count, shape)
    trainer = Trainer(clip, Rates(towers=rate), PAIRS, shape=shape)
    rng = np.random.default_rng([seed, 4])
    for i in range(updates):
        trainer.update(sources.pairs(batch, rng), i / updates)
    return clip

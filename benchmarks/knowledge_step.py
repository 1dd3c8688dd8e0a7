"""What does an update of Knowledge-CLIP cost, over one of CLIP's on as many pairs?

python benchmarks/knowledge_step.py

Prints CPU milliseconds (medians of interleaved updates on one thread) and their ratio; the aim is
2.5 or less.
"""

from __future__ import annotations

import copy
import time
from statistics import median

import numpy as np
import torch

from leapbench.agents.knowledge.common.method import Method
from leapbench.envs.knowledge.network import SHAPE, Clip
from leapbench.envs.knowledge.sources import Sources
from leapbench.envs.knowledge.training import PAIRS, PUBLISHED, Trainer
from leapbench.envs.threads import one_thread

ROUNDS = 60


def main(rounds: int = ROUNDS) -> None:
    """Time both, in turn."""
    sources, rng, counts = Sources(0, 2000), np.random.default_rng(0), Method().counts
    torch.manual_seed(0)
    clip = Clip(sources.words.count, SHAPE)
    sides = {"CLIP": PAIRS, "Knowledge-CLIP": PUBLISHED}
    trainers = {name: Trainer(copy.deepcopy(clip), weights=each) for name, each in sides.items()}
    batches = {
        "CLIP": [sources.pairs(sum(counts.values()), rng) for _ in range(8)],
        "Knowledge-CLIP": [sources.draw(counts, rng) for _ in range(8)],
    }
    spent: dict[str, list[float]] = {name: [] for name in sides}
    with one_thread():
        for i in range(rounds):
            for name, trainer in trainers.items():
                began = time.process_time()
                trainer.update(batches[name][i % 8], 0.5)
                spent[name].append(time.process_time() - began)
    for name, each in spent.items():
        print(f"{name:16}{1000 * median(each):8.1f} CPU-ms an update")
    ratio = [b / a for a, b in zip(*spent.values(), strict=True)]
    print(f"{'ratio':16}{median(ratio):8.2f}  (aim 2.5)")


if __name__ == "__main__":
    main()

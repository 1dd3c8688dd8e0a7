"""How much the tasks' own masks overlap, layer by layer, at two sizes of the network.

python -m leapbench.studies.sparsify.overlap --out overlap.png
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import NamedTuple

import numpy as np

from leapbench.envs.sparsify import masks
from leapbench.envs.sparsify.data import Where
from leapbench.envs.sparsify.job import Job
from leapbench.envs.sparsify.training import Training
from leapbench.errors import plainly
from leapbench.figures import matplotlib

RATIO = 0.078
"""Keep ratio of each task, as of the overlaps that come with the released code."""
PAPER = {0: 0.968, 14: 0.471, 15: 0.381, 16: 0.129, 32: 0.028}
"""Some of its 33 layers on NYU-v2 with two tasks: the 14th to the 16th are blocks.1.3.conv2 and
the two of blocks.2.0."""
SIZES = ((1.0, 2), (4.0, 4))
"""Width and blocks of the networks."""
BATCHES = 4
COLOURS = ("#c2571a", "#2b6cb0")


class Overlaps(NamedTuple):
    """Of one network, layer by layer.

    Attributes:
        names: of the shared layers.
        values: intersection over union of all tasks' masks, means over seeds.
        density: of their union.
        weights: prunable ones of the whole network.
    """

    names: list[str]
    values: list[float]
    density: list[float]
    weights: int


def measured(width: float, blocks: int, seeds: int) -> Overlaps:
    """Overlaps before training, of saliency over `BATCHES` batches of scenes."""
    where = Where(train=200, validation=8, test=8)
    found, union = [], []
    for seed in range(seeds):
        training = Training(Job(where=where, width=width, blocks=blocks), seed)
        facts = training.facts
        kept = masks.task_masks(training.score("saliency-xavier", BATCHES), facts.own, RATIO)
        shared = [i for i, owner in enumerate(facts.owners) if owner == -1]
        found.append([masks.overlap(kept[:, facts.slices[i]]) for i in shared])
        union.append([float(kept[:, facts.slices[i]].any(0).mean()) for i in shared])
    names = [facts.names[i].removeprefix("backbones.0.") for i in shared]
    values, density = (np.mean(each, 0).tolist() for each in (found, union))
    return Overlaps(names, values, density, len(training.mask))


def draw(found: list[Overlaps], out: Path) -> None:
    """Write the picture.

    Raises:
        UserError: when Matplotlib is not installed.
    """
    mpl = matplotlib()
    figure = mpl.figure.Figure(figsize=(7, 3.2), layout="constrained")
    axis = figure.subplots()
    for each, colour in zip(found, COLOURS, strict=False):
        depth = np.linspace(0, 1, len(each.values))
        axis.plot(depth, each.values, "o-", color=colour, label=f"{each.weights:,} weights")
    paper = [place / max(PAPER) for place in PAPER]
    axis.plot(paper, list(PAPER.values()), "s:", color="#888888", label="released, 67.6 M, NYU-v2")
    axis.set_xlabel("shared layers, from the picture to the heads")
    axis.set_ylabel("overlap of the tasks' masks")
    axis.set_ylim(0, 1)
    axis.legend(frameon=False)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=130)


@plainly()
def main(words: list[str] | None = None) -> None:
    """Measure, print and draw."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("overlap.png"))
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args(words)
    found = [measured(width, blocks, given.seeds) for width, blocks in SIZES]
    for each in found:
        print(f"{each.weights:,} weights")  # noqa: T201
        for name, value, density in zip(each.names, each.values, each.density, strict=True):
            print(f"  {name:24} overlap {value:.3f}  density {density:.3f}")  # noqa: T201
    draw(found, given.out)


if __name__ == "__main__":
    main()

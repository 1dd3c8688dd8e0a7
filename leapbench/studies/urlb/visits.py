"""Draws where pre-trained agents go, each mode apart.

python -m leapbench.studies.urlb.visits --out visits.png
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from leapbench.contract import registry
from leapbench.contract.task import Phase, Protocol
from leapbench.envs.urlb.grid.dynamics import GridWorld
from leapbench.errors import plainly
from leapbench.figures import matplotlib
from leapbench.running.cell import protocol_of
from leapbench.studies.urlb.explored import explorer, trips

TASK = "urlb/entropy-grid"
EPISODES = 20
Visits = NDArray[np.float64]
PANELS = (
    ("random-tabular", 0.0, 1.0, "random actions"),
    ("moss-tabular-max", 0.0, 1.0, "explore alone"),
    ("moss-tabular-min", 0.0, 1.0, "control alone"),
    ("moss-tabular", 0.0, 0.7, "mixture: first 70 %"),
    ("moss-tabular", 0.7, 1.0, "mixture: last 30 %"),
)
"""Agent, the part of its episodes that is shown, and what it is called."""


def paths(protocol: Protocol, agent: str, phase: Phase, seed: int) -> NDArray[np.int64]:
    """Cells of an agent's episodes after pre-training, int64 (EPISODES, T)."""
    with TemporaryDirectory() as folder:
        part = explorer(protocol, agent, phase, seed, Path(folder))
    return trips(protocol, part, phase, seed, EPISODES)


def draw(protocol: Protocol, count: int, out: Path) -> None:
    """Write the picture: a row for each noise, a column for each panel.

    Args:
        protocol: its phases without reward are run.
        count: seeds that are shown together; the entropy is that of one, their mean.
        out: file to write.

    Raises:
        UserError: when Matplotlib is not installed.
    """
    mpl = matplotlib()
    roots = [phase for phase in protocol.phases if not phase.after]
    figure = mpl.figure.Figure(figsize=(2.1 * len(PANELS), 2.4 * len(roots)), layout="constrained")
    axes = figure.subplots(len(roots), len(PANELS), squeeze=False)
    for row, phase in zip(axes, roots, strict=True):
        arguments = protocol.settings["world"] | protocol.settings["worlds"][phase.name]
        world = GridWorld.build(task="shelter", **arguments)
        runs = {
            name: [paths(protocol, name, phase, seed) for seed in range(count)]
            for name in dict.fromkeys(panel[0] for panel in PANELS)
        }
        for axis, (name, begin, end, title) in zip(row, PANELS, strict=True):
            first, last = round(begin * world.horizon), round(end * world.horizon)
            each = np.stack([shares(run[:, first:last], world.cells) for run in runs[name]])
            share = each.mean(axis=0).reshape(world.size, world.size)
            axis.imshow(np.sqrt(share), cmap="YlOrBr", vmin=0, vmax=0.5)
            axis.add_patch(
                mpl.patches.Rectangle(_corner(world), 2, 2, fill=False, ec="#2b7bba", lw=2)
            )
            axis.set(xticks=[], yticks=[])
            axis.set_xlabel(f"{np.mean([entropy(one) for one in each]):.1f} nats")
            if phase is roots[0]:
                axis.set_title(title, fontsize=10)
        row[0].set_ylabel(f"noise {arguments['noise']:g}", fontsize=11)
    figure.savefig(out, dpi=110)


def shares(cells: NDArray[np.int64], count: int) -> Visits:
    """Share of the steps in each of `count` cells, float64 (count,)."""
    visits = np.bincount(cells.ravel(), minlength=count)
    return np.asarray(visits / visits.sum())


def _corner(world: GridWorld) -> tuple[float, float]:
    """Column and row of the top left corner of the goal, as pictures count them."""
    row, column = divmod(int(np.flatnonzero(world.goal)[0]), world.size)
    return column - 0.5, row - 0.5


def entropy(share: Visits) -> float:
    """Entropy in nats of shares that sum to one, float64 (n,)."""
    some = share[share > 0]
    return float(-(some * np.log(some)).sum())


@plainly()
def main() -> None:
    """Draw the picture for one tier."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tier", default="smoke")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("visits.png"))
    asked = parser.parse_args()
    draw(protocol_of(registry.task(TASK), asked.tier), asked.seeds, asked.out)


if __name__ == "__main__":
    main()

"""Draws the ways of pre-trained agents through the point world, each mode in its colour.

python -m leapbench.studies.urlb.trails --runs runs --out trails.png
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract import registry
from leapbench.contract.task import Protocol
from leapbench.envs.urlb.point.dynamics import CENTRE, RADIUS
from leapbench.errors import plainly
from leapbench.figures import matplotlib
from leapbench.running.cell import protocol_of
from leapbench.studies.urlb.explored import explorer, trips
from leapbench.tasks.urlb.harness import UrlbHarness, cells, entropy

TASK = "urlb/entropy-point"
EPISODES = 16
COLOURS = ("#c2571a", "#2b6cb0")
"""Of seeking and of avoiding surprise."""
PANELS = (
    ("random", "random pushes"),
    ("moss-max", "seeking alone"),
    ("moss-min", "avoiding alone"),
    ("moss", "mixture"),
)
Places = NDArray[np.float32]


def modes(skills: Any, horizon: int) -> NDArray[np.int64]:
    """Mode in force at each step of an episode, int64 (T,); it changes with the skill."""
    drawn = range(0, horizon, skills.period)
    rng = np.random.default_rng(0)
    each = [skills.draw(rng, time, horizon)[1] for time in drawn]
    return np.repeat(each, skills.period)[:horizon]


def draw(protocol: Protocol, seed: int, runs: Path, out: Path) -> None:
    """Write the picture: a row for each noise, a column for each agent.

    Args:
        protocol: of the point world.
        seed: of the agents.
        runs: see `explorer`.
        out: file to write.

    Raises:
        UserError: when Matplotlib is not installed.
    """
    mpl = matplotlib()
    roots = [phase for phase in protocol.phases if not phase.after]
    figure = mpl.figure.Figure(figsize=(2.4 * len(PANELS), 2.7 * len(roots)), layout="constrained")
    axes = figure.subplots(len(roots), len(PANELS), squeeze=False)
    for row, phase in zip(axes, roots, strict=True):
        noise = UrlbHarness.world(protocol, phase).arguments["noise"]
        for axis, (name, title) in zip(row, PANELS, strict=True):
            part = explorer(protocol, name, phase, seed, runs)
            places = trips(protocol, part, phase, seed, EPISODES)[..., :2]
            mode = modes(part.skills, places.shape[1])
            axis.add_patch(mpl.patches.Circle(CENTRE, RADIUS, color="#e6f0e6"))
            for way in places:
                _line(axis, way, mode)
            bins = int(protocol.settings["bins"])
            found = np.mean([entropy(visited) for visited in cells(places, bins)])
            axis.set(xlim=(-1.03, 1.03), ylim=(-1.03, 1.03), xticks=[], yticks=[], aspect="equal")
            axis.set_xlabel(f"{found:.1f} nats an episode", fontsize=9)
            if phase is roots[0]:
                axis.set_title(title, fontsize=10)
        row[0].set_ylabel(f"noise {noise:g}", fontsize=11)
    figure.savefig(out, dpi=110)


def _line(axis: Any, way: Places, mode: NDArray[np.int64]) -> None:
    """One episode, and a dot where it ends."""
    for kind, colour in enumerate(COLOURS):
        shown = np.where((mode == kind)[:, None], way, np.nan)
        axis.plot(*shown.T, color=colour, lw=0.7, alpha=0.7)
    axis.plot(*way[-1], ".", color=COLOURS[mode[-1]], ms=4)


@plainly()
def main() -> None:
    """Draw the picture for one tier and seed."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tier", default="lite")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=Path("trails.png"))
    asked = parser.parse_args()
    draw(protocol_of(registry.task(TASK), asked.tier), asked.seed, asked.runs, asked.out)


if __name__ == "__main__":
    main()

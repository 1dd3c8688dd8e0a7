"""What the views that agents take have in common, on scenes of the dev stream.

    python -m leapbench.studies.activeview.taken activeview/niche active-nerf furthest ppo

For a column of the field, the figure is the share of the free cameras that have less of it than
the one taken: 1 takes always the most, 0 the least, and one half is what chance gives.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from leapbench.contract.task import Protocol
from leapbench.envs.activeview.table import ViewColumn
from leapbench.errors import plainly
from leapbench.running.cell import Cell, learned
from leapbench.studies.activeview.anchors import chosen, planned
from leapbench.tasks.activeview.harness import decisions, evaluation, mode_of

PLACES = (ViewColumn.Z, ViewColumn.DISTANCE)
"""Shown as they are: height, and distance to the nearest camera taken."""
RANKED = (
    ViewColumn.VARIANCE,
    ViewColumn.GAIN,
    ViewColumn.OPACITY_GAIN,
    ViewColumn.FISHER,
    ViewColumn.OPACITY,
)
"""Shown as ranks among the cameras that are free."""
LEFT = (
    (ViewColumn.GAIN, ViewColumn.BATCH_GAIN),
    (ViewColumn.OPACITY_GAIN, ViewColumn.BATCH_OPACITY_GAIN),
)
"""Gains, and what the views of a batch leave of them."""


def taken(protocol: Protocol, policy: Any, scene: str, seed: int) -> Iterator[list[float]]:
    """For each view of an episode, its `PLACES` and the rank of its `RANKED`.

    Args:
        protocol: one of the family's.
        policy: that has learned.
        scene: kind of scene.
        seed: of the reset.
    """
    mode = mode_of(policy)
    env = evaluation(protocol, scene, "field" if mode == "cameras" else mode)
    for table, index, _ in decisions(env, policy, seed):
        free = table[:, ViewColumn.FREE] > 0
        shares = (table[free] < table[index]).mean(axis=0)
        yield [float(table[index, c]) for c in PLACES] + [float(shares[c]) for c in RANKED]


def left(protocol: Protocol, scene: str, seed: int) -> dict[str, float]:
    """What Eq 22 leaves of the gain of a view that is taken, before the field learns from it.

    Args:
        protocol: one of the family's, with batches.
        scene: kind of scene.
        seed: of the reset.

    Returns:
        Shares of the gain as printed and weighted by opacity, each of the camera with the
        most of it.
    """
    env = evaluation(protocol, scene, "batch")
    shares = {}
    for before, after in LEFT:
        table, _ = env.reset(seed=seed)
        index = int(table[:, before].argmax())
        table, *_ = env.step(index)
        shares[_name(before)] = float(table[index, after] / table[index, before])
    return shares


@plainly()
def main() -> None:
    """Print a line for each agent, means over views and scenes."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("agents", nargs="+")
    parser.add_argument("--tier", default="lite", choices=["smoke", "lite"])
    parser.add_argument("--scenes", type=int, default=4)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where artifacts may be")
    asked = parser.parse_args()
    names = [_name(column) for column in (*PLACES, *RANKED)]
    protocol = chosen(asked.task).protocols[asked.tier]
    scenes = planned(protocol, asked.scenes)
    sys.stdout.write(f"{'':28}" + "".join(f"{name:>14}" for name in names) + "\n")
    for agent in asked.agents:
        cell = Cell(asked.task, asked.tier, agent, 0, (), asked.runs)
        means = "".join(f"{mean:14.2f}" for mean in _means(cell, scenes))
        sys.stdout.write(f"{agent:28}{means}\n")
        sys.stdout.flush()
    if protocol.settings["world"]["batch"] > 1:
        shares = [left(protocol, **each) for each in scenes]
        for name in shares[0]:
            mean = np.mean([share[name] for share in shares])
            sys.stdout.write(f"left of a view's own {name} once it is taken (Eq 22): {mean:.2f}\n")


def _name(column: ViewColumn) -> str:
    return column.name.lower().replace("_", " ")


def _means(cell: Cell, scenes: Sequence[dict[str, Any]]) -> NDArray[Any]:
    """Of the agent's views on the scenes, after its practice."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task(cell.agent, total=1 + len(scenes))

        def report(fraction: float, line: str) -> None:
            bar.update(shown, completed=fraction, description=f"{cell.agent}: {line}")

        _, parts = learned(cell, report=report)
        rows: list[list[float]] = []
        for i, each in enumerate(scenes):
            report(1 + i, f"scene {i + 1} of {len(scenes)}")
            rows += taken(cell.protocol, parts["policy"], **each)
    means: NDArray[Any] = np.mean(rows, axis=0)
    return means


if __name__ == "__main__":
    main()

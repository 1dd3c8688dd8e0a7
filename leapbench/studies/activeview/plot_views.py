"""Draws PSNR against acquired views, for boards of active view selection side by side.

    python -m leapbench.studies.activeview.plot_views activeview/niche activeview/niche-decoy

Bands are 95 % intervals over runs, each of which has scenes of its own. Oracles are dashed.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.contract import registry
from leapbench.errors import UserError, plainly
from leapbench.figures import matplotlib
from leapbench.leaderboards.board import Board, BoardRow, load
from leapbench.leaderboards.statistics import Interval, mean_interval
from leapbench.running.cell import protocol_of
from leapbench.studies.earlyexit.plot import band

ABREAST = 3  # panels in a line


def curve(row: BoardRow) -> list[tuple[float, Interval]]:
    """Acquisitions and PSNR in dB after each, over runs, from `psnr_n` of the episodes."""
    episodes = [entry.result.episodes for entry in row.entries]
    count = sum(name.startswith("psnr_") for name in episodes[0])
    runs = [[np.array(run[f"psnr_{n}"], float).mean() for run in episodes] for n in range(count)]
    return [(float(n), mean_interval(each)) for n, each in enumerate(runs)]


def draw(boards: Sequence[Board], path: Path) -> None:
    """Write the picture as PNG; an agent has the same colour in all panels.

    Args:
        boards: of tasks of the family, one for each panel.
        path: where the PNG goes.

    Raises:
        UserError: when Matplotlib is not installed, or a board has nothing to draw.
    """
    for board in boards:
        _require(board)
    matplotlib().use("agg")
    from matplotlib import pyplot as plt

    figure, panels = _panels(plt, len(boards))
    order = sorted({name for board in boards for name in board.defaults})
    colours = {name: plt.get_cmap("tab20")(place % 20) for place, name in enumerate(order)}
    lines = {}
    for axes, board in zip(panels, boards, strict=True):
        for name, row in sorted(board.defaults.items()):
            style = "o-" if row.agent.ranked else "o--"
            lines[name] = band(axes, name, curve(row), style, colours[name])
        axes.set_title(f"{board.protocol.task}, tier {board.protocol.tier}")
        axes.set_xlabel("views acquired")
        axes.grid(alpha=0.25)
    for axes in panels[::ABREAST]:
        axes.set_ylabel("PSNR of hidden views, dB")
    names = sorted(lines, key=lambda name: -lines[name].get_ydata()[-1])
    handles = [lines[name] for name in names]
    figure.legend(handles, names, loc="outside right center", fontsize=8, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panels(plt: Any, count: int) -> tuple[Any, list[Any]]:
    """A figure with so many panels, line by line, and room for the legend."""
    columns, depth = min(count, ABREAST), -(-count // ABREAST)
    size = 5.2 * columns + 2.2, 4.4 * depth
    figure, grid = plt.subplots(
        depth, columns, figsize=size, sharey=True, squeeze=False, constrained_layout=True
    )
    for spare in grid.flat[count:]:
        spare.remove()
    return figure, list(grid.flat[:count])


def _require(board: Board) -> None:
    """Refuse a board without rows, or with rows of another kind."""
    name, tier = board.protocol.task, board.protocol.tier
    if not board.defaults:
        raise UserError(
            f"{name} has no rows at tier {tier}.",
            f"leapbench run {name} AGENT --tier {tier} makes some; --runs says where they are.",
        )
    if not all(map(curve, board.defaults.values())):
        raise UserError(f"Rows of {name} have no PSNR after each view, as activeview/niche has.")


@plainly()
def main() -> None:
    """Draw a panel for each task."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--tier", default="lite")
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--out", type=Path, default=Path("views.png"))
    asked = parser.parse_args()
    protocols = [protocol_of(registry.task(name), asked.tier) for name in asked.tasks]
    draw([load(protocol, asked.runs) for protocol in protocols], asked.out)


if __name__ == "__main__":
    main()

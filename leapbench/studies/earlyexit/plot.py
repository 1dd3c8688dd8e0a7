"""Draws the accuracy-budget curves of a board.

    python -m leapbench.studies.earlyexit.plot earlyexit/fashion-mnist --tier lite --out curves.png

Left: models under one policy, as paired differences to a base model. Right:
policies on one model, without oracles and fixed exits. Bands are 95 %
intervals over seeds.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from leapbench.contract import registry
from leapbench.errors import plainly
from leapbench.figures import matplotlib
from leapbench.leaderboards.board import Board, BoardRow, load
from leapbench.leaderboards.statistics import Interval, mean_interval
from leapbench.running.cell import protocol_of

MILLION = 1e6


def curves(row: BoardRow) -> dict[int, list[tuple[float, float]]]:
    """(multiply-adds, accuracy) at each budget, by seed, from the result's details."""
    return {
        entry.result.seed: [
            (point["multiply_adds"], point["accuracy"]) for point in entry.result.details["curve"]
        ]
        for entry in row.entries
    }


def paired(row: BoardRow, base: BoardRow) -> list[tuple[float, Interval]]:
    """Budget-wise accuracy difference to `base` in points, over the common seeds."""
    ours, theirs = curves(row), curves(base)
    seeds = sorted(ours.keys() & theirs.keys())
    points = []
    for place in range(len(ours[seeds[0]])):
        gaps = [100 * (ours[s][place][1] - theirs[s][place][1]) for s in seeds]
        cost = sum(ours[s][place][0] for s in seeds) / len(seeds)
        points.append((cost / MILLION, mean_interval(gaps)))
    return points


def absolute(row: BoardRow) -> list[tuple[float, Interval]]:
    """Accuracy in % at each budget, over seeds."""
    found = list(curves(row).values())
    return [
        (
            sum(seed[place][0] for seed in found) / len(found) / MILLION,
            mean_interval([100 * seed[place][1] for seed in found]),
        )
        for place in range(len(found[0]))
    ]


def draw(board: Board, base: str, policy: str, path: Path) -> None:
    """Write the picture as PNG.

    Args:
        board: rows of an early-exit task.
        base: the model that others are compared with, and that the policies run on.
        policy: the policy that the models are compared under.
        path: where the PNG goes.

    Raises:
        UserError: when Matplotlib is not installed.
    """
    matplotlib().use("agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    rows = board.defaults
    reference = rows[f"{base}+{policy}"]
    for name, row in sorted(rows.items()):
        model, _, rule = name.partition("+")
        if rule == policy and model != base:
            band(left, model, paired(row, reference), "o-")
        if model == base and row.agent.ranked and not rule.startswith("fixed-"):
            band(right, rule, absolute(row), "o-")
    left.axhline(0, color="black", linewidth=0.8)
    left.set_title(f"models under {policy}, against {base}")
    left.set_ylabel("accuracy, difference in points")
    right.set_title(f"policies on {base}")
    right.set_ylabel("accuracy, %")
    for axes in (left, right):
        axes.set_xlabel("multiply-adds per sample, millions")
        axes.grid(alpha=0.25)
        axes.legend(fontsize=7, frameon=False)
    figure.suptitle(f"{board.protocol.task}, tier {board.protocol.tier}")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def band(
    axes: Any, label: str, points: list[tuple[float, Interval]], style: str, colour: Any = None
) -> Any:
    """Draw a line through the values and a band over the intervals, and return the line.

    Args:
        axes: Matplotlib's.
        label: for the legend.
        points: cost and value, by cost.
        style: of the line, as Matplotlib writes it.
        colour: of both; None for the next one.
    """
    cost = [x for x, _ in points]
    (line,) = axes.plot(
        cost, [e.value for _, e in points], style, label=label, markersize=3, color=colour
    )
    if all(e.known for _, e in points):
        low, high = [e.low for _, e in points], [e.high for _, e in points]
        axes.fill_between(cost, low, high, alpha=0.07, color=line.get_color(), linewidth=0)
    return line


@plainly()
def main() -> None:
    """Draw one task and tier."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--tier", default="smoke")
    parser.add_argument("--base", default="msdnet")
    parser.add_argument("--policy", default="confidence")
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--out", type=Path, default=Path("curves.png"))
    asked = parser.parse_args()
    board = load(protocol_of(registry.task(asked.task), asked.tier), asked.runs)
    draw(board, asked.base, asked.policy, asked.out)


if __name__ == "__main__":
    main()

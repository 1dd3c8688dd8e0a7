"""Draws what more passes change for L2W-DEN, from committed rows.

    python -m leapbench.studies.earlyexit.passes --out docs/images/early-exit-passes.png

Left: the paired difference to plain training against the number of passes over the same training
samples. Right: the correlation of a sample's weight and its loss at the first and at the last exit
over the longest training; the authors' figure of the method has it below 0 and above 0.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract import registry
from leapbench.errors import plainly
from leapbench.figures import matplotlib
from leapbench.leaderboards.board import Board, BoardRow, load
from leapbench.leaderboards.statistics import Interval, paired_difference

PASSES = (4, 12, 40)
TASK = "earlyexit/fashion-mnist-{}-passes"
POLICY, PLAIN = "confidence", "msdnet"
EXITS = {"weight_loss_first_exit": "first exit", "weight_loss_last_exit": "last exit"}
"""Curves of the training log, and what they are called in the picture."""


def boards() -> dict[int, Board]:
    """The committed lite board for each number of passes."""
    return {n: load(registry.task(TASK.format(n)).protocols["lite"]) for n in PASSES}


def trend(found: dict[int, Board]) -> dict[str, list[tuple[float, Interval]]]:
    """Difference to plain training in points of accuracy at each number of passes, by model."""
    lines: dict[str, list[tuple[float, Interval]]] = {}
    for passes, board in found.items():
        rows = board.defaults
        base = _points(rows[f"{PLAIN}+{POLICY}"])
        for name, row in sorted(rows.items()):
            model, _, policy = name.partition("+")
            if policy == POLICY and model != PLAIN:
                gap = paired_difference(_points(row), base)
                lines.setdefault(model, []).append((passes, gap))
    return lines


def correlation(row: BoardRow, name: str) -> NDArray[np.float64]:
    """A curve of the training log, one row a seed and one column a pass."""
    return np.array([entry.result.curves["train"][name][1] for entry in row.entries])


def draw(path: Path) -> None:
    """Write the picture as PNG.

    Raises:
        UserError: when Matplotlib is not installed.
    """
    matplotlib().use("agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    found = boards()
    for model, points in trend(found).items():
        _errors(left, model, points)
    left.set_xscale("log")
    left.set_xticks(PASSES, [str(n) for n in PASSES])
    left.minorticks_off()
    left.set_xlabel("passes over the training samples")
    left.set_ylabel("accuracy less that of plain training, points")
    for name, row in sorted(found[PASSES[-1]].defaults.items()):
        model, _, policy = name.partition("+")
        if policy == POLICY and model.startswith("l2w-den"):
            for curve, exit_name in EXITS.items():
                _seeds(right, f"{model}, {exit_name}", correlation(row, curve))
    right.set_ylim(-1.05, 1.05)
    right.set_title("thin: a seed each", fontsize=9)
    right.set_xlabel("share of training done")
    right.set_ylabel("correlation of weight and loss")
    for axes in (left, right):
        axes.axhline(0, color="black", linewidth=0.8)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=7, framealpha=0.9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _points(row: BoardRow) -> dict[int, float]:
    return {seed: 100 * score for seed, score in row.scores.items()}


def _seeds(axes: Any, label: str, curves: NDArray[np.float64]) -> None:
    done = np.linspace(0, 1, curves.shape[1] + 1)[1:]
    (line,) = axes.plot(done, curves.mean(0), label=label, linewidth=2)
    for curve in curves:
        axes.plot(done, curve, color=line.get_color(), linewidth=0.6, alpha=0.6)


def _errors(axes: Any, label: str, points: list[tuple[float, Interval]]) -> None:
    shift = 1 + 0.02 * len(axes.containers)  # so that bars do not hide each other
    x, y = [n * shift for n, _ in points], [e.value for _, e in points]
    size = [[e.value - e.low for _, e in points], [e.high - e.value for _, e in points]]
    axes.errorbar(x, y, yerr=size, label=label, marker="o", markersize=3, capsize=2)


@plainly()
def main() -> None:
    """Command line."""
    parser = ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("early-exit-passes.png"))
    draw(parser.parse_args().out)


if __name__ == "__main__":
    main()

"""Curves of results as a figure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leapbench.errors import UserError
from leapbench.figures import matplotlib, shown
from leapbench.results.result import Result

PANELS, ACROSS = 12, 3
WIDTH, HEIGHT = 3.6, 2.6  # inches of a panel
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#25303b")


def drawn(results: Iterable[Result]) -> Any:
    """A panel for each phase and name that was logged, a line a result, a colour an agent.

    Args:
        results: whose curves.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        UserError: when Matplotlib is not installed, or nothing was logged.
    """
    found = list(results)
    panels = dict.fromkeys((p, n) for each in found for p, own in each.curves.items() for n in own)
    if not panels:
        raise UserError("These results have no curves.", "Their agents logged nothing.")
    chosen = list(panels)[:PANELS]
    down, across = -(-len(chosen) // ACROSS), min(ACROSS, len(chosen))
    mpl = matplotlib("A picture needs")
    figure = mpl.figure.Figure(figsize=(WIDTH * across, HEIGHT * down), layout="constrained")
    agents = list(dict.fromkeys(each.agent.name for each in found))
    for i, (phase, name) in enumerate(chosen):
        axes = figure.add_subplot(down, across, i + 1)
        for each in found:
            steps, values = each.curves.get(phase, {}).get(name, ((), ()))
            place = agents.index(each.agent.name)
            label = each.agent.name if each.seed == found[0].seed else None
            axes.plot(steps, values, color=COLOURS[place % len(COLOURS)], lw=1.2, label=label)
        axes.set_title(f"{phase}: {name.replace('_', ' ')}", size=9)
        axes.tick_params(labelsize=7)
    if len(agents) > 1:
        figure.axes[0].legend(fontsize=7)
    return shown(figure)

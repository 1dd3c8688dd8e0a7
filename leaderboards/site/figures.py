"""Line charts as SVG: the same bytes for the same numbers, in the reader's colours.

Text stays text. Every line has a colour, a marker and a dash pattern of its own,
so that none of the three is needed to tell it from the others. The colours are
CSS variables with a dark set for readers who ask their browser for one.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from leapbench.figures import matplotlib
from leapbench.leaderboards.render.text import HARMFUL

# In light and in dark; chosen to differ for colour-blind readers and from the paper.
COLOURS = {
    "#0072b2": "#56b0e6",
    "#c8500a": "#f2935a",
    "#00805c": "#3fc79c",
    "#aa4499": "#e08fd0",
    "#a86f00": "#e8b640",
    "#3b8fc4": "#a3d8f7",
    "#882255": "#f08bb4",
    "#332288": "#a79df5",
}
GREYS = {"#5c6670": "#aab4be", "#7a848e": "#8a949e"}
INK, PAPER, RULE = ("#25303b", "#dfe5ea"), ("#fefefe", "#12171c"), ("#d5dbe1", "#303a44")
MARKERS = "osD^vP*X"
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', Helvetica, Arial, sans-serif"
WIDTH, HEIGHT, ENTRY = 5.2, 3.2, 0.22  # inches: the picture, its axes, a line of the legend
LEFT, BOTTOM, EDGE = 0.85, 0.65, 0.12  # inches around the axes
LONGEST = 46  # characters of a name in a legend


@dataclass(frozen=True)
class ChartLine:
    """One line of a chart.

    Attributes:
        label: whose it is.
        x: ascending.
        y: one value for each of `x`.
        low: lower end of the band; empty for none.
        high: upper end of the band; empty for none.
        baseline: drawn in grey, behind the others and without a band.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    baseline: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines over one pair of axes.

    Attributes:
        lines: at most as many as can be told apart.
        across: what x is.
        up: what y is.
        steps: whether y stays the same up to the next x.
        unit_interval: whether y is a share, from 0 to 1.
    """

    lines: tuple[ChartLine, ...]
    across: str
    up: str
    steps: bool = False
    unit_interval: bool = False


def svg(chart: Chart) -> str:
    """The chart as the text of an SVG file.

    Raises:
        UserError: when Matplotlib is not installed.
    """
    mpl = matplotlib("The site needs")
    with mpl.rc_context():
        mpl.rcdefaults()
        params: Any = mpl.rcParams
        params.update(_style())
        columns = 2 if max((len(_name(line)) for line in chart.lines), default=0) <= 22 else 1
        rows = -(-len(chart.lines) // columns)
        height = HEIGHT + ENTRY * rows
        figure = mpl.figure.Figure(figsize=(WIDTH, height))
        # Places by hand: a layout engine draws every chart once more to measure it.
        low = (BOTTOM + ENTRY * rows) / height
        axes = figure.add_axes(
            (LEFT / WIDTH, low, 1 - (LEFT + EDGE) / WIDTH, 1 - EDGE / height - low)
        )
        handles = _draw(axes, chart)
        names = [_name(line) for line in chart.lines]
        figure.legend(handles, names, loc="lower center", ncols=columns)
        file = BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the reader has more fonts
            figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return _themed(file.getvalue().decode("utf-8"))


def _draw(axes: Any, chart: Chart) -> list[Any]:
    """Draw every band and line; the handles for the legend, in the order of the lines."""
    handles = []
    for i, line in enumerate(chart.lines):
        look = _marks(chart, line)
        step = {"step": "post"} if chart.steps else {}
        if line.low and not line.baseline:
            axes.fill_between(
                line.x, line.low, line.high, color=look["color"], alpha=0.08, linewidth=0, **step
            )
        style = {"drawstyle": "steps-post"} if chart.steps else {}
        order = 2 if line.baseline else 4 - i / 100
        handles += axes.plot(line.x, line.y, zorder=order, **look, **style)
    axes.set_xlabel(chart.across)
    axes.set_ylabel(chart.up)
    axes.xaxis.set_major_formatter(_thousands)
    if chart.unit_interval:
        axes.set_ylim(-0.03, 1.03)
    axes.margins(x=0.02)
    return handles


def _marks(chart: Chart, line: ChartLine) -> dict[str, Any]:
    """Colour, marker and dash pattern of a line, by its place among its like."""
    like = [other for other in chart.lines if other.baseline == line.baseline]
    place = like.index(line)
    colours = list(GREYS if line.baseline else COLOURS)
    shift = len(MARKERS) // 2 if line.baseline else 0
    return {
        "color": colours[place % len(colours)],
        "marker": MARKERS[(place + shift) % len(MARKERS)],
        "linestyle": DASHES[(place + (1 if line.baseline else 0)) % len(DASHES)],
        "markevery": max(1, len(line.x) // 8),
    }


def _name(line: ChartLine) -> str:
    """A label as the legend takes it: one line, no harm, not too long, no hiding underscore."""
    name = " ".join(HARMFUL.sub("?", line.label).split()) or "?"
    name = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
    return f" {name}" if name.startswith("_") else name


def _thousands(value: float, place: int | None = None) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _style() -> dict[str, Any]:
    ink, rule = INK[0], RULE[0]
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "leapbench",
        "text.parse_math": False,  # a name may hold dollars
        "font.size": 11,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": rule,
        "axes.facecolor": PAPER[0],
        "figure.facecolor": PAPER[0],
        "savefig.facecolor": PAPER[0],
        "xtick.color": rule,
        "ytick.color": rule,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": rule,
        "grid.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "lines.linewidth": 1.6,
        "lines.markersize": 5,
        "legend.frameon": False,
        "legend.fontsize": 10.5,
        "legend.handlelength": 2.6,
        "legend.columnspacing": 1.6,
    }


def _themed(text: str) -> str:
    """Colours as variables, fonts as the reader has them."""
    pairs = COLOURS | GREYS | dict((INK, PAPER, RULE))
    for i, light in enumerate(pairs):
        text = text.replace(light, f"var(--c{i}, {light})")
    dark = "; ".join(f"--c{i}: {colour}" for i, colour in enumerate(pairs.values()))
    rule = f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    text = text.replace("</style>", f"\n{rule}\n</style>", 1)
    return re.sub(r"(font: [\d.]+px )'DejaVu Sans'[^;\"]*", rf"\g<1>{FONT}", text)

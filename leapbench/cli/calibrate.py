"""`leapbench calibrate`: a device profile of the machine at hand."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leapbench.cli.group import Command

if TYPE_CHECKING:
    from leapbench.envs.latency.calibration import Quality
    from leapbench.envs.latency.measuring import Point


@click.command(
    cls=Command,
    short_help="Measure this processor, as a device of the latency tasks.",
    sections={
        "Examples": (
            "leapbench calibrate",
            "leapbench calibrate --out desk.toml --title 'the desk machine, one thread'",
            "leapbench calibrate --shapes 12 --force",
        ),
        "Exit codes": (
            "0  the profile is stored",
            "1  it is stored, but foretells other shapes worse than it should",
            "2  a mistake in the command, or a machine too busy to measure on: nothing is stored",
        ),
    },
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="File of the profile; its picture goes beside it.  [default: device this-cpu]",
)
@click.option(
    "--title", default="this processor, one thread", show_default=True, help="A few words."
)
@click.option(
    "--shapes",
    type=click.IntRange(min=8, max=500),
    default=48,
    show_default=True,
    help="Blocks to measure; every fourth one is held out.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=3, max=1000),
    default=11,
    show_default=True,
    help="Timings of each.",
)
@click.option("--force", is_flag=True, help="Go on where the machine is too busy to measure on.")
def command(out: Path | None, title: str, shapes: int, rounds: int, force: bool) -> None:
    """Time spatially dynamic blocks on one thread of this processor, and store what they cost.

    The profile is a device like any other: `this-cpu`, or the file that --out names. Every
    fourth shape is held out, and what the profile foretells of those is compared with what was
    measured. About half a minute of processor time with the usual shapes.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from leapbench.cli.output import progress
    from leapbench.envs.latency import calibration, measuring
    from leapbench.envs.latency.device import MINE, stored
    from leapbench.envs.latency.sparse.timing import gate
    from leapbench.errors import UserError

    path = out or stored() / f"{MINE}.toml"
    if path.suffix != ".toml":
        raise UserError(f"--out {path}: a device's file ends in .toml.")
    with progress("calibrate") as report:
        found = measuring.measure(measuring.shapes(shapes), rounds, report)
    noise = gate(found.repeats, found.waits, force)
    fit, held_out = calibration.split(found.points)
    costs = calibration.fitted(fit)
    quality = calibration.quality(costs, held_out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(calibration.toml(calibration.described(costs, title)), encoding="utf-8")
    _tell(noise, fit, held_out, quality, path)
    for missed in quality.missed:
        click.echo(f"warning: {missed}; measure again when the machine is quiet.", err=True)
    sys.exit(1 if quality.missed else 0)


def _tell(
    noise: str, fit: list[Point], held_out: list[Point], quality: Quality, path: Path
) -> None:
    from leapbench.cli.output import console, facts

    def counted(points: list[Point]) -> str:
        return f"{len(points):,} timings of {len({each.shape for each in points})} shapes"

    good = f"{quality.granularity:.0%} of {quality.cases} choices within a tenth of the best"
    lines = [
        ("noise", noise),
        ("fitted to", counted(fit)),
        ("held out", counted(held_out)),
        ("median error", f"{quality.error:.1%}  (at most 12 %)"),
        ("Spearman", f"{quality.spearman:.3f}  (at least 0.9)"),
        ("granularity", f"{good}  (at least 80 %)"),
        ("profile", str(path)),
        ("picture", _picture(quality, path.with_suffix(".png"))),
    ]
    console().print(facts(lines))


def _picture(quality: Quality, path: Path) -> str:
    """Draw predicted against measured times; the path, or why there is no picture."""
    from leapbench.errors import UserError
    from leapbench.figures import matplotlib

    try:
        mpl = matplotlib()
    except UserError as error:
        return str(error)
    figure = mpl.figure.Figure((5, 5), layout="constrained")
    axes = figure.subplots()
    predicted, measured = quality.predicted * 1e3, quality.measured * 1e3
    ends = [min(predicted.min(), measured.min()), max(predicted.max(), measured.max())]
    axes.fill_between(
        ends,
        [0.88 * each for each in ends],
        [1.12 * each for each in ends],
        color="0.9",
        label="within 12 %",
    )
    axes.plot(ends, ends, color="0.5", linewidth=1)
    axes.scatter(measured, predicted, s=9, alpha=0.5, linewidths=0)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="measured, ms",
        ylabel="predicted, ms",
        title=f"held-out blocks: median error {quality.error:.1%}",
    )
    axes.set_aspect("equal")
    axes.legend(loc="upper left")
    figure.savefig(path, dpi=130)
    return str(path)

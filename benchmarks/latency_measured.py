r"""Measured latency of spatially dynamic networks over the same network run densely, one thread.

    MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=1000000000 OMP_NUM_THREADS=1 \
        python benchmarks/latency_measured.py --networks needle-networks --picture measured.png

Needle images of 80 pixels: a digit of 16 decides, nine tenths of the image do not matter. The
dense side is the fastest of several layouts, folded and in inference mode. All take turns;
ratios are of the thread's own clock within a round, medians and quartiles over rounds. Nothing
is reported when the same thing timed twice differs too much. Maskers are run and paid for, but
masks are those of the object and of cells around it: what is measured is the execution, where
masks are as good as can be. The networks are trained at the first call (about 3 CPU-minutes) and
kept in the folder. The two variables keep memory that was asked for once, on both sides.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

import latency_training as training
import numpy as np
import torch
from torch import Tensor

from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.envs.latency.sparse import timing
from leapbench.envs.latency.sparse.network import SpatiallyDynamic
from leapbench.envs.threads import one_thread
from leapbench.errors import UserError
from leapbench.figures import matplotlib
from leapbench.studies.latency.layouts import Looking, dense_layouts, masked_stream, stream

BATCHES = (1, 8)
STREAM = 16
"""Images of a timed call, in batches."""
AROUND = (0, 1, 2, 3, 10)
"""Cells computed around those of the object; the last is all of the image."""
BAR, LOSS = 0.54, -0.002
"""Ratio that is 46 % lower latency (LASNet, abstract, Jetson TX2), and what counts as no loss."""
SHAPE = training.SHAPE
Ratios = dict[int, dict[int, tuple[float, float, float]]]


def objects(pictures: Any, around: int) -> list[Tensor]:
    """Masks (N, m, m) of the cells of the object and around it, one a block."""
    cells = SHAPE.cells
    return [torch.from_numpy(training.touched(pictures.boxes, side, around)) for side in cells]


def answers(network: SpatiallyDynamic, images: Tensor, masks: list[Tensor] | None) -> Tensor:
    """Classes (N,); everything is computed where there are no masks."""
    found = []
    for at in range(0, len(images), 16):
        part = images[at : at + 16]
        each = None if masks is None else [mask[at : at + 16] for mask in masks]
        logits = network.static(part) if each is None else network.sparse(part, each)
        found.append(logits.argmax(1))
    return torch.cat(found)


def paired(right: Tensor, base: Tensor) -> tuple[float, float]:
    """Difference in points, and half the width of its 95 % interval."""
    gain = (right.float() - base.float()) * 100
    return float(gain.mean()), 1.96 * float(gain.std()) / len(gain) ** 0.5


def times(
    networks: dict[str, DynamicNetwork], test: Any, batch: int, rounds: int, force: bool
) -> dict[int, tuple[float, float, float]]:
    """Ratio to the fastest dense layout, its median and quartiles, by cells around the object."""
    some = torch.tensor(test.images[:STREAM])
    some = some.contiguous(memory_format=torch.channels_last)
    layouts = dense_layouts(networks["tuned"], batch)
    calls = [stream(net, some, batch) for net in layouts.values()]
    dynamic = Looking(networks["masked"], SHAPE.granularity)
    for around in AROUND:
        masks = [mask[:STREAM] for mask in objects(test, around)]
        calls.append(masked_stream(dynamic, some, masks, batch))
    with one_thread():
        found = timing.in_turns(calls, rounds)
    print(f"batch {batch}: " + timing.gate(float(np.median(found.repeats)), found.waits, force))
    medians = np.median(found.seconds, 0) * 1e3 / STREAM
    fastest = int(medians[: len(layouts)].argmin())
    for place, name in enumerate(layouts):
        mark = "  <- the dense side" if place == fastest else ""
        print(f"  {name:<20}{medians[place]:8.3f} ms an image{mark}")
    return {each: found.ratio(len(layouts) + i, fastest) for i, each in enumerate(AROUND)}


def picture(path: Path, rates: list[float], points: list[float], ratios: Ratios) -> None:
    """Ratio against share of cells, and against accuracy."""
    figure = matplotlib().figure.Figure((9, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for batch, found in ratios.items():
        middle = [found[each][0] for each in AROUND]
        spread = np.abs(np.array([found[each][1:] for each in AROUND]).T - middle)
        for axes, x in ((left, rates), (right, points)):
            axes.errorbar(x, middle, spread, marker="o", label=f"batch {batch}")
    for axes in (left, right):
        axes.axhline(BAR, color="0.5", linestyle="--", label="46 % less")
        axes.axhline(1, color="0.8")
        axes.set_ylim(0, 1.3)
    left.set(xlabel="share of cells computed", ylabel="measured latency, dynamic over dense")
    right.axvspan(100 * LOSS, max(0.5, *points), color="0.94", label="no loss of accuracy")
    right.set(xlabel="accuracy over dense, points")
    right.legend()
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=Path, default=Path("needle-networks"))
    parser.add_argument("--images", type=int, default=2000, help="to judge accuracy on")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--force", action="store_true", help="report also on a busy machine")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    networks = training.networks(asked.networks)
    test = training.images(asked.images, "test", 12)
    try:
        ratios = {b: times(networks, test, b, asked.rounds, asked.force) for b in BATCHES}
    except UserError as error:
        sys.exit(f"error: {error}")
    images, labels = torch.tensor(test.images), torch.tensor(test.labels)
    dense, base = (answers(SpatiallyDynamic(networks[name], SHAPE.granularity), images, None)
                   == labels for name in ("dense", "tuned"))  # fmt: skip
    print(f"accuracy: dense {dense.float().mean():.2%}, tuned further as the dynamic one "
          f"{base.float().mean():.2%}")  # fmt: skip
    dynamic, rates, gains = SpatiallyDynamic(networks["masked"], SHAPE.granularity), [], []
    for around in AROUND:
        masks = objects(test, around)
        rates.append(float(torch.stack([mask.float().mean() for mask in masks]).mean()))
        gain, half = paired(answers(dynamic, images, masks) == labels, base)
        gains.append(gain)
        listed = "  ".join(
            "batch {}: {:.3f} [{:.3f}, {:.3f}]".format(b, *ratios[b][around]) for b in BATCHES
        )
        print(f"{rates[-1]:6.1%} of cells, {gain:+.2f} ± {half:.2f} points, {listed}", flush=True)
    for batch in BATCHES:
        ratio = ratios[batch][0][0]
        held = ratio <= BAR and gains[0] >= 100 * LOSS
        verdict = f"46 % at no loss is {'reached' if held else 'missed'}"
        cut = f"{1 - ratio:.1%} lower latency at {gains[0]:+.2f} points"
        print(f"batch {batch}, cells of the object: {cut}; {verdict}")
    if asked.picture:
        picture(asked.picture, rates, gains, ratios)


if __name__ == "__main__":
    main()

r"""Predicted against measured latency of an agent's network under its own masks, on this processor.

    python -m leapbench.studies.latency.measured latency/needle --tier lite --agent lasnet

The agent learns as in `leapbench run` (or is taken from `--out`, where `run --keep` left it). It
then plays the task's streams at every budget, charged by the profile of a processor: `this-cpu` if
`leapbench calibrate` stored one, else the suite's. The masks that it chose and could pay for are
given to the block-sparse execution of its network, which runs in turns with the fastest dense
layout of the network of the first phase, on the same images and one thread. Maskers are run; what
the policy itself computes is not timed. Timings are no part of any result: this prints a table,
and refuses to where the same thing timed twice differs too much.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leapbench.envs.latency.device import MINE, PROCESSOR, Device, batched, stored
from leapbench.envs.latency.sparse import timing
from leapbench.envs.threads import one_thread
from leapbench.errors import UserError
from leapbench.results import atomic
from leapbench.results.provenance import provenance
from leapbench.running.cell import Cell
from leapbench.studies.latency import layouts
from leapbench.studies.latency.playing import dynamic, learned, played
from leapbench.tasks.latency import scores
from leapbench.tasks.latency.harness import MasksHarness


@dataclass(frozen=True)
class Row:
    """One budget at one batch: shares of the static latency, and milliseconds an image.

    Attributes:
        predicted_ms: as charged, of the blocks alone.
        measured: median over rounds of dynamic over dense.
        low: lower quartile.
        high: upper quartile.
        measured_ms: median of the dynamic network.
        dense_ms: median of the fastest dense layout.
    """

    batch: int
    budget: float
    accuracy: float
    kept: float
    predicted: float
    predicted_ms: float
    measured: float
    low: float
    high: float
    measured_ms: float
    dense_ms: float


def measured(
    harness: MasksHarness,
    parts: dict[str, Any],
    device: Device,
    rounds: int,
    force: bool = False,
) -> tuple[str, list[Row]]:
    """Every budget at the batch of a device, dense and dynamic in turns on one thread.

    Args:
        harness: of the task.
        parts: that have learned, by role.
        device: a processor; its batch is the one that is run.
        rounds: timings of each.
        force: report also on a busy machine.

    Returns:
        What the noise was, and a row a budget.

    Raises:
        UserError: when the machine is too busy.
    """
    found = [played(harness, parts, device, b) for b in harness.protocol.evaluation.budgets]
    whole, test = harness.rebuilt(None, parts["model"]), harness.splits["test"]
    dense, run = layouts.dense_layouts(whole, device.batch), dynamic(harness, parts)
    count = len(found[0].images)
    count -= count % min(device.batch, count)
    calls = []
    for each in found:
        images = torch.tensor(test.images[each.images[:count]])
        images = images.contiguous(memory_format=torch.channels_last)
        masks = [mask[:count] for mask in each.masks]
        calls.append(layouts.masked_stream(run, images, masks, device.batch))
    ordinary = [layouts.stream(net, images, device.batch) for net in dense.values()]
    with one_thread():
        times = timing.in_turns([*ordinary, *calls], rounds)
    noise = timing.gate(float(np.median(times.repeats)), times.waits, force)
    medians = np.median(times.seconds, 0) * 1e3 / count
    fastest = int(medians[: len(ordinary)].argmin())
    rows = []
    for place, each in enumerate(found, len(ordinary)):
        seen = (each.budget, each.accuracy, each.kept, each.predicted, each.predicted_ms)
        ratios = times.ratio(place, fastest)
        spent = float(medians[place]), float(medians[fastest])
        rows.append(Row(device.batch, *seen, *ratios, *spent))
    chosen = found[0].images
    right = (scores.answers(whole, test) == test.labels)[chosen].mean()
    told = f"right in {right:.1%} of {len(chosen)} images, fastest as {list(dense)[fastest]!r}"
    return f"batch {device.batch}: {noise}; dense network: {told}", rows


def table(rows: Sequence[Row]) -> str:
    """As Markdown."""
    head = "| batch | budget | accuracy | cells | predicted | measured | ms | dense ms |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    lines += [
        f"| {r.batch} | {r.budget:g} | {r.accuracy:.3f} | {r.kept:.0%} | {r.predicted:.2f} | "
        f"{r.measured:.2f} [{r.low:.2f}, {r.high:.2f}] | {r.measured_ms:.3f} | {r.dense_ms:.3f} |"
        for r in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn, play, time, print."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("--tier", default="lite")
    parser.add_argument("--agent", default="lasnet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8], help="images at once")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder of the runs")
    parser.add_argument("--save", type=Path, help="the rows as JSON, too")
    parser.add_argument("--force", action="store_true", help="report also on a busy machine")
    asked = parser.parse_args(arguments)
    if min(asked.batch) < 1 or asked.rounds < 2:
        parser.error("--batch takes numbers from 1 on, --rounds from 2 on")
    name = MINE if (stored() / f"{MINE}.toml").is_file() else PROCESSOR
    try:
        one = Cell(asked.task, asked.tier, asked.agent, asked.seed, (), asked.out)
        harness, parts = learned(one)
        found = []
        for batch in asked.batch:
            noise, rows = measured(harness, parts, batched(name, batch), asked.rounds, asked.force)
            found += rows
            print(f"{noise}; predicted by {name}", file=sys.stderr)  # noqa: T201
    except UserError as error:
        sys.exit(f"error: {error}")
    print(table(found))  # noqa: T201
    if asked.save:
        facts = {"task": asked.task, "tier": asked.tier, "agent": asked.agent, "seed": asked.seed}
        made = {"profile": name, "provenance": provenance(), "rows": [asdict(r) for r in found]}
        atomic.write(asked.save, (json.dumps(facts | made, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()

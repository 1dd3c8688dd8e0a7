"""From streams to rows, and from rows to metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from leapbench.contract.harness import EpisodeRow
from leapbench.envs.latency.budget.streams import Streams
from leapbench.envs.latency.dynamic import DynamicNetwork
from leapbench.envs.latency.needle import Pictures

BATCH = 200
LOSS = 0.005
"""Accuracy that may be lost without its being called a loss."""


def row(streams: Streams, index: int, static: int, dense: np.ndarray) -> EpisodeRow:
    """How one stream ended, as a flat record.

    Args:
        streams: after the end.
        index: of the stream.
        static: picoseconds an image through the full network, run densely.
        dense: bool (N,), images that the network of the first phase gets right.
    """
    each, order = streams.spent[index], streams.order[index]
    cells = streams.world.cells
    return {
        "accuracy": float(streams.right[index].mean()),
        "dense": float(dense[order].mean()),
        "images": len(order),
        "spent": int(each.sum()),
        "limit": int(streams.purse[index]),
        "static": static,
        "median": int(np.median(each)),
        "late": int(np.quantile(each, 0.95, method="higher")),
        "kept": float((streams.kept[index] / cells).mean()),
        "forced": int(streams.forced[index]),
    }


def curves(rows: Sequence[EpisodeRow]) -> list[dict[str, Any]]:
    """Accuracy and realised latency at each budget of each device, both ascending."""
    keys = sorted({(str(row["device"]), float(row["budget"])) for row in rows})
    found = []
    for device, budget in keys:
        some = [r for r in rows if r["device"] == device and r["budget"] == budget]
        found.append(
            {
                "device": device,
                "budget": budget,
                "accuracy": float(np.mean([float(r["accuracy"]) for r in some])),
                "latency": float(
                    np.mean([int(r["spent"]) / int(r["images"]) / int(r["static"]) for r in some])
                ),
            }
        )
    return found


def metrics(rows: Sequence[EpisodeRow]) -> dict[str, float]:
    """Every metric of a run.

    `accuracy` is the area under the curve of accuracy against the budget, over the width of the
    budgets, mean over devices; `area_DEVICE` is that of one device. `saved_DEVICE` is the
    largest share of the static latency that a budget saves whose accuracy is at most half a point
    below that of the network of the first phase, run densely; 0 where there is none. `saved` is
    its mean.
    """
    points = curves(rows)
    bar = float(np.mean([float(row["dense"]) for row in rows])) - LOSS
    found: dict[str, float] = {}
    devices = sorted({point["device"] for point in points})
    for device in devices:
        own = [point for point in points if point["device"] == device]
        budgets, accuracy = ([p[key] for p in own] for key in ("budget", "accuracy"))
        found[f"area_{device}"] = area(budgets, accuracy)
        able = [1 - p["latency"] for p in own if p["accuracy"] >= bar]
        found[f"saved_{device}"] = max(0.0, *able) if able else 0.0
    for name in ("area", "saved"):
        mean = float(np.mean([found[f"{name}_{device}"] for device in devices]))
        found["accuracy" if name == "area" else name] = mean
    found["dense"] = bar + LOSS
    found["kept"] = float(np.mean([float(row["kept"]) for row in rows]))
    found["violations"] = float(sum(int(row["spent"]) > int(row["limit"]) for row in rows))
    return found


def answers(network: DynamicNetwork, found: Pictures) -> np.ndarray:
    """Classes int64 (N,) that a network, run densely, says images to be."""
    given, place = [], next(network.parameters()).device
    with torch.no_grad():
        for start in range(0, len(found), BATCH):
            images = torch.tensor(found.images[start : start + BATCH])
            batch = images.contiguous(memory_format=torch.channels_last).to(place)
            given.append(network(batch).argmax(1).cpu().numpy())
    return np.concatenate(given)


def area(budgets: Sequence[float], accuracy: Sequence[float]) -> float:
    """Area under a curve of straight lines, over its width; the value where there is one only."""
    if len(budgets) < 2:
        return float(accuracy[0])
    return float(np.trapezoid(accuracy, budgets) / (budgets[-1] - budgets[0]))

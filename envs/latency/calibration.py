"""Costs of a processor from measured blocks, and how well they foretell other shapes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from leapbench.envs.latency.costs import PLANS, Costs, Rates, Work
from leapbench.envs.latency.device import WORD, Device
from leapbench.envs.latency.measuring import MASKER, Point

Numbers = NDArray[np.float64]
CLOSE = 0.1
"""What a predicted-best granularity may take more than the measured best."""


@dataclass(frozen=True)
class Quality:
    """How costs foretell shapes that they were not fitted to.

    Attributes:
        predicted: seconds, (points,).
        measured: seconds, (points,).
        error: median relative difference.
        spearman: rank correlation.
        granularity: share of shapes and rates whose predicted-best granularity takes at most a
            tenth more than the measured best.
        cases: how many those are.
    """

    predicted: Numbers
    measured: Numbers
    error: float
    spearman: float
    granularity: float
    cases: int

    @property
    def missed(self) -> list[str]:
        """Which bars of acceptance are missed."""
        bars = {
            f"median error {self.error:.1%}, expected at most 12 %": self.error <= 0.12,
            f"Spearman {self.spearman:.3f}, expected at least 0.9": self.spearman >= 0.9,
            f"granularity {self.granularity:.0%}, expected at least 80 %": self.granularity >= 0.8,
        }
        return [bar for bar, held in bars.items() if not held]


def split(points: Sequence[Point], held_out: int = 4) -> tuple[list[Point], list[Point]]:
    """Points of shapes to fit to, and of every `held_out`-th shape to test on."""
    fitted = [point for point in points if point.shape % held_out]
    return fitted, [point for point in points if not point.shape % held_out]


def fitted(points: Sequence[Point]) -> Costs:
    """Rates that are not negative and of least relative error, for every plan."""
    rates = {}
    for plan in (*PLANS, MASKER):
        chosen = [point for point in points if point.plan == plan]
        table = np.stack([point.work().table() for point in chosen])
        rates[plan] = _rates(table, np.array([point.seconds for point in chosen]))
    return Costs(**rates)


def _rates(table: Numbers, seconds: Numbers) -> Rates:
    shares = table / seconds[:, None]
    scale = np.maximum(shares.max(0), 1e-30)
    model = LinearRegression(positive=True, fit_intercept=False)
    weights = np.ones(len(seconds))
    for _ in range(10):  # towards the least sum of absolute errors
        model.fit(shares / scale, np.ones(len(seconds)), weights)
        weights = 1 / np.maximum(np.abs(shares / scale @ model.coef_ - 1), 0.03)
    # Four digits: the file is read by people.
    found = [float(f"{value:.4g}") for value in model.coef_ / scale]
    return Rates(**dict(zip(Work.__dataclass_fields__, found, strict=True)))


def predicted(costs: Costs, points: Sequence[Point]) -> Numbers:
    """Seconds of every point."""
    return np.array([float(getattr(costs, each.plan).seconds(each.work())) for each in points])


def quality(costs: Costs, points: Sequence[Point]) -> Quality:
    """Costs beside points that they were not fitted to."""
    told, measured = predicted(costs, points), np.array([point.seconds for point in points])
    ranks = np.stack([each.argsort().argsort() for each in (told, measured)]).astype(float)
    spearman = float(np.corrcoef(ranks)[0, 1])
    close = _close(points, told)
    error = float(np.median(np.abs(told / measured - 1)))
    return Quality(told, measured, error, spearman, float(np.mean(close)), len(close))


def _close(points: Sequence[Point], told: Numbers) -> list[bool]:
    """Whether the granularity that is told to be best is near the best, by shape and rate."""
    cases: dict[tuple[int, float], dict[int, tuple[float, float]]] = {}
    for point, seconds in zip(points, told, strict=True):
        if point.plan in (MASKER, "whole"):
            continue
        sides = cases.setdefault((point.shape, point.rate), {})
        plan = (float(seconds), point.seconds)  # the plan that would run is the one told fastest
        known = sides.get(point.granularity, plan)
        sides[point.granularity] = min(known, plan, key=_told)
    found = []
    for sides in cases.values():
        if len(sides) > 1:
            _, taken = min(sides.values(), key=_told)
            found.append(taken <= (1 + CLOSE) * min(seconds for _, seconds in sides.values()))
    return found


def _told(pair: tuple[float, float]) -> float:
    return pair[0]


def described(costs: Costs, title: str) -> Device:
    """A device of one engine with these costs; its other numbers are what they amount to."""
    lanes = 32
    word = costs.gathered.moved or costs.masker.moved
    return Device(
        title=title,
        engines=1,
        lanes=lanes,
        clock=1 / (lanes * costs.whole.linear),
        bandwidth=WORD / word,
        cache=1.0,
        depth=1,
        launch=costs.whole.calls,
        costs=costs,
    )


def toml(device: Device) -> str:
    """The device as a file that `leapbench.envs.latency.device` reads."""
    told = device.model_dump(exclude_defaults=True)
    costs = told.pop("costs")
    lines = [f"{key} = {_value(value)}" for key, value in told.items()]
    for plan, rates in costs.items():
        lines += ["", f"[costs.{plan}]"]
        lines += [f"{key} = {_value(value)}" for key, value in rates.items()]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"{value:.4g}" if isinstance(value, float) else str(value)

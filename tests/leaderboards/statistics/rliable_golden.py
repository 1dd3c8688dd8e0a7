"""Writes rliable_golden.json: what rliable 1.2.0 says about fixed scores and resamples.

rliable draws its indices from NumPy's legacy global generator, whose stream is
frozen, so a seed is all that a test needs to use the same resamples. Run it in an
environment that has rliable and pandas < 3:

    python tests/leaderboards/statistics/rliable_golden.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

REPS, SEED = 300, 11
TAUS = [-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 9.0]
SHAPES = {"small": (3, 4), "wide": (5, 12), "tall": (10, 3), "ties": (6, 5)}


def scores(case: str) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.RandomState(len(case))
    made = random.gamma(2.0, 0.4, (2, *SHAPES[case])).round(1 if case == "ties" else 6)
    return made[0], made[1][:-1] * 1.2  # one run fewer on the other side


def reference(case: str) -> dict:
    from rliable import library, metrics

    x, y = scores(case)

    def four(table: np.ndarray) -> np.ndarray:
        return np.array(
            [
                metrics.aggregate_iqm(table),
                metrics.aggregate_median(table),
                metrics.aggregate_mean(table),
                metrics.aggregate_optimality_gap(table),
            ]
        )

    def seeded(data: object, function: object) -> dict:
        np.random.seed(SEED)
        point, ends = library.get_interval_estimates({"x": data}, function, reps=REPS)
        return {"value": np.asarray(point["x"]).tolist(), "ends": np.asarray(ends["x"]).tolist()}

    def profile(runs: bool) -> dict:
        np.random.seed(SEED)
        point, ends = library.create_performance_profile(
            {"x": x}, TAUS, use_score_distribution=runs, reps=REPS
        )
        return {"value": point["x"].tolist(), "ends": ends["x"].tolist()}

    return {
        "x": x.tolist(),
        "y": y.tolist(),
        "aggregates": seeded(x, four),
        "improvement": seeded((x, y), metrics.probability_of_improvement),
        "runs": profile(True),
        "tasks": profile(False),
    }


def main() -> None:
    found = {case: reference(case) for case in SHAPES}
    said = {"reps": REPS, "seed": SEED, "taus": TAUS, "cases": found}
    path = Path(__file__).with_name("rliable_golden.json")
    path.write_text(json.dumps(said) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""What tasks on streams of samples share: how episodes ended, and accuracy at each budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.harness import EpisodeRow, Report
from leapbench.contract.rollout import rollout
from leapbench.errors import UserError


def finals(
    env: Any, policy: Any, observation: Any, columns: Sequence[str], report: Report
) -> list[dict[str, Any]]:
    """Step until every episode has ended; the named columns of each one's final info.

    Args:
        env: vector environment that was reset, without autoreset.
        policy: acts in it.
        observation: its first.
        columns: of the final info.
        report: called with the fraction done in [0, 1] and a short line.
    """
    found: list[dict[str, Any]] = [{} for _ in range(env.num_envs)]
    for step in rollout(env, policy, observation):
        for i in np.flatnonzero(step.ended):
            found[i] = {key: step.info[key][i] for key in columns}
            report(1.0 - step.live.mean(), "evaluating")
    return found


def shares(samples: int, rows: int, length: int, seed: int) -> NDArray[np.int64]:
    """Which samples each row of an evaluation is played on: none occurs in two rows.

    What a policy remembers of a sample in one row is then of no use to it in another.

    Args:
        samples: held-out samples.
        rows: of the evaluation.
        length: samples of a row.
        seed: decides which go where.

    Returns:
        int64 (rows, length).

    Raises:
        UserError: when there are too few.
    """
    if rows * length > samples:
        raise UserError(
            f"{rows} streams of {length} need {rows * length:,} test samples, each for one "
            f"stream alone; there are {samples:,}.",
            "Take a shorter `stream`, or fewer episodes.",
        )
    order = np.random.default_rng(seed).permutation(samples)
    return np.asarray(order[: rows * length].reshape(rows, length))


def curve(rows: Sequence[EpisodeRow]) -> list[dict[str, float]]:
    """Accuracy and realised multiply-adds per sample at each budget, ascending."""
    points = []
    for budget in sorted({row["budget"] for row in rows}):
        chosen = [row for row in rows if row["budget"] == budget]
        points.append(
            {
                "budget": float(budget),
                "accuracy": float(np.mean([row["accuracy"] for row in chosen])),
                "multiply_adds": float(
                    np.mean([int(row["spent"]) / int(row["length"]) for row in chosen])
                ),
            }
        )
    return points

"""One row of an evaluation of glances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from leapbench.contract.harness import EpisodeRow, Report
from leapbench.envs.videoglance.vector import VideoGlanceVectorEnv
from leapbench.tasks.streams import finals

COLUMNS = ("accuracy", "spent", "budget", "looks", "forced", "unanswered")


def played(env: VideoGlanceVectorEnv, row: EpisodeRow, policy: Any, report: Report) -> EpisodeRow:
    """How a stream ended.

    Args:
        env: a single stream, without autoreset.
        row: has its `seed` and `budget`.
        policy: acts in it.
        report: called with the fraction done in [0, 1] and a short line.
    """
    observation, _ = env.reset(seed=[int(row["seed"])], options={"budget": [row["budget"]]})
    (final,) = finals(env, policy, observation, COLUMNS, report)
    return _row(final, int(env.streams.hits[0]))


def _row(final: Mapping[str, Any], hits: int) -> EpisodeRow:
    """How one episode ended, as a flat record."""
    counts = np.asarray(final["looks"])
    answered = int(counts.sum())
    return {
        "accuracy": float(final["accuracy"]),
        "length": answered + int(final["unanswered"]),
        "answered": answered,
        "spent": int(final["spent"]),
        "limit": int(final["budget"]),
        "forced": int(final["forced"]),
        "looks": int((counts * np.arange(len(counts))).sum()),
        "hits": hits,
    }

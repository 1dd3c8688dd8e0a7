"""Statistics of scores over runs and tasks: seeded, vectorised, NumPy alone."""

from leapbench.leaderboards.statistics.curves import Curve, curve
from leapbench.leaderboards.statistics.estimators import (
    Aggregates,
    aggregates,
    iqm,
    mean,
    median,
    optimality_gap,
)
from leapbench.leaderboards.statistics.improvement import probability_of_improvement
from leapbench.leaderboards.statistics.interval import Interval
from leapbench.leaderboards.statistics.paired import (
    paired_difference,
    paired_difference_over_tasks,
)
from leapbench.leaderboards.statistics.profiles import Profile, performance_profile
from leapbench.leaderboards.statistics.ranks import (
    RankInterval,
    rank_intervals,
    rank_intervals_bootstrap,
    tie_groups,
    tie_groups_bootstrap,
)
from leapbench.leaderboards.statistics.student import mean_interval, welch_difference

__all__ = [
    "Aggregates",
    "Curve",
    "Interval",
    "Profile",
    "RankInterval",
    "aggregates",
    "curve",
    "iqm",
    "mean",
    "mean_interval",
    "median",
    "optimality_gap",
    "paired_difference",
    "paired_difference_over_tasks",
    "performance_profile",
    "probability_of_improvement",
    "rank_intervals",
    "rank_intervals_bootstrap",
    "tie_groups",
    "tie_groups_bootstrap",
    "welch_difference",
]

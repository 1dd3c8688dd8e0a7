"""Tables of boards, aggregates, claims and comparisons, before anyone draws them."""

from leapbench.leaderboards.tables.board import board_table
from leapbench.leaderboards.tables.claims import claims_table
from leapbench.leaderboards.tables.compare import compare_table
from leapbench.leaderboards.tables.costs import costs_table
from leapbench.leaderboards.tables.generalists import generalists_table
from leapbench.leaderboards.tables.links import NOWHERE, Links
from leapbench.leaderboards.tables.overall import overall_table

__all__ = [
    "NOWHERE",
    "Links",
    "board_table",
    "claims_table",
    "compare_table",
    "costs_table",
    "generalists_table",
    "overall_table",
]

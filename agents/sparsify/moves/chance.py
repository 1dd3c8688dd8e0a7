"""Moves at random."""

from __future__ import annotations

from leapbench.agents.common.chance import Chance


class RandomMoves(Chance):
    """Any move, with the same probability; acts in the world."""

    plays = True

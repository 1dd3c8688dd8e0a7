"""Where a claim's marks lie in a forest plot: the published effect, ours, what could be resolved.

Every claim has a scale of its own, since their units differ. Zero is in the middle, and what
speaks for the claim is on the right, also where less of a metric is better.
"""

from __future__ import annotations

from dataclasses import dataclass

from leapbench.leaderboards.claims import ClaimResult
from leapbench.leaderboards.tables.cells import figure

WIDTH, HEIGHT = 240, 26
MARGIN = 8  # of the plot, pixels
FURTHEST = 3.0  # times our own extent at which a published effect is drawn at the edge


@dataclass(frozen=True)
class Forest:
    """One line of a forest plot; every place in pixels of `WIDTH`.

    Attributes:
        value: our effect.
        low: lower end of its 95 % interval.
        high: upper end.
        left: where the effects begin that these seeds would not have told from zero.
        right: where they end.
        published: the published effect; None where none was.
        beyond: whether that lies further out than is drawn.
        resolved: half of our interval, as text.
    """

    value: float
    low: float
    high: float
    left: float
    right: float
    published: float | None
    beyond: bool
    resolved: str


def forest(found: ClaimResult) -> Forest | None:
    """The marks of a claim; None without an interval."""
    effect = found.effect
    if effect is None or not effect.known:
        return None
    less = not found.claim.metric and not found.protocol.metric.higher_is_better
    sign = -1.0 if less else 1.0
    half = (effect.high - effect.low) / 2
    extent = max(abs(effect.low), abs(effect.high), half) or 1.0
    published = found.claim.effect
    beyond = published is not None and abs(published) > FURTHEST * extent
    if published is not None and not beyond:
        extent = max(extent, abs(published))

    def at(value: float) -> float:
        share = max(-1.0, min(1.0, sign * value / extent))
        return round(WIDTH / 2 + share * (WIDTH / 2 - MARGIN), 1)

    low, high = sorted((at(effect.low), at(effect.high)))
    left, right = sorted((at(-half), at(half)))
    mark = None if published is None else at(published)
    return Forest(at(effect.value), low, high, left, right, mark, beyond, figure(half))

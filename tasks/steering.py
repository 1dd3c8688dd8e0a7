"""Harness of tasks in which a training run is steered: practice worlds, then unseen ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, ClassVar

from leapbench.contract.harness import EpisodeRow
from leapbench.contract.task import Protocol
from leapbench.tasks.interaction import InteractionHarness, Vector, episodes


class SteeringHarness(InteractionHarness):
    """Evaluation worlds have other numbers than those of practice, so other data.

    Rows have the return, which the agent has seen, and the score on what it has not.

    Attributes:
        kept: what is taken from the final infos.
    """

    kept: ClassVar[tuple[str, ...]] = ("spent",)

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Episode and reset seed of each row; the run's seed decides the worlds.

        Most schedules draw no numbers, and their runs are to differ in something.
        """
        return episodes(protocol, salt, seed)

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Means over episodes."""
        names = [name for name in rows[0] if name not in ("episode", "seed")]
        return {name: fmean(float(row[name]) for row in rows) for name in names}

    def ended(self, env: Vector, info: Mapping[str, Any], index: int) -> EpisodeRow:
        """See `InteractionHarness.ended`."""
        score = env.envs[index].get_wrapper_attr("score")()  # type: ignore[attr-defined]
        found = {key: float(info[key][index]) for key in self.kept}
        return {"score": float(score), **found}

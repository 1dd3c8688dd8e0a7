"""What could be had by trying candidates out, or with all of their pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.activeview.common.policy import Chooser, Scores
from leapbench.envs.activeview import measures
from leapbench.envs.activeview.capture import Views
from leapbench.envs.activeview.episode import Episode
from leapbench.envs.activeview.table import ViewColumn
from leapbench.envs.threads import one_thread
from leapbench.errors import UserError


class Oracle(Chooser):
    """Acts on the episode itself; the harness calls `bind` after each reset."""

    privileged = True
    episode: Episode | None = None

    def bind(self, env: Any) -> None:
        """Look into `env`, an `ActiveViewEnv` under wrappers."""
        self.episode = env.unwrapped.episode

    def bound(self) -> Episode:
        """The episode.

        Raises:
            UserError: before `bind`.
        """
        if self.episode is None:
            name = type(self).__name__
            raise UserError(f"{name} looks at the truth.", "Call bind(env) on a reset one first.")
        return self.episode


class Greedy(Oracle):
    """Trains a copy of the field with each of a few candidates, and takes the best by PSNR.

    The candidates tried are spread out: each is the furthest from those tried before
    and from the views taken. Best for the next step is not best for the episode, so that
    this is no bound that nothing could pass.

    Args:
        shortlist: candidates tried for a view.
        iterations: that a copy of the field trains for.
    """

    def __init__(self, shortlist: int = 12, iterations: int = 40) -> None:
        for name, value in (("shortlist", shortlist), ("iterations", iterations)):
            if value < 1:
                raise UserError(f"{name} must be 1 or more, got {value}.")
        self.shortlist, self.iterations = shortlist, iterations

    def scores(self, tables: NDArray[np.float32]) -> Scores:
        """PSNR after each candidate that is tried, -inf for the others; (1, C)."""
        (table,), episode = tables, self.bound()
        found = np.full((1, len(table)), -np.inf)
        for index in spread(table, self.shortlist):
            found[0, index] = self._tried(episode, int(index))
        return found

    def _tried(self, episode: Episode, index: int) -> float:
        """PSNR in dB of the hidden views after learning from a candidate as well."""
        referee, capture = episode.referee, episode.capture
        images, poses = referee.views
        field = referee.field.copy()
        with one_thread():
            field.observe(
                np.concatenate((images, capture.photograph(index)[None])),
                np.concatenate((poses, capture.candidates[index][None])),
                capture.optics.intrinsics,
            )
            field.train(self.iterations)
            colours, _ = referee.render(field)
        return measures.psnr(measures.squared_errors(colours, capture.test.images))


class Everything(Oracle):
    """Gives the field the pictures of all candidates from the first acquisition on.

    What it then takes makes no difference. The field trains as long as that of anyone
    else, so that this bounds what more views could do, not what more training could.
    """

    def bind(self, env: Any) -> None:
        """Add all candidates to the initial views."""
        super().bind(env)
        episode = self.bound()
        capture = episode.capture
        taken = np.stack([capture.photograph(i) for i in range(len(capture.candidates))])
        images, poses = capture.initial
        everything = Views(
            np.concatenate((images, taken)), np.concatenate((poses, capture.candidates))
        )
        episode.capture = episode.referee.capture = replace(capture, initial=everything)
        episode.referee.views = everything

    def scores(self, tables: NDArray[np.float32]) -> Scores:
        """Any will do."""
        return np.zeros(tables.shape[:2])


def spread(table: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Free candidates, each the furthest from views taken and from those before it.

    Args:
        table: one `ViewTable`, (C, columns).
        count: how many, at most.
    """
    places = table[:, ViewColumn.X : ViewColumn.Z + 1]
    nearest = np.where(table[:, ViewColumn.FREE] > 0, table[:, ViewColumn.DISTANCE], -1.0)
    chosen: list[int] = []
    while len(chosen) < count and nearest.max() >= 0:
        index = int(nearest.argmax())
        chosen.append(index)
        apart = np.linalg.norm(places - places[index], axis=1)
        nearest = np.where(nearest < 0, -1.0, np.minimum(nearest, apart))
        nearest[index] = -1
    return np.array(chosen, np.int64)

"""The rules, once: what the single and the vector environment both compute with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.envs.exits.budget import StreamBudget, check_length
from leapbench.envs.refusals import reals, whole, wholes
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.observation import Layout, fixed
from leapbench.envs.videoglance.reference import SPLITS, load_reference
from leapbench.errors import UserError, unknown

ACTIONS = ("cubes", "box")
"""Kinds of action spaces."""
SHARES = (0.25, 0.4, 0.6, 0.8, 1.0)
"""Budgets of the scores, as shares of the all-cubes cost."""
BOX = 4
"""Numbers of a continuous action: answer, time, row, column."""


@dataclass(frozen=True, eq=False, kw_only=True)
class GlanceWorld(StreamBudget):
    """A bank, the length of its streams and their budgets.

    Attributes:
        bank: what the reading network says of each cube.
        layout: where each block of an observation is.
        fixed: float32 (N, ...), the block of an observation that a clip alone decides.
        actions: "cubes" or "box".
    """

    words: ClassVar[tuple[str, str, str]] = ("clip", "The glance costs", "with all its looks")

    bank: Bank
    layout: Layout
    fixed: NDArray[np.float32]
    actions: str

    @classmethod
    def build(
        cls,
        bank: Bank | None,
        data: str,
        split: str,
        stream: int,
        budget: int | tuple[int, ...] | None,
        actions: str,
    ) -> GlanceWorld:
        """Validate the arguments that both environments take; see `VideoGlanceEnv`.

        Raises:
            UserError: for an unknown data set, split or kind of actions, or a length or
                budget out of range.
        """
        if bank is None:
            if split not in SPLITS:
                raise unknown("split", split, SPLITS)
            bank = load_reference(data)[SPLITS.index(split)]
        if not isinstance(bank, Bank):
            raise UserError(f"bank must be a Bank, got {type(bank).__name__}.")
        if actions not in ACTIONS:
            raise unknown("actions", str(actions), ACTIONS)
        if budget is None:
            budget = budgets(bank)
        world = cls(
            samples=bank.samples,
            length=check_length(stream, bank.samples),
            budgets=tuple(budget) if isinstance(budget, list | tuple) else (budget,),
            first=bank.first,
            full=bank.full,
            bank=bank,
            layout=Layout.of(bank),
            fixed=fixed(bank),
            actions=actions,
        )
        world.check_budgets()
        return world

    def __deepcopy__(self, memo: dict[int, Any]) -> GlanceWorld:
        return self  # read-only

    def __reduce__(self) -> tuple[Callable[..., GlanceWorld], tuple[Any, ...]]:
        """Built again: its tables follow from the bank."""
        arguments = (self.bank, "", "", self.length, self.budgets, self.actions)
        return GlanceWorld.build, arguments

    @property
    def answer(self) -> int:
        """The action that answers, C; lower ones look at the cube of that index."""
        return self.bank.grid.cubes

    @property
    def action_space(self) -> gym.Space[Any]:
        """Discrete(C + 1), or Box(-1, 1, (4,))."""
        if self.actions == "cubes":
            return gym.spaces.Discrete(self.answer + 1)
        return gym.spaces.Box(-1.0, 1.0, (BOX,), np.float32)

    def asked(self, actions: Any, lanes: int) -> NDArray[np.int64]:
        """Actions of `lanes` streams as indices, int64 (lanes,).

        Raises:
            InvalidAction: when they are not in the action space.
        """
        if self.actions == "cubes":
            return wholes(actions, lanes, self.answer + 1).astype(np.int64)
        given = reals(actions, (lanes, BOX))
        cube = self.bank.grid.nearest((given[:, 1:].astype(np.float64) + 1) / 2)
        return np.where(given[:, 0] > 0, self.answer, cube)

    def asked_one(self, action: Any) -> NDArray[np.int64]:
        """`asked` for one stream, int64 (1,).

        Raises:
            InvalidAction: when the action is not in the action space.
        """
        if self.actions == "cubes":
            return np.array([whole(action, self.answer + 1)])
        return self.asked(reals(action, (BOX,))[None], 1)

    def summary(
        self, answers: NDArray[np.int32], budget: int, remaining: int, forced: int
    ) -> dict[str, Any]:
        """The final info of an episode.

        Args:
            answers: int32, `2 * looks + correct` of each answered clip, in order.
            budget: multiply-adds per clip.
            remaining: unspent multiply-adds.
            forced: times that a look could not be paid.
        """
        total, most = self.length * budget, self.bank.looks
        taken = np.minimum(answers >> 1, most + 1)
        return {
            "accuracy": int((answers & 1).sum()) / self.length,
            "spent": total - remaining,
            "budget": total,
            "looks": np.bincount(taken, minlength=most + 2),
            "forced": forced,
            "unanswered": self.length - len(answers),
        }


def budgets(bank: Bank) -> tuple[int, ...]:
    """The budgets of the scores, multiply-adds per clip."""
    return tuple(int(share * bank.full) for share in SHARES)

"""Interface of an agent that chooses masks, and checks of what it returns."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leapbench.contract.agent import Remote
from leapbench.envs.sparsify.facts import ROUNDS, Decision, Facts, Plan
from leapbench.errors import AgentError, InvalidOutput

METHODS = ("plan", "keep")
MOST = 10_000
"""Rounds of a plan."""


class Method(Protocol):
    """A part that says which weights stay, beside the methods of every part.

    Attributes:
        separate: whether each task gets a backbone of its own; the budget stays the same.
            False where there is no such attribute.
    """

    def plan(self, facts: Facts) -> Plan:
        """When it wants to decide, and by what.

        Args:
            facts: the network and its budget; a plain tuple in a process of its own.

        Returns:
            Rounds (iteration, kind, batches), iterations ascending from 0 on, kinds of `ROUNDS`;
            or `leapbench.envs.sparsify.facts.coded` of them, in a process of its own always.
        """

    def keep(
        self,
        iteration: int,
        weights: NDArray[np.float32],
        mask: NDArray[np.bool_],
        scores: NDArray[np.float32],
    ) -> Decision:
        """The new mask of a round, see `leapbench.envs.sparsify.facts.Round`."""


class RemoteMethod:
    """A method in a process of its own; what it answers is checked like any other's.

    Args:
        part: as it is here.
    """

    def __init__(self, part: Remote) -> None:
        self.part = part

    @property
    def separate(self) -> bool:
        """See `Method`."""
        return self.part.value("separate") is True

    def plan(self, facts: Facts) -> Any:
        """See `Method.plan`."""
        return self.part.invoke("plan", tuple(facts))

    def keep(self, iteration: int, weights: Any, mask: Any, scores: Any) -> Any:
        """See `Method.keep`."""
        return self.part.invoke("keep", iteration, weights, mask, scores)


def method(part: Any) -> Method:
    """`part` as a method.

    Raises:
        AgentError: when it lacks one of the two; of a remote one the first call tells.
    """
    if isinstance(part, Remote):
        return RemoteMethod(part)  # type: ignore[return-value]
    missing = [name for name in METHODS if not callable(getattr(part, name, None))]
    if missing:
        raise AgentError(f"{type(part).__name__} chooses no masks: it lacks {', '.join(missing)}")
    found: Method = part
    return found


def plays(part: Any) -> bool:
    """Whether a part acts in a world, step by step, in the place of choosing masks itself.

    It says so by an attribute `plays`; in this process a part that has `predict` and does not
    choose masks need not.
    """
    if isinstance(part, Remote):
        return bool(part.value("plays"))
    masks = all(hasattr(part, name) for name in METHODS)
    return bool(getattr(part, "plays", not masks and hasattr(part, "predict")))


def checked(plan: Any) -> Plan:
    """`plan` as a plan.

    Raises:
        InvalidOutput: when it is not one.
    """
    if isinstance(plan, np.ndarray):
        plan = _decoded(plan)
    if not isinstance(plan, tuple | list) or len(plan) > MOST:
        raise InvalidOutput(f"a plan is a tuple of at most {MOST} rounds, got {type(plan)}")
    found, last = [], -1
    for each in plan:
        good = isinstance(each, tuple | list) and len(each) == 3
        # These types and no subclass, whose products could be 0.
        if not good or [type(one) for one in each] != [int, str, int]:
            raise InvalidOutput(f"a round is (iteration, kind, batches), got {each!r}")
        iteration, kind, batches = each
        if iteration <= last or kind not in ROUNDS:
            raise InvalidOutput(f"round {each!r}: iterations ascend, kinds are of {ROUNDS}")
        found.append((iteration, kind, batches))
        last = iteration
    return tuple(found)


def _decoded(rows: NDArray[Any]) -> list[tuple[int, str, int]]:
    """What `leapbench.envs.sparsify.facts.coded` made an array of.

    Raises:
        InvalidOutput: for another array.
    """
    good = rows.ndim == 2 and rows.shape[1] == 3 and rows.dtype.kind in "iu"
    if not good or len(rows) > MOST or ((rows[:, 1] < 0) | (rows[:, 1] >= len(ROUNDS))).any():
        raise InvalidOutput(f"a plan as an array has integers (rounds, 3), got {rows.shape}")
    return [(int(t), ROUNDS[int(kind)], int(n)) for t, kind, n in rows]

"""Which checkpoints teach, by rule; every rule reads what is shown and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.common.bounds import bounded
from leapbench.agents.distill.common.look import Look
from leapbench.agents.distill.common.selector import Selector
from leapbench.envs.distill.bank import TEMPERATURES
from leapbench.envs.distill.choices import USUAL, WARMEST, Decision
from leapbench.envs.distill.observation import Head, Slot
from leapbench.errors import UserError, unknown


class NoTeacher(Selector):
    """Labels alone; `smoothing` of their weight goes to all classes alike.

    Args:
        smoothing: share of the weight, in [0, 1].
        tau: as of `Selector`; not used.
        alpha: as of `Selector`; not used.
        tuned: as of `Selector`; not used, there is nothing to tune.
    """

    def __init__(
        self, smoothing: float = 0.0, tau: float = 4.0, alpha: float = 0.5, tuned: bool = False
    ) -> None:
        self.smoothing = smoothing
        bounded(self, {}, shares=("smoothing",))
        super().__init__(tau, alpha, False)

    def growth(self, look: Look) -> Sequence[int]:
        """None."""
        return ()

    def pick(self, look: Look) -> dict[int, float]:
        """None."""
        return {}

    def lesson(self, look: Look, weights: dict[int, float]) -> Decision:
        """See `Selector.lesson`."""
        return Decision(tau=1.0, alpha=1 - self.smoothing, train=True)


class Share(Selector):
    """Checkpoints at fixed shares of training, mixed evenly.

    What cannot be paid beside the whole student is replaced by the last checkpoint that can.

    Args:
        shares: of a whole teacher, comma-separated, each above 0 and at most 1.
        runs: trajectories that are grown to the largest share, each giving its checkpoints.
        tau: as of `Selector`.
        alpha: as of `Selector`.
        tuned: as of `Selector`.

    Raises:
        UserError: for shares that are none.
    """

    def __init__(
        self,
        shares: str = "0.5",
        runs: int = 1,
        tau: float = 4.0,
        alpha: float = 0.5,
        tuned: bool = False,
    ) -> None:
        try:
            self.shares = tuple(float(each) for each in shares.split(","))
        except ValueError:
            raise UserError(f"shares are numbers with commas between, got {shares!r}.") from None
        if not all(0 < each <= 1 for each in self.shares):
            raise UserError(f"shares must be above 0 and at most 1, got {shares!r}.")
        self.runs = runs
        bounded(self, {"runs": 1})
        super().__init__(tau, alpha, tuned)

    @property
    def teachers(self) -> int:
        """See `Selector.teachers`."""
        return len(self.shares) * self.runs

    def growth(self, look: Look) -> Sequence[int]:
        """One trajectory after the other."""
        most = round(max(self.shares) * look.checkpoints)
        wanted = [0] * look.trajectories
        for trajectory in range(min(self.runs, look.trajectories)):
            wanted[trajectory] = max(1, most)
            if look.reached(trajectory) < wanted[trajectory] and look.affords(1, 0, self.teachers):
                break
        return wanted

    def pick(self, look: Look) -> dict[int, float]:
        """Each share of each run that was grown at all."""
        runs = range(min(self.runs, look.trajectories))
        slots = [look.of(run, share) for run in runs for share in self.shares]
        return {slot: 1.0 for slot in slots if slot >= 0}


class Best(Selector):
    """Grow one whole teacher, and learn from its checkpoint that scores best.

    Args:
        by: "accuracy" or "nll" on validation; "entropy" adds the entropy of its answers to
            accuracy, both scaled to [0, 1] over the checkpoints: the information rule without
            a decoder.
        tau: as of `Selector`.
        alpha: as of `Selector`.
        tuned: as of `Selector`.

    Raises:
        UserError: for another score.
    """

    SCORES = ("accuracy", "nll", "entropy")

    def __init__(
        self, by: str = "accuracy", tau: float = 4.0, alpha: float = 0.5, tuned: bool = False
    ) -> None:
        if by not in self.SCORES:
            raise unknown("score", by, self.SCORES)
        self.by = by
        super().__init__(tau, alpha, tuned)

    def growth(self, look: Look) -> Sequence[int]:
        """One whole trajectory."""
        return (look.checkpoints,)

    def pick(self, look: Look) -> dict[int, float]:
        """The best of those owned, the later of equals."""
        if not look.owned.any():
            return {}
        return {latest(look, self.scores(look)): 1.0}

    def scores(self, look: Look) -> NDArray[np.float32]:
        """Of each owned slot."""
        if self.by == "nll":
            return -look.column(Slot.NLL)
        accuracy = look.column(Slot.ACCURACY)
        if self.by == "accuracy":
            return accuracy
        return unit(look.column(Slot.ENTROPY)) + unit(accuracy)


class All(Selector):
    """Every checkpoint of one trajectory, mixed evenly."""

    @property
    def teachers(self) -> int:
        """See `Selector.teachers`."""
        return self.sizes.get("checkpoints", 1)

    def growth(self, look: Look) -> Sequence[int]:
        """One whole trajectory."""
        return (look.checkpoints,)

    def pick(self, look: Look) -> dict[int, float]:
        """All."""
        return {int(slot): 1.0 for slot in np.flatnonzero(look.owned)}


class Curriculum(Selector):
    """Follow one trajectory: early blocks from early checkpoints, each bought when needed."""

    @property
    def teachers(self) -> int:
        """See `Selector.teachers`."""
        return 1

    def growth(self, look: Look) -> Sequence[int]:
        """As far through the teacher as the student is through its blocks."""
        done = look.blocks - look.blocks_left
        return (int(np.ceil((done + 1) / look.blocks * look.checkpoints)),)

    def pick(self, look: Look) -> dict[int, float]:
        """The newest."""
        slot = look.of(0, 1.0)
        return {slot: 1.0} if slot >= 0 else {}


class RandomCheckpoint(Selector):
    """A checkpoint drawn for each episode, all with the same probability."""

    def restart(self) -> None:
        """Begin the draws anew."""
        self.rng = np.random.default_rng([self.seed, 5])
        self.drawn = np.zeros(0, np.float64)

    def begin(self, count: int, starts: NDArray[np.bool_]) -> None:
        """Draw a share of training for each episode that begins."""
        if len(self.drawn) != count:
            self.drawn = np.zeros(count)
        fresh = self.rng.integers(1, self.sizes["checkpoints"] + 1, size=count)
        self.drawn = np.where(starts, fresh, self.drawn)

    def chosen(self, place: int, look: Look) -> Decision:
        """See `Selector.chosen`."""
        self.wanted = int(self.drawn[place]) if place < len(self.drawn) else 1
        return self.decide(look)

    def growth(self, look: Look) -> Sequence[int]:
        """As far as was drawn."""
        return (self.wanted,)

    def pick(self, look: Look) -> dict[int, float]:
        """The last."""
        slot = look.of(0, 1.0)
        return {slot: 1.0} if slot >= 0 else {}


class Temperature(Selector):
    """The converged teacher, its temperature raised until its entropy is the half-way one's.

    If an early checkpoint teaches better only because it is softer, this does as well. The
    entropy of both is shown at some temperatures, and read off in between.
    """

    def growth(self, look: Look) -> Sequence[int]:
        """One whole trajectory."""
        return (look.checkpoints,)

    def pick(self, look: Look) -> dict[int, float]:
        """The last."""
        slot = look.of(0, 1.0)
        return {slot: 1.0} if slot >= 0 else {}

    def lesson(self, look: Look, weights: dict[int, float]) -> Decision:
        """See `Selector.lesson`."""
        last, half = look.of(0, 1.0), look.of(0, 0.5)
        if last < 0:
            return super().lesson(look, weights)
        usual, at = self.tau, np.log(TEMPERATURES)
        columns = slice(Slot.ENTROPY, Slot.ENTROPY + len(TEMPERATURES))
        wanted = np.interp(np.log(usual), at, look.slots[half, columns])
        matched = np.exp(np.interp(wanted, look.slots[last, columns], at))
        self.tau = float(np.clip(matched, USUAL / WARMEST, USUAL * WARMEST))
        decision = super().lesson(look, weights)
        self.tau = usual
        return decision


class BornAgain(Selector):
    """The student, trained from labels, teaches a second one of the same shape.

    Furlanello et al., Born-Again Neural Networks (ICML 2018): no other teacher. Where two
    students cannot be paid the first one stays.
    """

    def growth(self, look: Look) -> Sequence[int]:
        """None."""
        return ()

    def pick(self, look: Look) -> dict[int, float]:
        """None."""
        return {}

    def restart(self) -> None:
        """Forget who has a former student."""
        self.born = np.zeros(0, np.bool_)

    def begin(self, count: int, starts: NDArray[np.bool_]) -> None:
        """Episodes begin without a former student."""
        if len(self.born) != count:
            self.born = np.zeros(count, np.bool_)
        self.born = self.born & ~starts

    def chosen(self, place: int, look: Look) -> Decision:
        """See `Selector.chosen`."""
        if place < len(self.born) and self.born[place]:
            return Decision(itself=1.0, tau=self.tau, alpha=self.alpha, train=True)
        last = look.blocks_left == 1
        # What this block, one more student and its teacher's answers take.
        head = look.head
        price = head[Head.BLOCK] * (look.blocks + 1) + head[Head.QUERY] * head[Head.SIZE]
        again = bool(price <= head[Head.LEFT])
        reborn = last and again
        if place < len(self.born):
            self.born[place] = reborn
        return Decision(alpha=1.0, train=True, reborn=reborn)


def latest(look: Look, scores: NDArray[np.floating]) -> int:
    """Owned slot of the highest score, the later of equals."""
    best = len(scores) - 1 - int(np.argmax(scores[::-1]))
    return int(np.flatnonzero(look.owned)[best])


def unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values scaled to [0, 1]; zeros where they are all equal."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)

"""The rules: what is owned, what is paid, and students that are really trained, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.distill import loss
from leapbench.envs.distill.bank import LOOK, Bank, bank
from leapbench.envs.distill.choices import Decision
from leapbench.envs.distill.costs import Prices, prices
from leapbench.envs.distill.setup import Setup, scenario_of
from leapbench.envs.distill.shape import Shape
from leapbench.envs.distill.stack import Stack, initial
from leapbench.envs.distill.training import cosine, rows, tensor, train
from leapbench.envs.threads import one_thread
from leapbench.errors import UserError

OPTIONS = ("scenario", "instance", "student", "budget")
"""Options of `reset`."""
MOST = 2**31
"""Above every number of an instance or of a student."""


@dataclass
class Episode:
    """One student, its teachers and what is left to spend.

    Attributes:
        setup: the world.
        bank: the teachers.
        number: of the student: its first weights and the order of its data.
        budget: multiply-adds in all; `left` of them are not spent.
        weights: of the student, (parameters,), and `velocity`, its momentum.
        reached: checkpoints owned of each trajectory.
        asked: slots whose answers are paid for, bool (K,).
        probed: slots whose probes are paid for, bool (K,).
        apart: KL(teacher || student) of each owned slot, nats (K,), -1 where not owned.
        curve: validation accuracy and NLL after each block.
        spent: multiply-adds when each of them was measured.
        taught: decision of each block.
        former: weights of the student before this one, and `heard`, whether its answers are
            paid for.
        since: blocks that students before this one had.
        refused: things that were wanted and could not be had.
        rounds: taken so far.
        over: whether the episode has ended.
    """

    setup: Setup
    bank: Bank
    number: int
    budget: int
    weights: Tensor
    velocity: Tensor
    reached: list[int]
    asked: NDArray[np.bool_]
    probed: NDArray[np.bool_]
    apart: NDArray[np.float32]
    left: int
    prices: Prices
    shape: Shape
    curve: list[tuple[float, float]] = field(default_factory=list)
    spent: list[int] = field(default_factory=list)
    taught: list[Decision] = field(default_factory=list)
    former: Tensor | None = None
    heard: bool = False
    since: int = 0
    refused: int = 0
    rounds: int = 0
    over: bool = False

    @property
    def blocks(self) -> int:
        """Blocks that this student was trained for."""
        return len(self.curve) - self.since

    @property
    def accuracy(self) -> float:
        """Validation accuracy of the student; that of guessing before the first block."""
        return self.curve[-1][0] if self.blocks else 1 / self.shape.outputs

    @property
    def owned(self) -> NDArray[np.bool_]:
        """Which slots are owned, bool (K,)."""
        setup = self.setup
        each = np.arange(setup.checkpoints)[None] < np.array(self.reached)[:, None]
        return np.asarray(each.reshape(-1))

    @property
    def rate(self) -> float:
        """Learning rate at the start of the next block, as a share of the largest."""
        blocks = self.setup.blocks
        start = self.blocks * 100
        return float(cosine(100 * blocks, start, start + 1, 1.0)[0]) if start else 1.0

    def pay(self, price: int) -> bool:
        """Spend `price` and say so, or refuse."""
        if price > self.left:
            self.refused += 1
            return False
        self.left -= price
        return True

    def buy(self, decision: Decision) -> None:
        """Extensions, then probes, in order, as far as they can be paid."""
        for trajectory in decision.extend:
            if self.reached[trajectory] < self.setup.checkpoints:
                if self.pay(self.prices.extend):
                    self.reached[trajectory] += 1
                    slot = trajectory * self.setup.checkpoints + self.reached[trajectory] - 1
                    self.apart[slot] = apart(self)[slot]
            else:
                self.refused += 1
        for slot in decision.probe:
            if self.owned[slot] and not self.probed[slot]:
                self.probed[slot] = self.pay(self.prices.probe)
            else:
                self.refused += 1

    def lesson(self, decision: Decision) -> Decision | None:
        """The block that is wanted, with teachers that are owned, when it was paid; else None."""
        if not decision.train:
            return None
        weights = np.zeros(self.setup.slots)
        weights[: len(decision.weights)] = decision.weights
        if (weights[~self.owned] > 0).any():
            self.refused += 1
            weights[~self.owned] = 0
        itself = decision.itself if self.former is not None else 0.0
        asked = max([*decision.weights, decision.itself, 0.0]) > 0
        if asked and not weights.any() and not itself:
            return None  # only checkpoints that are not owned
        members = weights > 0
        due = members & ~self.asked if self.setup.cached else members
        price = self.prices.block + int(due.sum()) * self.prices.query
        if itself and not (self.setup.cached and self.heard):
            price += self.prices.itself
        if not self.pay(price):
            return None
        self.asked |= members
        self.heard = self.heard or itself > 0
        total = (weights.sum() + itself) or 1.0
        shares = tuple((weights / total).tolist())
        return replace(decision, weights=shares, itself=itself / total)

    def rebirth(self) -> None:
        """Begin a new student, which the one before it may teach."""
        self.former, self.heard, self.since = self.weights, False, len(self.curve)
        rng = np.random.default_rng([self.number, 0, self.since])
        self.weights = tensor(initial(self.shape, rng))
        self.velocity = torch.zeros_like(self.weights)
        self.apart = apart(self)

    def targets(self, lesson: Decision) -> Tensor:
        """Softened probabilities of a block's teachers, (N * V, C)."""
        if not lesson.itself or self.former is None:
            return self.bank.targets(lesson.weights, lesson.tau)
        own = Stack(self.shape, self.former[None]).forward(self.bank.inputs[None])[-1][0]
        return self.bank.targets(lesson.weights, lesson.tau, (own, lesson.itself))

    def info(self) -> dict[str, Any]:
        """How an episode ended."""
        return {
            "validation": self.accuracy,
            "spent": self.budget - self.left,
            "budget": self.budget,
            "blocks": self.blocks,
            "checkpoints": sum(self.reached),
            "refused": self.refused,
        }


class World:
    """Begins and advances episodes.

    Args:
        setup: the arguments.

    Attributes:
        longest: rounds after which an episode is cut off: all there is to buy, and some.
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.longest = 2 * setup.slots + setup.blocks + 8

    def begin(self, rng: np.random.Generator, options: dict[str, Any] | None) -> Episode:
        """A new episode.

        Args:
            rng: draws the instance and the student, those that `options` do not name.
            options: see the environment's `reset`.

        Raises:
            UserError: for an option that is none, or out of range.
        """
        setup, given = self.setup, dict(options or {})
        drawn = (rng.integers(len(setup.scenarios)), rng.integers(setup.instances))
        student = int(rng.integers(MOST))
        name = given.get("scenario", setup.scenarios[int(drawn[0])])
        scenario_of(str(name))
        number = _bounded("instance", given.get("instance", int(drawn[1])))
        student = _bounded("student", given.get("student", student))
        share = given.get("budget", setup.budget)
        if not isinstance(share, int | float) or not 0 < share <= 1000:
            raise UserError(f"budget must be above 0 and at most 1000, got {share!r}.")
        return begin(setup, name, number, student, float(share))

    def advance(
        self, episodes: Sequence[Episode], decisions: Sequence[Decision]
    ) -> NDArray[np.float64]:
        """Take a round in each episode; rewards (S,)."""
        before = [episode.accuracy for episode in episodes]
        lessons = []
        for episode, decision in zip(episodes, decisions, strict=True):
            episode.rounds += 1
            episode.buy(decision)
            lesson = episode.lesson(decision)
            if lesson is not None:
                lessons.append((episode, lesson))
        teach(lessons)
        for episode, decision in zip(episodes, decisions, strict=True):
            if decision.reborn:
                episode.rebirth()
            done = episode.blocks >= self.setup.blocks or episode.left < episode.prices.block
            episode.over = episode.over or decision.stop or done
        after = [episode.accuracy for episode in episodes]
        return np.subtract(after, before, dtype=np.float64)


def begin(setup: Setup, scenario: str, number: int, student: int, share: float) -> Episode:
    """An episode on one instance, with one student and a budget in whole teachers."""
    chosen = scenario_of(scenario)
    costs, (_, shape) = prices(setup, chosen), setup.shapes(chosen)
    budget = round(share * costs.whole)
    first = tensor(initial(shape, np.random.default_rng([student, 0])))
    return Episode(
        setup=setup,
        bank=bank(setup, scenario, number),
        number=student,
        budget=budget,
        weights=first,
        velocity=torch.zeros_like(first),
        reached=[0] * setup.trajectories,
        asked=np.zeros(setup.slots, np.bool_),
        probed=np.zeros(setup.slots, np.bool_),
        apart=np.full(setup.slots, -1, np.float32),
        left=budget,
        prices=costs,
        shape=shape,
    )


def teach(lessons: Sequence[tuple[Episode, Decision]]) -> None:
    """Train each student for its block, those of one shape and as much data together."""
    groups: dict[tuple[Any, ...], list[tuple[Episode, Decision]]] = {}
    for episode, lesson in lessons:
        key = (episode.setup, episode.shape, len(episode.bank.pairs.labels))
        groups.setdefault(key, []).append((episode, lesson))
    with one_thread(), torch.no_grad():
        for group in groups.values():
            _taught([one for one, _ in group], [lesson for _, lesson in group])


def _taught(episodes: Sequence[Episode], lessons: Sequence[Decision]) -> None:
    setup, shape = episodes[0].setup, episodes[0].shape
    form = loss.known(setup.form)
    inputs, starts = _joined({id(e.bank): e.bank.inputs for e in episodes})
    labels, _ = _joined({id(e.bank): e.bank.labels for e in episodes})
    begins = torch.tensor([starts[id(e.bank)] for e in episodes])
    keys = [_key(e, d) for e, d in zip(episodes, lessons, strict=True)]
    wanted = dict(zip(keys, zip(episodes, lessons, strict=True), strict=True))
    softened, places = _joined({key: e.targets(d) for key, (e, d) in wanted.items()})
    soft = torch.tensor([places[key] for key in keys])
    tau = torch.tensor([lesson.tau for lesson in lessons])[:, None, None]
    alpha = torch.tensor([lesson.alpha for lesson in lessons])[:, None, None]

    def slopes(part: slice, out: Tensor, own: Tensor) -> Tensor:
        right = labels[own + begins[part, None]]
        at = (own + soft[part, None]).view(-1)
        answers = softened.index_select(0, at).view(out.shape)
        return loss.gradient(out, right, answers, tau[part], alpha[part], form)

    stack = Stack(
        shape,
        torch.stack([episode.weights for episode in episodes]),
        torch.stack([episode.velocity for episode in episodes]),
    )
    order = tensor(np.stack([_order(episode) for episode in episodes]))
    updates = order.shape[1]
    rates = [
        cosine(updates * setup.blocks, updates * n, updates * (n + 1), setup.student_rate)
        for n in (episode.blocks for episode in episodes)
    ]
    train(stack, inputs, begins, order, tensor(np.stack(rates)), slopes)
    for place, (episode, lesson) in enumerate(zip(episodes, lessons, strict=True)):
        episode.weights, episode.velocity = stack.weights[place].clone(), stack.velocity[place]
        episode.velocity = episode.velocity.clone()
        episode.curve.append(_validated(episode))
        episode.spent.append(episode.budget - episode.left)
        episode.taught.append(lesson)
        episode.apart = apart(episode)


def _key(episode: Episode, lesson: Decision) -> tuple[Any, ...]:
    """What is the same where the answers of a block's teachers are."""
    own = id(episode) if lesson.itself else 0
    return id(episode.bank), lesson.weights, lesson.tau, own


def _order(episode: Episode) -> NDArray[np.int64]:
    """Rows of the next block, int64 (updates, batch): of the student's own, whoever teaches."""
    setup, data = episode.setup, len(episode.bank.pairs.labels)
    rng = np.random.default_rng([episode.number, 1, len(episode.curve)])
    return rows(data, setup.views, setup.batch, setup.block_epochs, rng)


def _validated(episode: Episode) -> tuple[float, float]:
    """Validation accuracy and NLL."""
    data = episode.bank.pairs
    said = torch.log_softmax(answers(episode, data.validation), -1)
    right = tensor(data.validation_labels)
    hits = int((said.argmax(-1) == right).sum())
    return hits / len(right), -float(said.gather(1, right[:, None]).mean())


def tested(episode: Episode) -> float:
    """Test accuracy; for scoring alone."""
    with one_thread(), torch.no_grad():
        said = answers(episode, episode.bank.pairs.test)
    right = tensor(episode.bank.pairs.test_labels)
    return int((said.argmax(-1) == right).sum()) / len(right)


def answers(episode: Episode, x: NDArray[np.float32]) -> Tensor:
    """Logits of the student, (N, C)."""
    return Stack(episode.shape, episode.weights[None]).forward(tensor(x)[None])[-1][0]


def apart(episode: Episode) -> NDArray[np.float32]:
    """KL(teacher || student) of each owned slot on the first validation pairs, nats (K,)."""
    owned = episode.owned
    found = np.full(len(owned), -1, np.float32)
    at = np.flatnonzero(owned)
    if len(at):
        with one_thread(), torch.no_grad():
            mine = torch.log_softmax(answers(episode, episode.bank.pairs.validation[:LOOK]), -1)
            theirs = episode.bank.shown[tensor(at)]
            gaps = (theirs.exp() * (theirs - mine)).sum(-1).mean(-1)
        found[at] = gaps.numpy()
    return found


def _joined(tables: dict[Any, Tensor]) -> tuple[Tensor, dict[Any, int]]:
    """Tables under each other, and the row at which each begins."""
    ends = np.cumsum([0, *(len(table) for table in tables.values())]).tolist()
    whole = next(iter(tables.values())) if len(tables) == 1 else torch.cat([*tables.values()])
    return whole, dict(zip(tables, ends, strict=False))


def _bounded(name: str, value: Any) -> int:
    if not isinstance(value, int | np.integer) or not 0 <= value < MOST:
        raise UserError(f"{name} must be a whole number from 0 below 2^31, got {value!r}.")
    return int(value)

"""The observation: a flat float32 row in [-1, 1], -1 for what is not known."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, cast

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from leapbench.envs.distill.bank import TEMPERATURES
from leapbench.envs.distill.setup import Setup

if TYPE_CHECKING:
    from leapbench.envs.distill.episode import Episode

LAST = 5
"""Validations of the student that are shown, the newest first."""


class Head(IntEnum):
    """Columns about the episode as a whole."""

    LEFT = 0
    """Multiply-adds left / budget."""
    BUDGET = 1
    """Budget / 4 whole teachers with a student each, at most 1."""
    DONE = 2
    """Blocks trained / blocks of a whole student."""
    RATE = 3
    """The student's learning rate at the start of the next block / its largest."""
    BLOCK = 4
    """Price of a block / budget, at most 1, as below."""
    EXTEND = 5
    """Price of a checkpoint / budget."""
    QUERY = 6
    """Price of a teacher's answers / budget."""
    PROBE = 7
    """Price of the probes of a checkpoint / budget."""
    SHARE = 8
    """Training pairs / training pairs of the world."""
    SIZE = 9
    """Multiply-adds of the student / those of the teacher, at most 1."""
    ACCURACY = 10
    """Validation accuracy of the student, `LAST` columns."""
    NLL = ACCURACY + LAST
    """Its negative log-likelihood / (2 log C), at most 1, `LAST` columns."""
    COUNT = NLL + LAST
    """How many columns these are."""


class Slot(IntEnum):
    """Columns about each checkpoint that can be owned."""

    OWNED = 0
    """1 or 0."""
    EPOCH = 1
    """Its epochs / those of a whole teacher; known before it is owned."""
    TRAIN = 2
    """Training accuracy, on labels as they are given."""
    ACCURACY = 3
    """Validation accuracy."""
    NLL = 4
    """Validation NLL / (2 log C), at most 1."""
    ENTROPY = 5
    """Mean entropy of its answers to training pairs / log C, at each of `TEMPERATURES`."""
    ECE = ENTROPY + len(TEMPERATURES)
    """Expected calibration error on validation."""
    RATE = ECE + 1
    """Learning rate where it was taken / the largest."""
    APART = ECE + 2
    """KL(teacher || student) on some validation pairs / (2 log C), at most 1."""
    ASKED = ECE + 3
    """Whether its answers are paid for."""
    RESTORED = ECE + 4
    """Binary cross entropy of its decoder, nats a pixel; once probed."""
    TOLD = ECE + 5
    """Cross entropy of its linear probe / (2 log C), at most 1; once probed."""
    COUNT = ECE + 6
    """How many columns these are."""


def space(setup: Setup) -> spaces.Space[NDArray[np.float32]]:
    """Box of float32 (Head.COUNT + slots * Slot.COUNT,)."""
    box = spaces.Box(-1.0, 1.0, (Head.COUNT + setup.slots * Slot.COUNT,), np.float32)
    return cast("spaces.Space[NDArray[np.float32]]", box)


def parts(row: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Head (..., Head.COUNT) and slots (..., K, Slot.COUNT) of observations, as views."""
    rest = row[..., Head.COUNT :]
    return row[..., : Head.COUNT], rest.reshape(*rest.shape[:-1], -1, Slot.COUNT)


def observe(episode: Episode) -> NDArray[np.float32]:
    """What is shown of an episode; nothing in it comes from test pairs."""
    setup, bank, prices = episode.setup, episode.bank, episode.prices
    row = np.full(Head.COUNT + setup.slots * Slot.COUNT, -1.0, np.float32)
    head, slots = parts(row)
    budget, nll = episode.budget, 2 * np.log(bank.teacher.outputs)
    head[Head.LEFT] = episode.left / budget
    head[Head.BUDGET] = budget / prices.whole / 4
    head[Head.DONE] = episode.blocks / setup.blocks
    head[Head.RATE] = episode.rate
    for at, price in zip(
        (Head.BLOCK, Head.EXTEND, Head.QUERY, Head.PROBE),
        (prices.block, prices.extend, prices.query, prices.probe),
        strict=True,
    ):
        head[at] = price / budget
    head[Head.SHARE] = len(bank.pairs.labels) / setup.samples
    head[Head.SIZE] = episode.shape.multiply_adds / bank.teacher.multiply_adds
    for back, (accuracy, loss) in enumerate(reversed(episode.curve[-LAST:])):
        head[Head.ACCURACY + back], head[Head.NLL + back] = accuracy, loss / nll
    slots[:, Slot.OWNED] = episode.owned
    slots[:, Slot.EPOCH] = np.tile(
        np.arange(1, setup.checkpoints + 1) / setup.checkpoints, setup.trajectories
    )
    slots[:, Slot.ASKED] = episode.asked
    mine = np.flatnonzero(episode.owned)
    if len(mine):
        slots[mine, Slot.TRAIN : Slot.APART] = bank.stats.reshape(setup.slots, -1)[mine]
        slots[mine, Slot.NLL] /= nll
        slots[mine, Slot.APART] = episode.apart[mine] / nll
    paid = np.flatnonzero(episode.probed)
    if len(paid):
        restored, told = bank.probed[paid].T
        slots[paid, Slot.RESTORED], slots[paid, Slot.TOLD] = restored, told / nll
    return row.clip(-1, 1)

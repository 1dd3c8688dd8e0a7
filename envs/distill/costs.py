"""Prices in exact multiply-adds; a backward pass counts as two forward passes."""

from __future__ import annotations

from dataclasses import dataclass

from leapbench.envs.distill.probes import DECODER, PROBE_EPOCHS
from leapbench.envs.distill.setup import Scenario, Setup
from leapbench.envs.distill.shape import Shape

TRAIN = 3
"""Passes of an update in units of a forward pass."""


@dataclass(frozen=True)
class Prices:
    """What each thing costs in one scenario, in multiply-adds.

    Attributes:
        extend: the next checkpoint of a trajectory: its epochs, and one pass over training
            and validation pairs for what is shown of it.
        query: one teacher's answers for a block; for good where they are kept.
        block: of the student, and its validation.
        itself: as `query`, of a former student.
        probe: decoder and linear probe of one checkpoint, trained and measured.
        whole: a whole teacher and a whole student that it teaches.
    """

    extend: int
    query: int
    itself: int
    block: int
    probe: int
    whole: int


def prices(setup: Setup, scenario: Scenario) -> Prices:
    """The prices of a scenario."""
    teacher, student = (each.multiply_adds for each in setup.shapes(scenario))
    return priced(setup, setup.pairs(scenario), teacher, student, probing(setup, scenario))


def priced(setup: Setup, n: int, teacher: int, student: int, probe: int) -> Prices:
    """Prices where `n` samples are trained on.

    Args:
        setup: lengths, batch and validation samples.
        n: training samples.
        teacher: its multiply-adds of one sample.
        student: likewise.
        probe: price of the probes of a checkpoint.
    """
    held = setup.validation
    used = n // setup.batch * setup.batch  # what fills no batch is not seen
    extend = TRAIN * setup.epochs // setup.checkpoints * used * teacher + (n + held) * teacher
    query = (setup.views * n if setup.cached else setup.block_epochs * used) * teacher
    itself = query // teacher * student
    block = TRAIN * setup.block_epochs * used * student + held * student
    teaching = query if setup.cached else query * setup.blocks
    whole = setup.checkpoints * extend + teaching + setup.blocks * block
    return Prices(extend, query, itself, block, probe, whole)


def probing(setup: Setup, scenario: Scenario) -> int:
    """Price of the two probes of one checkpoint."""
    teacher, _ = setup.shapes(scenario)
    decoder = Shape(teacher.features, 1, DECODER, teacher.inputs).multiply_adds
    linear = Shape(teacher.features, 1, (), teacher.outputs).multiply_adds
    n, held = setup.pairs(scenario), setup.validation
    used = n // setup.batch * setup.batch
    each = decoder + linear
    return TRAIN * PROBE_EPOCHS * used * each + held * each + (n + held) * teacher.multiply_adds

"""What a world consists of: scenarios, sizes, schedules and prices, as validated data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from leapbench.envs.distill import loss
from leapbench.envs.distill.pairs import Source, digits
from leapbench.envs.distill.shape import Shape
from leapbench.envs.distill.training import SCHEDULES
from leapbench.envs.refusals import amount, count
from leapbench.errors import UserError, unknown


@dataclass(frozen=True)
class Scenario:
    """What differs between instances, besides their random numbers.

    Attributes:
        wrong: share of training pairs whose label is drawn from all classes.
        share: of the training pairs that are there.
        width: of the student's hidden layer, as a multiple of the world's.
        patches: of the student; 2 makes it a convolution that sees one half at a time,
            another architecture than the teacher's.
        schedule: of the teachers' learning rate, a name of `SCHEDULES`.
    """

    wrong: float = 0.0
    share: float = 1.0
    width: float = 1.0
    patches: int = 1
    schedule: str = "cosine"


SCENARIOS: Mapping[str, Scenario] = {
    "clean": Scenario(),
    "step": Scenario(schedule="step"),
    "noise-20": Scenario(wrong=0.2),
    "noise-40": Scenario(wrong=0.4),
    "few": Scenario(share=0.4),
    "narrow": Scenario(width=0.5),
    "wide": Scenario(width=2.0),
    "other": Scenario(patches=2),
    "other-step": Scenario(patches=2, schedule="step"),
    "narrow-step": Scenario(width=0.5, schedule="step"),
}


ABOVE = ("budget", "tau")
"""Numbers that must be above 0."""
WIDEST = 100_000
"""Units of a layer, at most."""


def scenario_of(name: str) -> Scenario:
    """A scenario of `SCENARIOS`, or several joined by "+", such as "noise-40+step".

    Raises:
        UserError: for a name that is none.
    """
    if not isinstance(name, str):
        raise UserError(f"A scenario is a name of {', '.join(SCENARIOS)}, got {name!r}.")
    usual = Scenario()
    changes: dict[str, Any] = {}
    for part in name.split("+"):
        if part not in SCENARIOS:
            raise unknown("scenario", part, SCENARIOS)
        one = SCENARIOS[part]
        each = {field.name: getattr(one, field.name) for field in fields(one)}
        changes |= {key: value for key, value in each.items() if value != getattr(usual, key)}
    return replace(usual, **changes)


@dataclass(frozen=True)
class Setup:
    """Arguments of the worlds.

    Attributes:
        scenarios: those that episodes draw from, see `scenario_of`.
        instances: instances of each scenario that episodes draw from, 0 to instances - 1.
        budget: multiply-adds of an episode, in units of one whole teacher and one whole
            student that it teaches.
        trajectories: independent teachers.
        checkpoints: of each, evenly spaced over its epochs.
        epochs: of a whole teacher.
        blocks: of a whole student.
        block_epochs: epochs of a block.
        samples: training pairs.
        views: fixed augmented views of each.
        validation: validation pairs.
        tests: test pairs.
        batch: pairs of an update.
        teacher: units of the teachers' hidden layers.
        width: units of the students' hidden layer.
        patches: of the students, at least.
        teacher_rate: largest learning rate of teachers.
        student_rate: largest learning rate of students, annealed to 0 by a cosine over all
            blocks, used or not: who stops early has never had the small rates.
        tau: temperature of the discrete world.
        alpha: weight of the labels in the discrete world.
        form: of the loss and of mixtures, "printed" or "released".
        cached: whether a teacher's answers are paid once for all views, or again in every
            block that it teaches, as in the released code.
        source: single images that pairs are made of; None for scikit-learn's digits.

    Raises:
        UserError: for a value out of its range.
    """

    scenarios: tuple[str, ...] = tuple(SCENARIOS)
    instances: int = 2
    budget: float = 1.0
    trajectories: int = 2
    checkpoints: int = 8
    epochs: int = 40
    blocks: int = 10
    block_epochs: int = 3
    samples: int = 2000
    views: int = 4
    validation: int = 1000
    tests: int = 2000
    batch: int = 50
    teacher: tuple[int, ...] = (128, 128)
    width: int = 48
    patches: int = 1
    teacher_rate: float = 0.1
    student_rate: float = 0.25
    tau: float = 4.0
    alpha: float = 0.5
    form: str = "printed"
    cached: bool = True
    source: Source | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("scenarios", "teacher"):
            given = getattr(self, name)
            listed = isinstance(given, Iterable) and not isinstance(given, str)
            object.__setattr__(self, name, tuple(given) if listed else (given,))
        if not self.scenarios:
            raise UserError(f"scenarios must name one or more of {', '.join(SCENARIOS)}.")
        for name in self.scenarios:
            scenario_of(name)
        units = tuple(count("units of a teacher's layer", each, 1, WIDEST) for each in self.teacher)
        object.__setattr__(self, "teacher", units)
        for each in fields(self):
            value = getattr(self, each.name)
            if each.type == "int":
                count(each.name, value)
            elif each.type == "float":
                amount(each.name, value, 0, 1e6, above=each.name in ABOVE)
        if self.batch > self.samples:
            raise UserError(f"batch must be at most samples, got {self.batch} and {self.samples}.")
        if not isinstance(self.source, Source | None):
            raise UserError(f"source must be a pairs.Source, got {self.source!r}.")
        if self.epochs % self.checkpoints:
            raise UserError(
                f"{self.checkpoints} checkpoints must divide {self.epochs} epochs of a teacher."
            )
        amount("alpha", self.alpha, 0, 1)
        loss.known(self.form)

    @property
    def slots(self) -> int:
        """Checkpoints of all trajectories: slot j * checkpoints + m is the m-th of the j-th."""
        return self.trajectories * self.checkpoints

    @property
    def images(self) -> Source:
        """Single images that pairs are made of."""
        return self.source or digits()

    def shapes(self, scenario: Scenario) -> tuple[Shape, Shape]:
        """Teacher and student of a scenario."""
        inputs = int(self.images.images[0].size) * 2
        classes = self.images.classes**2
        width = max(1, round(self.width * scenario.width))
        patches = max(self.patches, scenario.patches)
        if patches > 1:  # as many weights in the last layer as the other student
            width = max(1, round(width / patches))
        return (
            Shape(inputs, 1, self.teacher, classes),
            Shape(inputs, patches, (width,), classes),
        )

    def pairs(self, scenario: Scenario) -> int:
        """Training pairs of a scenario."""
        return max(self.batch, round(self.samples * scenario.share))

    def but(self, **changes: Any) -> Setup:
        """The same with some arguments changed."""
        return replace(self, **changes)


assert {each.schedule for each in SCENARIOS.values()} <= set(SCHEDULES)  # noqa: S101

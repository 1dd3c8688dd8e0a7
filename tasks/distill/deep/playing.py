"""Plays the episodes of one evaluation, saves them on the way, and goes on where it was killed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from leapbench.contract.checkpoints import Checkpoints, unreadable
from leapbench.contract.harness import EpisodeRow, Report
from leapbench.contract.meter import Meter
from leapbench.contract.rollout import checked
from leapbench.contract.task import Budget
from leapbench.envs.distill.choices import Choices, Decision, Numbers
from leapbench.envs.distill.costs import priced
from leapbench.envs.distill.deep.run import Run
from leapbench.envs.distill.observation import observe
from leapbench.envs.distill.setup import Setup
from leapbench.tasks.distill.deep import data, probes
from leapbench.tasks.distill.deep.kinds import kind
from leapbench.tasks.distill.deep.student import STATE, Deep, Student, state_of
from leapbench.tasks.distill.deep.teachers import Teachers
from leapbench.tasks.distill.harness import KEPT, DistillHarness

BETWEEN = ":"
"""Between the names of teacher and student in a pair."""
MOST = 2**31
"""Saves of an evaluation, at most."""


class Playing:
    """One evaluation.

    Args:
        harness: whose it is.
        policy: that decides.
        plan: the rows.
        report: as of `Harness.evaluate`.
    """

    def __init__(
        self, harness: DistillHarness, policy: Any, plan: Sequence[EpisodeRow], report: Report
    ) -> None:
        self.harness, self.policy, self.plan, self.report = harness, policy, plan, report
        self.setup, self.device = Setup(**harness.protocol.settings["world"]), harness.device
        settings = harness.protocol.settings
        self.every = float(settings.get("save_seconds", 300.0))
        sizes = (self.setup.samples, self.setup.validation, self.setup.tests)
        self.images = data.load(settings["data"], *sizes)
        key = {
            "students": harness.protocol.hash,
            "seed": harness.seed,
            "salted": bool(harness.salt),
            "of": harness.artifacts,
        }
        self.saves = Checkpoints(harness.store.path(key))
        self.meter = Meter(Budget(unit="saves", limit=MOST))
        self.done: list[EpisodeRow] = []

    def rows(self) -> list[EpisodeRow]:
        """The rows, played or read."""
        latest, state = self.saves.latest, {}
        if latest is not None:
            try:
                state = state_of(latest)
                self.done = list(state["rows"])
                self.meter.used = int(latest.name)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise unreadable(latest, error) from error
        for planned in self.plan[len(self.done) :]:
            self.tell(None, "begins" if latest is None else "goes on")
            student = self.begun(planned)
            if latest is not None and "student" in state:
                try:
                    student.restore(latest, state["student"])
                except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
                    raise unreadable(latest, error) from error
            latest = None
            self.done.append(planned | self.played(student))
            self.save(None)
        self.saves.clear()
        return self.done

    def tell(self, student: Student | None, line: str) -> None:
        """Report how far all episodes are."""
        share = student.blocks / self.setup.blocks if student is not None else 0.0
        whole = len(self.plan)
        self.report(
            (len(self.done) + min(share, 1.0)) / whole,
            f"pair {len(self.done) + 1} of {whole}, {line}",
        )

    def save(self, student: Student | None) -> None:
        """Write rows that are done, and the student that is not."""

        def fill(folder: Path) -> None:
            state: dict[str, Any] = {"rows": self.done}
            if student is not None:
                state["student"] = student.write(folder)
            (folder / STATE).write_text(json.dumps(state), encoding="utf-8")

        self.meter.used += 1
        self.saves.write(self.meter, fill)

    def begun(self, planned: EpisodeRow) -> Student:
        """The student of a row, and its teachers as far as they are there."""
        setup, images = self.setup, self.images
        elder, _, younger = str(planned["scenario"]).partition(BETWEEN)
        shapes = [kind(name, images.classes, images.side) for name in (elder, younger)]
        n, number = len(images.labels), int(planned["instance"])
        costs = priced(
            setup,
            n,
            shapes[0].multiply_adds,
            shapes[1].multiply_adds,
            probes.price(setup, n, shapes[0], images.side),
        )
        key = {
            "teachers": elder,
            "of": number,
            "salted": bool(self.harness.salt),
            "data": self.harness.protocol.settings["data"],
            "setup": repr(setup.but(budget=1.0)),
        }
        teachers = Teachers(
            setup,
            images,
            elder,
            number,
            self.harness.store.path(key),
            self.device,
            self.every,
        )
        budget, slots = round(float(planned["share"]) * costs.whole), setup.slots
        student = Student(
            setup=setup,
            bank=teachers,  # type: ignore[arg-type]
            number=int(planned["student"]),
            budget=budget,
            weights=torch.zeros(0),
            velocity=torch.zeros(0),
            reached=[0] * setup.trajectories,
            asked=np.zeros(slots, np.bool_),
            probed=np.zeros(slots, np.bool_),
            apart=np.full(slots, -1, np.float32),
            left=budget,
            prices=costs,
            shape=shapes[1],  # type: ignore[arg-type]
            every=self.every,
        )
        student.make = partial(self.new, younger, student.number)
        student.tell = teachers.tell = partial(self.tell, student)
        student.save = partial(self.save, student)
        return student

    def new(self, name: str, number: int, before: int) -> Run:
        """A new student's network; `before` is how many blocks there were before it."""
        setup = self.setup
        each = max(1, len(self.images.labels) // setup.batch)
        updates = setup.blocks * setup.block_epochs * each
        seed = (number, before, 1)
        return Run(name, self.images, seed, setup.batch, updates, setup.student_rate, self.device)

    def played(self, student: Student) -> EpisodeRow:
        """Play an episode to its end; how it ended."""
        world, numbers, choices = Deep(self.setup), Numbers(self.setup), Choices(self.setup)
        state, begins = None, np.ones(1, bool)
        while not student.over and student.rounds < world.longest:
            observation = observe(student)[None]
            given, state = self.policy.predict(observation, state, begins, deterministic=True)
            world.advance([student], [decided(given, numbers, choices, student)])
            begins = np.zeros(1, bool)
        found = student.info() | {"accuracy": student.examined()}
        return {name: found[name] for name in KEPT}


def decided(given: Any, numbers: Numbers, choices: Choices, student: Student) -> Decision:
    """What an action means, a row of the Box world or a choice of the discrete one."""
    if np.asarray(given).dtype.kind in "iu" and np.ndim(given) == 1:
        (chosen,) = checked(given, gym.spaces.Discrete(choices.count), 1)
        return choices.decision(int(chosen), student.owned)
    (row,) = checked(given, gym.spaces.Box(-1.0, 1.0, (numbers.count,), np.float32), 1)
    return numbers.decision(row)

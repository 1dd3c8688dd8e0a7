"""An agent part on a small task: learned once, looked at by many checks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import gymnasium as gym
import numpy as np

from leapbench.contract import registry
from leapbench.contract.agent import Learner, LearningPhase, is_privileged
from leapbench.contract.declaration import Declaration
from leapbench.contract.meter import Meter
from leapbench.contract.registry import COMMON
from leapbench.contract.task import Phase, Task
from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.composition import Composition, compose
from leapbench.testing.smaller import standing_in

LANES = 4
"""Observations in the batch that `predict` is tried with."""


@dataclass
class Trained:
    """A part after its phase.

    Attributes:
        part: the part itself, neither saved nor loaded.
        opened: the phase that it learned from.
        paid: units that went through `Meter.spend`.
        error: what `learn` raised, or None.
    """

    part: Any
    opened: LearningPhase
    paid: int
    error: Exception | None


@dataclass
class Case:
    """A part and the task on which it is checked.

    Args:
        declaration: the part; it need not be registered.
        task: the task; its smoke protocol is run.
        settings: "key=value" over what `small` of the declaration says.
        folder: where to keep what is learned; cases that share it share the
            artifacts of their earlier phases. None for a temporary one.
    """

    declaration: Declaration
    task: Task
    settings: tuple[str, ...] = ()
    folder: Path | None = None
    _temporary: list[TemporaryDirectory[str]] = field(default_factory=list)

    @property
    def asked(self) -> tuple[str, ...]:
        """Settings of the run, "key=value"."""
        small = (f"{key}={value}" for key, value in self.declaration.small.items())
        return (*small, *self.settings)

    @property
    def phase(self) -> Phase:
        """The phase in which the part learns."""
        phases = self.task.protocols["smoke"].phases
        return next(phase for phase in phases if phase.role == self.declaration.role)

    @property
    def composition(self) -> Composition:
        """The part with the task's default parts around it."""
        with self.installed():
            smoke = self.task.protocols["smoke"]
            return compose(self.task, self.declaration.name, self.asked, smoke)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let the registry know the task and the part."""
        with (
            standing_in(self.task),
            patch.dict(
                registry.agents(),
                {f"{self.declaration.family or COMMON}/{self.declaration.name}": self.declaration},
            ),
        ):
            yield

    def build(self) -> Learner:
        """A new part."""
        return self.composition.build(self.declaration.role)

    def load(self) -> Any:
        """A new part that has loaded what the trained one saved."""
        fresh = self.build()
        fresh.load(self.saved)
        return fresh

    def run(self, name: str) -> Result:
        """Run the whole cell; runs of different names share no learning of this part."""
        out = self._out / name if self.phase.artifact else self._out
        with self.installed():
            one = self._cell(out)
            one.path.unlink(missing_ok=True)
            return cell.run(one, lambda fraction, line: None)

    @cached_property
    def trained(self) -> Trained:
        """The part after learning once; the parts before it are the default ones."""
        opened, part = self._opened(), self.build()
        error, paid = None, 0
        spend = Meter.spend

        def audited(meter: Meter, amount: int) -> None:
            nonlocal paid
            spend(meter, amount)
            paid += amount

        with patch.object(Meter, "spend", audited):
            try:
                part.learn(opened)
            except Exception as raised:  # told by the check of learning
                error = raised
        return Trained(part, opened, paid, error)

    @cached_property
    def saved(self) -> Path:
        """Folder with what the trained part saved."""
        folder = Path(tempfile.mkdtemp(dir=self._out))
        self.trained.part.save(folder)
        return folder

    @cached_property
    def observations(self) -> np.ndarray:
        """Observations (B, *shape) of a few random steps, from the phase's environment."""
        env = self._env
        env.action_space.seed(0)
        seen = [env.reset(seed=0)[0]]
        seen += [env.step(env.action_space.sample())[0] for _ in range(5)]
        return np.concatenate(seen)

    @property
    def action_space(self) -> gym.Space[Any]:
        """Space of one action."""
        space: gym.Space[Any] = self._env.single_action_space
        return space

    @cached_property
    def _env(self) -> Any:
        opened = self._opened()
        if opened.make_env is not None:
            return opened.make_env(LANES)
        return gym.make_vec(self.task.protocols["smoke"].evaluation.environment, LANES)

    def _opened(self) -> LearningPhase:
        """The part's phase, opened anew, after the phases before it."""
        phases = self.task.protocols["smoke"].phases
        earlier = {phase.role for phase in phases[: phases.index(self.phase)]}
        with self.installed():
            harness, parts = cell.learned(self._cell(self._out), earlier)
            opened = harness.open(self.phase, parts, lambda fraction, line: None)
            if is_privileged(self.build()):
                harness.reveal(opened, parts)
            return opened

    @cached_property
    def _out(self) -> Path:
        if self.folder is None:
            self._temporary.append(TemporaryDirectory(prefix="leapbench-"))
            return Path(self._temporary[0].name)
        return self.folder

    def _cell(self, out: Path) -> Cell:
        return Cell(self.task.name, "smoke", self.declaration.name, 0, self.asked, out)

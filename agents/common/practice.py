"""Steps in one environment, stored and learned from until the budget is spent."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.agents.common import nested
from leapbench.agents.common.replay import Replay
from leapbench.contract.agent import LearningPhase
from leapbench.contract.checkpoints import unreadable
from leapbench.errors import UserError

LINES = 200
"""Steps between two reports, and between two points of a curve of losses."""
Point = tuple[int, str, float]
"""Steps so far, what was measured, and its value."""


class Student(Protocol):
    """Acts, and learns from what is stored.

    Attributes:
        replay: where the practice stores each step.
    """

    replay: Replay

    def act(self, observation: NDArray[Any], count: int) -> Any:
        """What to do after `count` steps."""

    def learn(self, count: int) -> dict[str, torch.Tensor]:
        """Learn after `count` steps; losses by name, or nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides what it does from here on."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""


class Practice:
    """A student's walk through a phase.

    With `save_every` among the phase's settings the environment starts anew at the end
    of the first episode after every so many steps, where a phase that was killed goes on.

    Args:
        phase: gives the budget and where to save.
        env: its environment, a vector of one.
        student: acts and learns.

    Attributes:
        count: steps so far.
        curve: returns of training episodes ("return") and losses, by steps.
    """

    def __init__(self, phase: LearningPhase, env: Any, student: Student) -> None:
        self.phase, self.env, self.student = phase, env, student
        self.count = 0
        self.curve: list[Point] = []

    def run(self) -> None:
        """Walk until the budget is spent.

        Raises:
            UserError: when the phase's save is damaged.
        """
        env, meter, replay = self.env, self.phase.meter, self.student.replay
        observation, saved, earned = self._begin(env), meter.used, 0.0
        while meter.left:
            action = self.student.act(observation[0], self.count)
            following, reward, terminated, truncated, info = env.step(np.asarray(action)[None])
            replay.add(observation[0], action, float(reward[0]))
            observation, earned, self.count = following, earned + float(reward[0]), self.count + 1
            over = bool(terminated[0] or truncated[0])
            if over:
                replay.finish(info["final_obs"][0], bool(terminated[0]))
                self.curve.append((self.count, "return", earned))
                self.phase.log(self.count, return_=earned)
                earned = 0.0
            self._note(self.student.learn(self.count))
            if over and self._due(saved):
                saved = meter.used
                self._save()
                observation = self._renewed(env)

    def _note(self, losses: dict[str, torch.Tensor]) -> None:
        if self.count % LINES:
            return
        self.curve += [(self.count, name, float(loss)) for name, loss in losses.items()]
        self.phase.log(self.count, **{name: float(loss) for name, loss in losses.items()})
        limit = self.phase.meter.budget.limit
        self.phase.report(self.phase.meter.used / limit, f"{self.count} of {limit} steps")

    def _begin(self, env: Any) -> NDArray[Any]:
        """First observation (1, ...), of the phase or after its newest save."""
        latest = self.phase.checkpoints.latest if self.phase.checkpoints else None
        if latest is None:
            first: NDArray[Any] = env.reset(seed=self.phase.seed)[0]
            return first
        try:
            state = nested.read(latest)
            self.count = int(state["count"])
            self.curve = [(int(a), str(b), float(c)) for a, b, c in state["curve"]]
            self.student.load_state_dict(state["student"])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise unreadable(latest, error) from error
        return self._renewed(env)

    def _state(self) -> dict[str, Any]:
        return {"count": self.count, "curve": self.curve, "student": self.student.state_dict()}

    def _due(self, saved: int) -> bool:
        """Whether a multiple of `save_every` was passed since; never at the very end."""
        meter, every = self.phase.meter, int(self.phase.settings.get("save_every", 0))
        return every > 0 and meter.left > 0 and meter.used // every > saved // every

    def _save(self) -> None:
        if self.phase.checkpoints is not None:
            self.phase.checkpoints.write(
                self.phase.meter, lambda to: nested.write(self._state(), to)
            )

    def _renewed(self, env: Any) -> NDArray[Any]:
        """First observation (1, ...) after a checkpoint, which depends on nothing before it."""
        drawn = np.random.default_rng([self.phase.seed, 3, self.phase.meter.used])
        observation: NDArray[Any] = env.reset(seed=int(drawn.integers(2**31)))[0]
        return observation


def environment(phase: LearningPhase) -> Any:
    """The phase's environment, a vector of one.

    Raises:
        UserError: when it has none.
    """
    if phase.make_env is None:
        raise UserError("This agent learns by acting, and got no environment.")
    return phase.make_env(1)


def device_of(phase: LearningPhase) -> torch.device:
    """Where the networks of the phase are."""
    return torch.device(phase.device)

"""An agent with an intrinsic reward: it explores without reward before it fine-tunes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from leapbench.agents.urlb.common.behaviour import Behaviour
from leapbench.agents.urlb.common.ddpg import DDPG
from leapbench.agents.urlb.common.practice import Objective, Practice, steps
from leapbench.agents.urlb.common.replay import Sizes
from leapbench.agents.urlb.common.tuner import NEW, Tuner
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError


@dataclass(kw_only=True, eq=False)
class Intrinsic(Tuner, ABC):
    """DDPG that practises on an intrinsic reward before the reward of a task."""

    def __post_init__(self) -> None:
        """See `Tuner`."""
        super().__post_init__()
        self._practice: Practice | None = None
        self._practised: Path | None = None

    @abstractmethod
    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """The intrinsic reward of the phase without any other.

        Args:
            sizes: of observations, actions and skills.
            seed: of its networks.
        """

    def explore(self, phase: LearningPhase) -> DDPG:
        """Practise on the intrinsic reward until the budget is spent.

        A practice that was loaded continues from its complete state.

        Raises:
            UserError: when what was loaded holds no practice to continue.
        """
        ddpg = DDPG(self.sizes, self.backbone, phase.seed, self.features)
        explorer = Behaviour(ddpg, self.skills, self.horizon, phase.seed)
        objective = self.objective(self.sizes, phase.seed + 2)
        if self.stage != NEW and self._practised is None:
            raise UserError(
                f"{phase.name} cannot continue: the phase before saved its networks alone.",
                "Its harness must set continued=True there.",
            )
        before, self._practised = self._practised, None
        practice = Practice(phase, explorer, objective, steps(before) if before else 0)
        if before and not (phase.checkpoints and phase.checkpoints.latest):
            practice.load(before)
        practice.run()
        self._practice = practice if phase.settings.get("continued") else None
        return ddpg

    def finetune(self, phase: LearningPhase) -> DDPG:
        """See `Tuner.finetune`; the exploration cannot continue afterwards."""
        ddpg, self._practice = super().finetune(phase), None
        return ddpg

    def save(self, folder: Path) -> None:
        """See `Tuner.save`; with the state of an exploration that is to continue."""
        super().save(folder)
        if self._practice is not None:
            self._practice.save(folder)

    def load(self, folder: Path) -> None:
        """See `Tuner.load`.

        Raises:
            UserError: when a file is absent or not of this agent.
        """
        super().load(folder)
        self._practised = folder if steps(folder) else None


@dataclass(kw_only=True, eq=False)
class Plain(Intrinsic):
    """One policy without skills; the subclasses say what it is rewarded for.

    Args:
        warm: how a fine-tuning begins: "explore", "greedy", or "random" as published.
    """

    warm: str = "explore"


@dataclass(kw_only=True, eq=False)
class Skilled(Intrinsic):
    """A policy conditioned on a skill; the subclasses say which and what it is rewarded for.

    Args:
        warm: how a fine-tuning begins: "explore", "greedy" or "random", see `Behaviour`.
        choice: of the skill after the warm-up: "search", "constant" or "random".
    """

    warm: str = "explore"
    choice: str = "search"

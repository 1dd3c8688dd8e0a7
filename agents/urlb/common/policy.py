"""The life of an agent with an intrinsic reward: explore, fine-tune, act, be saved."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from leapbench.agents.urlb.common.behaviour import Explorer, Tuner, noisy
from leapbench.agents.urlb.common.ddpg import DDPG, Backbone, one_of
from leapbench.agents.urlb.common.loop import Objective, Practice, kept, sizes_of, steps
from leapbench.agents.urlb.common.replay import Batch, Sizes
from leapbench.agents.urlb.common.skills import Skills
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

WEIGHTS, RECORD = "networks.safetensors", "agent.json"
REWARD_FREE = "pretrain"
"""Name of the phase without reward; any other fine-tunes."""
NEW, PRETRAINED, TUNED = "new", "pretrained", "tuned"
WARM = ("explore", "greedy", "random")
State = tuple[NDArray[np.int64], NDArray[np.float32]]


class Intrinsic(ABC):
    """DDPG that practises on rewards of its own before it is given a task's.

    Args:
        backbone: constants of DDPG.
        skills: what the policy is told.
        warm: how a fine-tuning begins, see `Tuner`.
        choice: with which skill it goes on, see `Tuner`.
        features: of the critic, see `Critic`.

    Attributes:
        choices: what `choice` may be.
        stage: "new", "pretrained" or "tuned".
        learner: the networks; None until something was learned.
        chosen: float32 (skill,), the skill that fine-tuning chose.

    Raises:
        UserError: for a setting that has no meaning.
    """

    choices: ClassVar[tuple[str, ...]] = ("search", "constant", "random")

    def __init__(
        self, backbone: Backbone, skills: Skills, warm: str, choice: str, features: int = 1
    ) -> None:
        one_of("warm", warm, WARM)
        one_of("choice", choice, self.choices)
        if choice == "search" and warm != "explore" and skills.size:
            raise UserError(
                f"choice=search tries skills in the warm-up, which warm={warm} does not draw.",
                "Use choice=constant with it, or warm=explore.",
            )
        self.backbone, self.skills, self.features = backbone, skills, features
        self.warm, self.choice = warm, choice
        self.stage, self.horizon = NEW, 1
        self.learner: DDPG | None = None
        self.sizes = Sizes(0, 0, skills.size)
        self.chosen = skills.constant()
        self._practice: Practice | None = None
        self._practised: Path | None = None
        self._restart(0)

    @abstractmethod
    def objective(self, sizes: Sizes, seed: int) -> Objective:
        """What gives the rewards of the phase without any.

        Args:
            sizes: of observations, actions and skills.
            seed: of its networks.
        """

    def learn(self, phase: LearningPhase) -> None:
        """Explore in the phase called "pretrain"; fine-tune in any other."""
        self.sizes = sizes_of(phase, self.skills.size)
        self.horizon = int(phase.settings["horizon"])
        if phase.name == REWARD_FREE:
            self.learner, self.stage = self.explore(phase), PRETRAINED
        else:
            self.learner, self.stage = self.finetune(phase), TUNED
        self._restart(phase.seed)
        phase.report(1.0, f"{phase.meter.used} {phase.meter.budget.unit} used")

    def explore(self, phase: LearningPhase) -> DDPG:
        """Practise on the intrinsic reward until the budget is spent.

        Where a practice was loaded, it goes on with all that it had.

        Raises:
            UserError: when what was loaded holds no practice to go on with.
        """
        learner = DDPG(self.sizes, self.backbone, phase.seed, self.features)
        explorer = Explorer(learner, self.skills, self.horizon, phase.seed)
        objective = self.objective(self.sizes, phase.seed + 2)
        if self.stage != NEW and self._practised is None:
            raise UserError(
                f"{phase.name} cannot go on: the phase before kept networks alone.",
                "Its harness must set continued=True there.",
            )
        before, self._practised = self._practised, None
        practice = Practice(phase, learner, explorer, objective, steps(before) if before else 0)
        if before and not (phase.saves and phase.saves.latest):
            practice.go_on(before)
        practice.run()
        self._practice = practice if phase.settings.get("continued") else None
        return learner

    def finetune(self, phase: LearningPhase) -> DDPG:
        """Learn a task from its reward, from where the exploration ended."""
        learner = DDPG(self.sizes, self.backbone, phase.seed, self.features)
        if self.learner is not None:
            learner.begin_from(self.learner)
        tuner = self.tuner(learner, phase.seed)
        practice = Practice(phase, learner, tuner, earned)
        practice.run()
        if not tuner.settled:
            tuner.settle(practice.replay)
        self.chosen, self._practice = tuner.chosen, None
        return learner

    def tuner(self, learner: DDPG, seed: int) -> Tuner:
        """Who acts while fine-tuning, drawing from `seed`."""
        return Tuner(learner, self.skills, self.horizon, seed, self.warm, self.choice)

    def predict(
        self,
        observation: NDArray[np.float32],
        state: State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], State]:
        """Actions float32 (B, action); see `leapbench.contract.agent.Policy.predict`.

        The state is the time in each episode and the skill in force there. Fine-tuned
        agents keep the skill that they chose; before that skills are drawn as in
        exploration. Without `deterministic` there is exploration noise.

        Raises:
            UserError: before `learn` or `load`.
        """
        self._require()
        seen = np.asarray(observation, np.float32)
        time, skill = state or (np.zeros(len(seen), np.int64), self._alike(len(seen)))
        if episode_start is not None:
            time = np.where(episode_start, 0, time)
        if self.stage == TUNED and self.choice != "random":
            skill = self._alike(len(seen))
        else:
            skill = self._drawn(time, skill)
        return self._acted(seen, skill, deterministic), (time + 1, skill)

    def _acted(
        self, seen: NDArray[np.float32], skill: NDArray[np.float32], deterministic: bool
    ) -> NDArray[np.float32]:
        if self.learner is None:
            shape = (len(seen), self.sizes.action)
            return self._rng.uniform(-1, 1, shape).astype(np.float32)
        mean = self.learner.act(np.concatenate([seen, skill], axis=1))
        return mean if deterministic else noisy(mean, self.backbone.noise, self._rng)

    def _drawn(self, time: NDArray[np.int64], skill: NDArray[np.float32]) -> NDArray[np.float32]:
        """Skills float32 (B, skill), anew where the time has come."""
        renewed = skill.copy()
        for lane in np.flatnonzero(time % self.skills.period == 0).tolist():
            renewed[lane], _ = self.skills.draw(self._rng, int(time[lane]), self.horizon)
        return renewed

    def _alike(self, count: int) -> NDArray[np.float32]:
        """The chosen skill for all, float32 (count, skill)."""
        return np.tile(self.chosen, (count, 1))

    def save(self, folder: Path) -> None:
        """Write networks (safetensors) and what else `predict` needs (JSON).

        Raises:
            UserError: before `learn` or `load`.
        """
        self._require()
        if self.learner is not None:
            networks = {"actor": self.learner.actor, "critic": self.learner.critic}
            weights = {
                f"{name}.{key}": value.contiguous()
                for name, network in networks.items()
                for key, value in network.state_dict().items()
            }
            save_file(weights | self.extras(), folder / WEIGHTS)
        record = {
            "stage": self.stage,
            "observation": self.sizes.observation,
            "action": self.sizes.action,
            "horizon": self.horizon,
            "chosen": self.chosen.tolist(),
            "seed": self.seed,
        }
        (folder / RECORD).write_text(json.dumps(record))
        if self._practice is not None:
            self._practice.write(folder)

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when a file is absent or not of this agent.
        """
        name = type(self).__name__
        try:
            record: dict[str, Any] = json.loads((folder / RECORD).read_text())
            self.sizes = Sizes(record["observation"], record["action"], self.skills.size)
            self.stage, self.horizon = record["stage"], int(record["horizon"])
            self.chosen = np.array(record["chosen"], np.float32).reshape(self.skills.size)
            if (folder / WEIGHTS).exists():
                self._restore(load_file(folder / WEIGHTS))
            self._restart(int(record["seed"]))
            self._practised = folder if kept(folder) else None
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{folder} holds no {name} of these settings: {reason}.",
                f"{name}.save(folder) writes one.",
            ) from error

    def extras(self) -> dict[str, Any]:
        """Further tensors to save, by name."""
        return {}

    def _restore(self, weights: dict[str, Any]) -> None:
        self.learner = DDPG(self.sizes, self.backbone, 0, self.features)
        for name in ("actor", "critic"):
            head = f"{name}."
            own = {k.removeprefix(head): v for k, v in weights.items() if k.startswith(head)}
            getattr(self.learner, name).load_state_dict(own)

    def _require(self) -> None:
        if self.stage == NEW:
            raise UserError(
                f"{type(self).__name__} has nothing learned yet.",
                "Call learn(phase) or load(folder) first.",
            )

    def _restart(self, seed: int) -> None:
        self.seed, self._rng = seed, np.random.default_rng([seed, 2])


def earned(batch: Batch) -> Tensor:
    """The objective of fine-tuning: the task's own rewards (B,)."""
    return batch.reward

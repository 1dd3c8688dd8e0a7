"""An agent that fine-tunes on the reward of a task, and acts."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from leapbench.agents.common.state import broken, require, under
from leapbench.agents.urlb.common.behaviour import Behaviour
from leapbench.agents.urlb.common.ddpg import DDPG, Backbone, DDPGSettings, noisy, one_of
from leapbench.agents.urlb.common.practice import Practice
from leapbench.agents.urlb.common.replay import Batch, Sizes
from leapbench.agents.urlb.common.skills import NoSkills, Skills
from leapbench.contract.agent import LearningPhase
from leapbench.errors import UserError

WEIGHTS, RECORD = "networks.safetensors", "agent.json"
REWARD_FREE = "pretrain"
"""Name of the phase without reward; any other fine-tunes."""
NEW, PRETRAINED, TUNED = "new", "pretrained", "tuned"
WARM = ("explore", "greedy", "random")
State = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(kw_only=True, eq=False)
class Tuner(DDPGSettings):
    """DDPG that practises on the reward of a task; it lets the phase without reward pass.

    Attributes:
        choices: what `choice` may be.
        features: of the critic, see `Critic`; 1 by default.
        skills: distribution of the skills that condition the policy.
        stage: "new", "pretrained" or "tuned".
        ddpg: the networks; None until something was learned.
        chosen: float32 (skill,), the skill that fine-tuning chose.

    Raises:
        UserError: for a setting that has no meaning.
    """

    choices: ClassVar[tuple[str, ...]] = ("search", "constant", "random")
    features: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Check the settings; nothing is learned yet."""
        super().__post_init__()
        shared = {each.name: getattr(self, each.name) for each in fields(DDPGSettings)}
        self.backbone, self.skills = Backbone(**shared), self.prior()
        one_of("warm", self.warm, WARM)
        one_of("choice", self.choice, self.choices)
        if self.choice == "search" and self.warm != "explore" and self.skills.size:
            raise UserError(
                f"choice=search tries skills in the warm-up, which warm={self.warm} does not draw.",
                "Use choice=constant with it, or warm=explore.",
            )
        self.stage, self.horizon = NEW, 1
        self.ddpg: DDPG | None = None
        self.sizes = Sizes(0, 0, self.skills.size)
        self.chosen = self.skills.constant()
        self._restart(0)

    @property
    def warm(self) -> str:
        """How a fine-tuning begins, see `Behaviour`; a setting of most subclasses."""
        return "random"

    @property
    def choice(self) -> str:
        """How the skill is chosen after the warm-up, see `Behaviour`; set by agents with skills."""
        return "constant"

    def prior(self) -> Skills:
        """The distribution of skills that condition the policy; none by default."""
        return NoSkills()

    def finetuner(self, ddpg: DDPG, seed: int) -> Behaviour:
        """The behaviour while fine-tuning, which draws from `seed`."""
        return Behaviour(ddpg, self.skills, self.horizon, seed, self.warm, self.choice)

    def learn(self, phase: LearningPhase) -> None:
        """`explore` in the phase called "pretrain"; fine-tune in any other."""
        self.sizes = Sizes.of(phase, self.skills.size)
        self.horizon = int(phase.settings["horizon"])
        if phase.name == REWARD_FREE:
            self.ddpg, self.stage = self.explore(phase), PRETRAINED
        else:
            self.ddpg, self.stage = self.finetune(phase), TUNED
        self._restart(phase.seed)
        phase.report(1.0, f"{phase.meter.used} {phase.meter.budget.unit} used")

    def explore(self, phase: LearningPhase) -> DDPG | None:
        """What there is to learn without reward: nothing, which spends no steps."""
        return None

    def finetune(self, phase: LearningPhase) -> DDPG:
        """Learn a task from its reward, from where the exploration ended."""
        ddpg = DDPG(self.sizes, self.backbone, phase.seed, self.features)
        if self.ddpg is not None:
            ddpg.begin_from(self.ddpg)
        tuner = self.finetuner(ddpg, phase.seed)
        practice = Practice(phase, tuner, task_reward)
        practice.run()
        if not tuner.warmed_up:
            tuner.end_warmup(practice.replay)
        self.chosen = tuner.chosen
        return ddpg

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
        require(self.stage != NEW, self)
        seen = np.asarray(observation, np.float32)
        chosen = np.tile(self.chosen, (len(seen), 1))
        time, skill = state or (np.zeros(len(seen), np.int64), chosen)
        if episode_start is not None:
            time = np.where(episode_start, 0, time)
        if self.stage == TUNED and self.choice != "random":
            skill = chosen
        else:
            skill = skill.copy()
            for i in np.flatnonzero(time % self.skills.period == 0).tolist():
                skill[i], _ = self.skills.draw(self._rng, int(time[i]), self.horizon)
        if self.ddpg is None:
            shape = (len(seen), self.sizes.action)
            return self._rng.uniform(-1, 1, shape).astype(np.float32), (time + 1, skill)
        actions = self.ddpg.act(np.concatenate([seen, skill], axis=1))
        if not deterministic:
            actions = noisy(actions, self.backbone.noise, self._rng)
        return actions, (time + 1, skill)

    def save(self, folder: Path) -> None:
        """Write networks (safetensors) and what else `predict` needs (JSON).

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self.stage != NEW, self)
        if self.ddpg is not None:
            weights = {
                f"{name}.{key}": value.contiguous()
                for name in ("actor", "critic")
                for key, value in getattr(self.ddpg, name).state_dict().items()
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

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when a file is absent or not of this agent.
        """
        try:
            record: dict[str, Any] = json.loads((folder / RECORD).read_text())
            self.sizes = Sizes(record["observation"], record["action"], self.skills.size)
            self.stage, self.horizon = record["stage"], int(record["horizon"])
            self.chosen = np.array(record["chosen"], np.float32).reshape(self.skills.size)
            if (folder / WEIGHTS).exists():
                self._restore(load_file(folder / WEIGHTS))
            self._restart(int(record["seed"]))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise broken(folder, self, error, " of these settings") from error

    def extras(self) -> dict[str, Tensor]:
        """Further tensors to save, by name."""
        return {}

    def _restore(self, weights: dict[str, Tensor]) -> None:
        self.ddpg = DDPG(self.sizes, self.backbone, 0, self.features)
        for name in ("actor", "critic"):
            getattr(self.ddpg, name).load_state_dict(under(name, weights))

    def _restart(self, seed: int) -> None:
        self.seed, self._rng = seed, np.random.default_rng([seed, 2])


def task_reward(batch: Batch) -> Tensor:
    """The objective of fine-tuning: the task's own rewards (B,)."""
    return batch.reward

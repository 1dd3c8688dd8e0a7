"""How an agent acts while it practises: warm-up, noise and the skill in force."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench.agents.urlb.common.ddpg import DDPG, noisy
from leapbench.agents.urlb.common.replay import TransitionReplay
from leapbench.agents.urlb.common.skills import SEEK, Skills

Floats = NDArray[np.float32]


class Behaviour:
    """Acting policy of a phase: a warm-up, then the actor with noise, under a skill in force.

    Args:
        ddpg: whose actor acts.
        skills: drawn at the beginning of an episode and every `period` steps.
        horizon: steps of an episode.
        seed: of skills and noise.
        warm: "random": random actions; "explore": the actor with noise, and skills are
            drawn; "greedy": the actor without noise and with the constant skill.
        choice: of the skill after the warm-up. "search": the one that earned most a step
            in it; "constant"; "random": skills are drawn, to the end.
    """

    def __init__(
        self,
        ddpg: DDPG,
        skills: Skills,
        horizon: int,
        seed: int,
        warm: str = "random",
        choice: str = "random",
    ) -> None:
        self.ddpg, self.skills, self.horizon = ddpg, skills, horizon
        self.warm, self.choice = warm, choice
        self.rng = np.random.default_rng([seed, 0])
        self.skill, self.mode = skills.constant(), SEEK
        self.chosen, self.warmed_up = skills.constant(), False
        self._best, self._earned, self._held = -np.inf, 0.0, 0

    def __call__(self, observation: Floats, time: int, count: int) -> tuple[Floats, Floats, int]:
        """Action, skill and mode at a time of the episode, after `count` steps of practice."""
        if self.choice == "random" or (self.warm == "explore" and not self.warmed_up):
            if time == 0 or count % self.skills.period == 0:
                self._compare()
                self.skill, self.mode = self.skills.draw(self.rng, time, self.horizon)
        else:
            self.skill = self.chosen
        if not self.warmed_up and self.warm == "random":
            action = self.rng.uniform(-1, 1, self.ddpg.sizes.action).astype(np.float32)
        else:
            action = self.ddpg.act(np.concatenate([observation, self.skill])[None])[0]
            if self.warmed_up or self.warm != "greedy":
                action = noisy(action, self.ddpg.backbone.noise, self.rng)
        return action, self.skill, self.mode

    def earn(self, reward: float) -> None:
        """Count a reward of the warm-up for the skill in force."""
        if not self.warmed_up:
            self._earned, self._held = self._earned + reward, self._held + 1

    def end_warmup(self, replay: TransitionReplay) -> None:
        """Keep one skill, and let all that is stored count for it.

        The reward of a task does not depend on the skill, so stored steps may be used
        for another one than they were taken with.
        """
        self._compare()
        self.warmed_up = True
        if self.choice != "random":
            replay.relabel(self.chosen)

    def state_dict(self) -> dict[str, Any]:
        """All that changes, as JSON data."""
        tried = [float(self._best), float(self._earned), self._held]
        skills = {"skill": self.skill.tolist(), "chosen": self.chosen.tolist()}
        plain = {"mode": self.mode, "warmed_up": self.warmed_up, "tried": tried}
        return skills | plain | {"rng": self.rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.skill = np.array(state["skill"], np.float32)
        self.chosen = np.array(state["chosen"], np.float32)
        self.mode, self.warmed_up = state["mode"], state["warmed_up"]
        self._best, self._earned, self._held = state["tried"]
        self.rng.bit_generator.state = state["rng"]

    def _compare(self) -> None:
        """Keep the skill that was in force if it earned more a step than any before."""
        if self._held and self.choice == "search" and self._earned / self._held > self._best:
            self._best, self.chosen = self._earned / self._held, self.skill
        self._earned, self._held = 0.0, 0

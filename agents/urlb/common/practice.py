"""The loop of a phase: act in one environment, store, learn, and be saved now and then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from leapbench.agents.urlb.common.ddpg import DDPG, noisy
from leapbench.agents.urlb.common.replay import Batch, Replay
from leapbench.agents.urlb.common.skills import SEEK, Skills
from leapbench.contract.agent import LearningPhase
from leapbench.contract.checkpoints import unreadable

Floats = NDArray[np.float32]
Objective = Callable[[Batch], Tensor]
"""Learns what it has to learn from a batch and gives the rewards (B,) of its transitions."""
TENSORS, RECORD = "practice.safetensors", "practice.json"
LINES = 200
"""Steps between two reports."""


class Behaviour:
    """Who acts: warms up as asked for, then the actor with noise, with a skill in force.

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

    def end_warmup(self, replay: Replay) -> None:
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


class Practice:
    """Everything that learns in a phase, and the loop through it.

    With `save_every` among the phase's settings the environment starts anew at the end
    of the first episode after every so many steps, where a phase that was killed goes on.

    Args:
        phase: gives the environment, its seed and the length of an episode.
        behaviour: chooses every action; its DDPG learns from what is stored.
        objective: gives the rewards to learn from.
        before: steps of the practice that this one continues, see `steps`.

    Attributes:
        replay: everything that was stored.
        count: steps so far, those that are continued included.
    """

    def __init__(
        self, phase: LearningPhase, behaviour: Behaviour, objective: Objective, before: int = 0
    ) -> None:
        ddpg = behaviour.ddpg
        self.phase, self.ddpg, self.behaviour, self.objective = phase, ddpg, behaviour, objective
        self.rng = np.random.default_rng([phase.seed, 1])
        backbone, horizon = ddpg.backbone, int(phase.settings["horizon"])
        capacity = min(backbone.capacity, before + phase.meter.budget.limit)
        self.replay = Replay(
            ddpg.sizes, capacity, horizon, backbone.steps, backbone.discount, phase.device
        )
        for _, module in self._modules():
            module.to(phase.device)
        self.count = 0

    def run(self) -> None:
        """Act until the phase's budget is spent; learn after the warm-up."""
        meter, backbone = self.phase.meter, self.ddpg.backbone
        env: Any = self.phase.make_env(1) if self.phase.make_env else None
        observation, time, saved = self._begin(env), 0, meter.used
        while meter.left:
            if self.count == backbone.warmup:
                self.behaviour.end_warmup(self.replay)
            if self.count >= backbone.warmup and self.count % backbone.every == 0 and self.replay:
                batch = self.replay.sample(backbone.batch, self.rng)
                self.ddpg.update(batch, self.objective(batch))

            action, skill, mode = self.behaviour(observation[0], time, self.count)
            following, rewards, terminated, truncated, info = env.step(action[None])
            reward = float(rewards[0])
            self.replay.add(observation[0], skill, action, mode, reward)
            self.behaviour.earn(reward)
            observation, time, self.count = following, time + 1, self.count + 1

            if terminated[0] or truncated[0]:
                self.replay.finish(info["final_obs"][0], bool(terminated[0]))
                time = 0
                if self._due(saved):
                    saved = meter.used
                    if self.phase.checkpoints is not None:
                        self.phase.checkpoints.write(meter, self.save)
                    observation = self._renewed(env)
            if self.count % LINES == 0:
                limit = meter.budget.limit
                self.phase.report(meter.used / limit, f"{meter.used} of {limit} steps")

    def save(self, folder: Path) -> None:
        """Write all state into an existing folder: tensors, and a JSON record of the rest."""
        replay = self.replay.state_dict()
        modules = {f"{k}.{n}": v for k, m in self._modules() for n, v in m.state_dict().items()}
        tensors = modules | {"replay": replay.pop("rows")}
        save_file({name: each.contiguous() for name, each in tensors.items()}, folder / TENSORS)
        record = {"count": self.count, "replay": replay, "rng": self.rng.bit_generator.state}
        record["behaviour"] = self.behaviour.state_dict()
        (folder / RECORD).write_text(json.dumps(record))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote; an episode that was still played is forgotten.

        Raises:
            UserError: when it is absent, damaged, or of other settings.
        """
        try:
            record = json.loads((folder / RECORD).read_text())
            tensors = load_file(folder / TENSORS)
            self.replay.load_state_dict(record["replay"] | {"rows": tensors["replay"]})
            for name, module in self._modules():
                head = f"{name}."
                own = {k.removeprefix(head): v for k, v in tensors.items() if k.startswith(head)}
                module.load_state_dict(own)
            self.behaviour.load_state_dict(record["behaviour"])
            self.rng.bit_generator.state = record["rng"]
            self.count = int(record["count"])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise unreadable(folder, error) from error

    def _modules(self) -> list[tuple[str, nn.Module]]:
        """What has a `state_dict` of tensors; the task's own reward has none."""
        named = (("ddpg", self.ddpg), ("objective", self.objective))
        return [(name, each) for name, each in named if isinstance(each, nn.Module)]

    def _begin(self, env: Any) -> Floats:
        """First observation (1, d), of the phase or after its newest save."""
        latest = self.phase.checkpoints.latest if self.phase.checkpoints else None
        if latest is None:
            first: Floats = env.reset(seed=self.phase.seed)[0]
            return first
        self.load(latest)
        return self._renewed(env)

    def _due(self, saved: int) -> bool:
        """Whether a multiple of `save_every` was passed since; never at the very end."""
        meter, every = self.phase.meter, int(self.phase.settings.get("save_every", 0))
        return every > 0 and meter.left > 0 and meter.used // every > saved // every

    def _renewed(self, env: Any) -> Floats:
        """First observation (1, d) after a checkpoint, which depends on nothing before it."""
        drawn = np.random.default_rng([self.phase.seed, 3, self.phase.meter.used])
        observation: Floats = env.reset(seed=int(drawn.integers(2**31)))[0]
        return observation


def steps(folder: Path) -> int:
    """Steps of the practice that `Practice.save` saved; 0 where there is none.

    Raises:
        UserError: when its record is damaged.
    """
    if not (folder / RECORD).exists():
        return 0
    try:
        return int(json.loads((folder / RECORD).read_text())["count"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unreadable(folder, error) from error

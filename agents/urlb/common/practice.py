"""The loop of a phase: act in one environment, store, learn, write checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from leapbench.agents.common.state import under
from leapbench.agents.urlb.common.behaviour import Behaviour
from leapbench.agents.urlb.common.replay import Batch, TransitionReplay
from leapbench.contract.agent import LearningPhase
from leapbench.contract.checkpoints import unreadable

Floats = NDArray[np.float32]
Objective = Callable[[Batch], Tensor]
"""Updates its own networks on a batch and returns the intrinsic rewards (B,) of it."""
TENSORS, RECORD = "practice.safetensors", "practice.json"
LINES = 200
"""Steps between two reports."""


class Practice:
    """Everything that learns in a phase, and the loop through it.

    With `save_every` among the phase's settings the environment starts anew at the end
    of the first episode after every so many steps, where a phase that was killed continues.

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
        self.replay = TransitionReplay(
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
        earned, learned = 0.0, torch.zeros(())
        while meter.left:
            if self.count == backbone.warmup:
                self.behaviour.end_warmup(self.replay)
            if self.count >= backbone.warmup and self.count % backbone.every == 0 and self.replay:
                batch = self.replay.sample(backbone.batch, self.rng)
                learned = self.objective(batch)
                self.ddpg.update(batch, learned)

            action, skill, mode = self.behaviour(observation[0], time, self.count)
            following, rewards, terminated, truncated, info = env.step(action[None])
            reward = float(rewards[0])
            self.replay.add(observation[0], skill, action, mode, reward)
            self.behaviour.earn(reward)
            earned += reward
            observation, time, self.count = following, time + 1, self.count + 1

            if terminated[0] or truncated[0]:
                self.replay.finish(info["final_obs"][0], bool(terminated[0]))
                self.phase.log(meter.used, return_=earned)
                time, earned = 0, 0.0
                if self._due(saved):
                    saved = meter.used
                    if self.phase.checkpoints is not None:
                        self.phase.checkpoints.write(meter, self.save)
                    observation = self._renewed(env)
            if self.count % LINES == 0:
                limit = meter.budget.limit
                self.phase.log(meter.used, reward_learned=float(learned.mean()))
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
        """Restore what `save` wrote; an unfinished episode is dropped.

        Raises:
            UserError: when it is absent, damaged, or of other settings.
        """
        try:
            record = json.loads((folder / RECORD).read_text())
            tensors = load_file(folder / TENSORS)
            self.replay.load_state_dict(record["replay"] | {"rows": tensors["replay"]})
            for name, module in self._modules():
                module.load_state_dict(under(name, tensors))
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

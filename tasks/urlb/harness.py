"""Runs urlb protocols: explore without reward, fine-tune on each task, evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from leapbench import seeds
from leapbench.acting import checked
from leapbench.agent import Learner, LearningPhase
from leapbench.harness import Harness, Outcome, Report, Row
from leapbench.meter import Meter
from leapbench.task import Phase, Protocol
from leapbench.tasks.urlb import worlds

NO_GOAL = "none"
DIGITS = 6
"""Decimals of an entropy in the rows."""


class UrlbHarness(Harness):
    """A tree of phases: roots explore without reward, branches fine-tune on one goal.

    `settings.worlds` has each phase's arguments of the environment, `settings.world`
    those that all share. An agent is told the length of an episode and whether a phase
    is "pretrain" or "finetune"; neither noise nor goal.

    Evaluated are the fine-tuned parts, greedily, and the pre-trained ones as they
    explore, which gives no return and shows where they go.
    """

    sources = (
        "leapbench.envs.lockstep",
        "leapbench.envs.urlb.grid",
        "leapbench.envs.urlb.point",
        "leapbench.tasks.urlb.worlds",
    )

    def relevant(self, phase: Phase, config: Mapping[str, Any]) -> dict[str, Any]:
        """The world of the phase."""
        environment = self.protocol.evaluation.environment
        return {"environment": environment, "arguments": _arguments(self.protocol, phase)}

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open a phase: the agent learns from metered environments alone."""
        meter, place = Meter(phase.budget), self.protocol.phases.index(phase)
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, place, self.seed)
        rewarded = bool(phase.after)
        arguments = _arguments(self.protocol, phase)
        return LearningPhase(
            name="finetune" if rewarded else "pretrain",
            meter=meter,
            seed=seed,
            settings={"horizon": arguments["horizon"]},
            make_env=partial(
                worlds.training, self.protocol.evaluation.environment, arguments, rewarded, meter
            ),
            report=report,
        )

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Step all episodes of a phase's part together, one part after the other."""
        plan, count = self.schedule(self.protocol, self.salt), self.protocol.evaluation.episodes
        rows: list[Row] = []
        for i, phase in enumerate(self.protocol.phases):
            report(i / len(self.protocol.phases), "evaluating")
            planned = plan[i * count : (i + 1) * count]
            part = parts[self.protocol.slot(phase)]
            rows += [a | b for a, b in zip(planned, self._play(phase, part, planned), strict=True)]
        return Outcome(rows)

    def _play(self, phase: Phase, policy: Any, planned: list[Row]) -> list[Row]:
        """How each planned episode ended."""
        arguments = _arguments(self.protocol, phase)
        name, mode = self.protocol.evaluation.environment, AutoresetMode.DISABLED
        env = worlds.make(name, len(planned), arguments, mode)
        observation, _ = env.reset(seed=[int(row["seed"]) for row in planned])  # type: ignore[arg-type]
        if getattr(policy, "privileged", False):
            policy.bind(env)
        total, over = np.zeros(len(planned)), np.zeros(len(planned), bool)
        seen, state, start = [], None, np.ones(len(planned), bool)
        while not over.all():
            given, state = policy.predict(
                observation, state, start, deterministic=bool(phase.after)
            )
            actions = checked(given, env.single_action_space, len(planned))
            observation, reward, terminated, truncated, _ = env.step(actions)
            total, over = total + reward, terminated | truncated
            start = np.zeros(len(planned), bool)
            seen.append(np.array(observation))
        env.close()
        visits = cells(np.stack(seen, axis=1), int(self.protocol.settings.get("bins", 0)))
        return [
            {"return": float(total[i]), "length": len(seen), "entropy": entropy(visits[i])}
            for i in range(len(planned))
        ]

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "") -> list[Row]:
        """Noise, goal, episode and reset seed of each row."""
        count = protocol.evaluation.episodes
        starts = seeds.stream(protocol.seed_key, "test", count * len(protocol.phases), salt=salt)
        played = [(phase, episode) for phase in protocol.phases for episode in range(count)]
        rows: list[Row] = []
        for (phase, episode), start in zip(played, starts, strict=True):
            world = _arguments(protocol, phase)
            goal = str(world.get("task", NO_GOAL))
            rows.append({"noise": world["noise"], "goal": goal, "episode": episode, "seed": start})
        return rows

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[Row]) -> dict[str, float]:
        """Share of steps in the goal: worst and mean over the noise, and at each; entropies."""
        levels = sorted({float(row["noise"]) for row in rows})
        share = {
            level: _mean(
                float(row["return"]) / float(row["length"])
                for row in rows
                if row["noise"] == level and row["goal"] != NO_GOAL
            )
            for level in levels
        }
        found = {"worst": min(share.values()), "mean": _mean(share.values())}
        for level in levels:
            free = (r for r in rows if r["noise"] == level and r["goal"] == NO_GOAL)
            found[f"noise_{level:g}"] = share[level]
            found[f"entropy_{level:g}"] = _mean(float(row["entropy"]) for row in free)
        return found


def cells(seen: NDArray[Any], bins: int) -> NDArray[np.int64]:
    """Numbered cells of what was observed, int64 (B, T).

    Args:
        seen: numbered observations (B, T), which are cells already, or (B, T, d) whose
            first two numbers are a place in [-1, 1] x [-1, 1].
        bins: cells on a side for the latter.
    """
    if seen.ndim == 2:
        return seen
    index = np.clip((seen[..., :2] + 1) / 2 * bins, 0, bins - 1).astype(np.int64)
    return np.asarray(index[..., 0] * bins + index[..., 1])


def entropy(visits: NDArray[np.int64]) -> float:
    """Entropy of the cells of one episode, in nats; int64 (T,)."""
    _, counts = np.unique(visits, return_counts=True)
    share = counts / counts.sum()
    return round(float(-(share * np.log(share)).sum()) + 0.0, DIGITS)


def _arguments(protocol: Protocol, phase: Phase) -> dict[str, Any]:
    """Keyword arguments of the phase's environment."""
    settings: dict[str, dict[str, Any]] = protocol.settings
    own: dict[str, Any] = settings["worlds"][phase.name]
    return settings["world"] | own


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))

"""Runs the family's protocols: practice on other instances, then a block of them for the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase, is_privileged
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter
from leapbench.contract.rollout import checked
from leapbench.contract.task import Phase, Protocol
from leapbench.envs.distill.bank import bank
from leapbench.envs.distill.vector import DistillVectorEnv
from leapbench.errors import UserError
from leapbench.tasks.distill import sources
from leapbench.tasks.interaction import training

KEPT = ("accuracy", "validation", "spent", "budget", "blocks", "checkpoints", "refused")


class DistillHarness(Harness):
    """A policy spends multiply-adds on teachers and a student that it has not seen.

    `settings.world` has the environment's arguments, `settings.scenarios` the scenarios that
    evaluation episodes take turns with, and `settings.students` how many students meet each
    instance. Budgets are in whole teachers with a student each. The phase is for those that
    learn, on instances of their own, `settings.practice` over `settings.world`.

    What differs between two runs of a rule is its instances, so a run's seed decides them:
    all agents meet the same instances and students in the runs of one seed, and pairing runs
    by their seed pairs episodes.

    A policy that answers with integers acts by the choices of the discrete world.
    """

    shared = ("leapbench.envs.distill.observation", "leapbench.envs.distill.choices")

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """Of the environment, with the protocol's data."""
        return worlds(self.protocol)

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open the practice; see `Harness.open`."""
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, self.seed)
        meter, world = Meter(phase.budget), self.protocol.settings["world"]
        arguments = self.arguments | self.protocol.settings.get("practice", {})
        sizes = {"trajectories": 2, "checkpoints": 8, "blocks": 10}
        return LearningPhase(
            name=phase.name,
            meter=meter,
            seed=seed,
            settings={name: world.get(name, usual) for name, usual in sizes.items()},
            make_env=partial(practice, self.protocol.evaluation.environment, arguments, meter),
            report=report,
        )

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Play the episodes of all budgets in lockstep."""
        plan = self.schedule(self.protocol, self.salt, self.seed)
        env = self.world(plan)
        self._prepare(plan, report)
        asked = {name: [row[name] for row in plan] for name in ("scenario", "instance", "student")}
        given = asked | {"budget": [float(row["share"]) for row in plan]}
        observation, _ = env.reset(seed=[int(row["seed"]) for row in plan], options=given)
        finals = _played(env, parts["policy"], observation, report)
        rows = [planned | final for planned, final in zip(plan, finals, strict=True)]
        return Outcome(rows)

    def world(self, plan: Sequence[EpisodeRow]) -> DistillVectorEnv:
        """The environment of an evaluation."""
        env: DistillVectorEnv = gym.make_vec(  # type: ignore[assignment]
            self.protocol.evaluation.environment,
            len(plan),
            vectorization_mode="vector_entry_point",
            evaluation=True,
            autoreset_mode=AutoresetMode.DISABLED,
            **self.arguments,
        )
        return env

    def _prepare(self, plan: Sequence[EpisodeRow], report: Report) -> None:
        """Make the banks that are not there, which the first run of a seed does for the others."""
        setup = self.world(plan[:1]).rules.setup
        needed = sorted({(str(row["scenario"]), int(row["instance"])) for row in plan})
        for done, (scenario, number) in enumerate(needed):
            report(0.5 * done / len(needed), f"teachers of instance {done + 1} of {len(needed)}")
            bank(setup, scenario, number)

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Budget, scenario, instance and student of each row; the same for all budgets."""
        evaluation, settings = protocol.evaluation, protocol.settings
        students, scenarios = int(settings["students"]), settings["scenarios"]
        count = evaluation.episodes
        drawn = seeds.stream(protocol.seed_key, "test", 2 * count, seed, salt=salt)
        rows: list[EpisodeRow] = []
        for share in evaluation.budgets:
            for episode in range(count):
                place = episode // students
                rows.append(
                    {
                        "share": float(share),
                        "episode": episode,
                        "scenario": scenarios[place % len(scenarios)],
                        "instance": drawn[place],
                        "student": drawn[count + episode],
                        "seed": drawn[count + episode],
                    }
                )
        return rows

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Test accuracy in points: the mean over budgets, and at each of them, in percent."""
        shares = sorted({float(row["share"]) for row in rows})
        at = {share: [r for r in rows if float(r["share"]) == share] for share in shares}
        each = {share: _mean(some, "accuracy") for share, some in at.items()}
        found = {"accuracy": 100 * float(np.mean(list(each.values())))}
        found |= {f"accuracy_{round(100 * share)}": 100 * value for share, value in each.items()}
        spent = [float(row["spent"]) / float(row["budget"]) for row in rows]
        found["spent"] = float(np.mean(spent))
        found["checkpoints"] = _mean(rows, "checkpoints")
        found["violations"] = float(sum(int(r["spent"]) > int(r["budget"]) for r in rows))
        return found


def worlds(protocol: Protocol) -> dict[str, Any]:
    """Arguments of the environment, with the data that a protocol names."""
    name = protocol.settings.get("data", "digits")
    chosen = dict(protocol.settings["world"])
    return chosen if name == "digits" else chosen | {"source": sources.load(name)}


class Drawn(gym.vector.VectorWrapper):
    """Begins instances and students that are drawn, and none by its number.

    Those that are scored have public numbers, and could be learned.
    """

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """See `DistillVectorEnv.reset`.

        Raises:
            UserError: for the option "instance" or "student".
        """
        for name in ("instance", "student"):
            if name in (options or {}):
                raise UserError(
                    f"Practice has no option {name!r}: instances that are scored have numbers.",
                    "Both are drawn: reset(seed=phase.seed).",
                )
        return self.env.reset(seed=seed, options=options)


def practice(
    environment: str, arguments: Mapping[str, Any], meter: Meter, num_envs: int
) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Metered episodes to learn from, which begin again as they end; a unit a round."""
    return Drawn(training(environment, arguments, meter, num_envs))


def _mean(rows: Sequence[EpisodeRow], column: str) -> float:
    return float(np.mean([float(row[column]) for row in rows]))


def _played(
    env: DistillVectorEnv, policy: Any, observation: np.ndarray, report: Report
) -> list[EpisodeRow]:
    """Play every episode to its end; how each ended."""
    if is_privileged(policy):
        policy.bind(env)
    count, rules = env.num_envs, env.rules
    discrete = gym.spaces.Discrete(rules.choices.count)
    finals: list[EpisodeRow] = [{} for _ in range(count)]
    over, state, begins = np.zeros(count, bool), None, np.ones(count, bool)
    while not over.all():
        given, state = policy.predict(observation, state, begins, deterministic=True)
        if np.asarray(given).dtype.kind in "iu" and np.ndim(given) == 1:
            chosen = checked(given, discrete, count)
            decided = zip(chosen, env.episodes, strict=True)
            given = np.stack(
                [rules.numbers.row(rules.choices.decision(int(c), e.owned)) for c, e in decided]
            )
        actions = checked(given, env.single_action_space, count)
        observation, _, terminated, truncated, info = env.step(actions)
        ended = (terminated | truncated) & ~over
        for index in np.flatnonzero(ended).tolist():
            finals[index] = {key: info[key][index].item() for key in KEPT}
        over, begins = over | ended, np.zeros(count, bool)
        done = float(np.mean([e.blocks / e.setup.blocks for e in env.episodes]))
        report(0.5 + 0.5 * done, f"{count} students")
    env.close()
    return finals

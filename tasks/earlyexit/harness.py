"""Runs early-exit protocols: train the model, solve the policy, meter the stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property, partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from leapbench import data
from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter, MeteredStream, MeteredVectorEnv
from leapbench.contract.task import Phase, Protocol
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.tasks.earlyexit import folder, splits
from leapbench.tasks.earlyexit.outputs import anytime, predictions_of
from leapbench.tasks.earlyexit.splits import Split
from leapbench.tasks.streams import curve, finals

RECEIVER = "leapbench.agents.common.stored.trained:received"  # a name, as `default_agents` are


@cache
def _load(settings: tuple[tuple[str, Any], ...], seed_key: str, salt: str) -> dict[str, Split]:
    read = folder.load if data.get(dict(settings)["data"]).streamed else splits.load
    return read(dict(settings), seed_key, salt)


class EarlyExitHarness(Harness):
    """The model learns from labelled samples, the policy from the model's outputs.

    Phases: `train` (role "model", a stream of labelled samples) and `calibrate`
    (role "policy", the calibration predictions and environments over it). The test
    prediction cache is only ever behind the evaluation's environment.
    """

    shared = ("leapbench.envs.exits.predictions", "leapbench.envs.exits.observation")

    def __init__(self, protocol: Protocol, seed: int, store: ArtifactStore, salt: str = "") -> None:
        super().__init__(protocol, seed, store, salt)
        self.settings: dict[str, Any] = dict(protocol.settings)
        self.budgets = tuple(int(b) for b in protocol.evaluation.budgets)

    @cached_property
    def splits(self) -> dict[str, Split]:
        """Training, calibration and test samples; a salt draws all of them anew."""
        keys = (*("data", "noise", "train", "calibration", "test"), "canvas", "pieces", "copies")
        chosen = tuple((k, self.settings[k]) for k in keys if k in self.settings)
        return _load(chosen, self.protocol.seed_key, self.salt)

    def relevant(self, phase: Phase, config: Mapping[str, Any]) -> dict[str, Any]:
        """Everything but the evaluation's stream and the networks not used."""
        kept = {k: v for k, v in self.settings.items() if k not in ("networks", "stream")}
        shape = self.settings["networks"].get(config.get("network"))
        salted = {"salt": sha256(self.salt.encode()).hexdigest()} if self.salt else {}
        return kept | {"shape": shape} | salted

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open `train` or `calibrate`; see `Harness.open`."""
        meter = Meter(phase.budget)
        place = 0 if phase.role == "model" else 2
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, place, self.seed)
        opened = LearningPhase(phase.name, meter, seed, self.settings, report=report)
        if phase.role == "model":
            cell = {"task": self.protocol.task, "tier": self.protocol.tier, "seed": self.seed}
            opened.settings = self.settings | cell
            train = self.splits["train"]
            opened.data = MeteredStream(train.images, train.labels, meter)
            return opened
        predictions = self.predictions(parts["model"], "calibration")
        opened.settings = self.settings | {"budgets": self.budgets}
        opened.data = predictions
        opened.make_env = partial(self._practice, predictions, meter)
        return opened

    def _practice(
        self, predictions: PredictionCache, meter: Meter, num_envs: int, stream: int | None = None
    ) -> MeteredVectorEnv:
        """Metered streams over the calibration predictions, their budgets drawn from the grid."""
        length = stream or self.settings["stream"]
        return MeteredVectorEnv(
            self._world(num_envs, predictions, length, AutoresetMode.SAME_STEP), meter
        )

    def _world(
        self, num_envs: int, predictions: PredictionCache, stream: int, mode: AutoresetMode
    ) -> EarlyExitVectorEnv:
        """Streams over a prediction cache in the environment that the protocol names."""
        env: EarlyExitVectorEnv = gym.make_vec(  # type: ignore[assignment]
            self.protocol.evaluation.environment,
            num_envs,
            vectorization_mode="vector_entry_point",
            predictions=predictions,
            stream=stream,
            budget=self.budgets,
            autoreset_mode=mode,
        )
        return env

    def receive(self, role: str, folder: Path) -> Learner:
        """A network of the protocol's with the weights that a training method has saved."""
        if role != "model":
            return super().receive(role, folder)
        module, _, name = RECEIVER.partition(":")
        part: Learner = getattr(import_module(module), name)(folder, self.settings["networks"])
        return part

    def predictions(self, model: Learner, split: str) -> PredictionCache:
        """Cached outputs of the model's network on one split."""

        def make(empty: Path) -> None:
            network = model.network  # type: ignore[attr-defined]
            name = self.settings["data"]
            predictions_of(network, self.splits[split], name, self.device).save(
                empty / "predictions.npz"
            )

        key = {"predictions": split, "of": self.artifacts["model"]}
        kept, _ = self.store.get(key, make)
        return PredictionCache.load(kept / "predictions.npz")

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Step all episodes of all budgets together, one policy call a step."""
        predictions, policy = self.predictions(parts["model"], "test"), parts["policy"]
        plan = self.schedule(self.protocol, self.salt)
        limits = [row["budget"] for row in plan]
        env = self._world(len(plan), predictions, self.settings["stream"], AutoresetMode.DISABLED)
        starts = [int(row["seed"]) for row in plan]
        observation, _ = env.reset(seed=starts, options={"budget": limits})
        columns = ("accuracy", "spent", "budget", "exits", "forced", "unanswered")
        ended = finals(env, policy, observation, columns, report)
        rows = [planned | _row(final) for planned, final in zip(plan, ended, strict=True)]
        return Outcome(rows, {"anytime": anytime(predictions), "curve": curve(rows)})

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Budget, episode and reset seed of each row.

        With `streams = "shared"` an episode's stream is the same under every budget, so that a
        curve's points differ by their budgets alone; else each has its own.
        """
        evaluation = protocol.evaluation
        limits = [int(b) for b in evaluation.budgets for _ in range(evaluation.episodes)]
        shared = dict(protocol.settings).get("streams") == "shared"
        count = evaluation.episodes if shared else len(limits)
        starts = seeds.stream(protocol.seed_key, "test", count, salt=salt)
        starts = starts * (len(limits) // count)
        return [
            {"budget": limit, "episode": i % evaluation.episodes, "seed": start}
            for i, (limit, start) in enumerate(zip(limits, starts, strict=True))
        ]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Mean accuracy over the budget grid, realised cost and violations."""
        points = curve(rows)
        return {
            "accuracy": float(np.mean([p["accuracy"] for p in points])),
            "cost": float(np.mean([p["multiply_adds"] for p in points])),
            "violations": float(sum(int(row["spent"]) > int(row["limit"]) for row in rows)),
        }


def _row(final: Mapping[str, Any]) -> EpisodeRow:
    """How one episode ended, as a flat record."""
    answered = int(np.sum(final["exits"]))
    length = answered + int(final["unanswered"])
    row: EpisodeRow = {
        "accuracy": float(final["accuracy"]),
        "length": length,
        "spent": int(final["spent"]),
        "limit": int(final["budget"]),
        "forced": int(final["forced"]),
        "unanswered": int(final["unanswered"]),
    }
    return row | {f"exit_{k + 1}": int(n) for k, n in enumerate(final["exits"])}

"""Runs glances at video: train the networks, fill the banks, solve the policy, meter the stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from hashlib import sha256
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase, is_privileged
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report, stage
from leapbench.contract.meter import Meter, MeteredStream, MeteredVectorEnv
from leapbench.contract.task import Phase, Protocol
from leapbench.data.video import silent
from leapbench.envs.videoglance import files, reference
from leapbench.envs.videoglance.bank import Bank
from leapbench.envs.videoglance.locator import LOCATORS
from leapbench.envs.videoglance.needle import Clips
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.shape import shape_of
from leapbench.envs.videoglance.vector import VideoGlanceVectorEnv
from leapbench.errors import InvalidOutput
from leapbench.tasks.rebuilt import loaded
from leapbench.tasks.streams import curve, shares
from leapbench.tasks.videoglance import banks, clips, warm
from leapbench.tasks.videoglance.playing import played


class ClipStream(MeteredStream):
    """Metered passes over clips uint8 (N, T, H, W[, 3]); `warm` are the first weights by name."""

    warm: Mapping[str, np.ndarray]


class VideoGlanceHarness(Harness):
    """The model learns from labelled clips, the policy from the model's calibration bank.

    Phases: `train` (role "model", a stream of labelled clips) and `calibrate` (role
    "policy", the calibration bank and environments over it). The test bank is only ever
    behind the evaluation's environments, and each of its clips in one row of them alone.
    """

    shared = (
        "leapbench.envs.exits.predictions",
        "leapbench.envs.exits.observation",
        "leapbench.envs.videoglance.observation",
        "leapbench.envs.videoglance.bank",
        "leapbench.envs.videoglance.files",
        "leapbench.envs.videoglance.grid",
    )

    def __init__(self, protocol: Protocol, seed: int, store: ArtifactStore, salt: str = "") -> None:
        super().__init__(protocol, seed, store, salt)
        self.settings: dict[str, Any] = dict(protocol.settings)
        self.budgets = tuple(int(b) for b in protocol.evaluation.budgets)
        self._report: Report = silent

    @cached_property
    def clips(self) -> dict[str, Clips]:
        """Training, calibration and test clips; a salt draws all of them anew."""
        found = clips.load(self.settings, self.protocol.seed_key, self.salt, self._report)
        self._shares(len(found["test"]))
        return found

    def _shares(self, samples: int) -> NDArray[np.int64]:
        """Test clips of each row, int64 (rows, stream).

        Raises:
            UserError: when there are too few.
        """
        evaluation = self.protocol.evaluation
        rows = len(evaluation.budgets) * evaluation.episodes
        (seed,) = seeds.stream(self.protocol.seed_key, "test", 1, 1, salt=self.salt)
        return shares(samples, rows, self.settings["stream"], seed)

    def relevant(self, phase: Phase, config: Mapping[str, Any]) -> dict[str, Any]:
        """Everything but the evaluation's stream."""
        salted = {"salt": sha256(self.salt.encode()).hexdigest()} if self.salt else {}
        return {k: v for k, v in self.settings.items() if k != "stream"} | salted

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open `train` or `calibrate`; see `Harness.open`.

        Neither the bank that a policy is given nor the worlds that it learns in say where the
        objects are; an oracle learns it from `reveal`.
        """
        self._report, meter = report, Meter(phase.budget)
        place = 0 if phase.role == "model" else 2
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, place, self.seed)
        opened = LearningPhase(phase.name, meter, seed, self.settings, report=report)
        if phase.role == "model":
            train = self.clips["train"]
            opened.data = ClipStream(train.frames, train.labels, meter)
            opened.data.warm = self._warm(report)
            return opened
        bank = self.bank(parts["model"], "calibration", report).blind()
        opened.settings = self.settings | {"budgets": self.budgets}
        opened.data = bank
        opened.make_env = partial(self._practice, bank, meter)
        return opened

    def reveal(self, opened: LearningPhase, parts: Mapping[str, Learner]) -> None:
        """Give an oracle the calibration bank with the true tubes; see `Harness.reveal`."""
        opened.data = self.bank(parts["model"], "calibration", opened.report)

    def _warm(self, report: Report) -> dict[str, np.ndarray]:
        """First weights, the same for all models of a seed; made once."""
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, 1, self.seed)
        shape, settings = shape_of(self.settings["network"]), self.settings["warm"]

        def make(empty: Any) -> None:
            found = warm.first_weights(
                shape, self.clips["train"], seed, settings, self.device, report
            )
            np.savez(empty / "reader.npz", allow_pickle=False, **found)

        kept = {k: v for k, v in self.settings.items() if k not in ("stream", "lr", "batch")}
        salted = sha256(self.salt.encode()).hexdigest() if self.salt else ""
        key = {"warm": kept, "seed_key": self.protocol.seed_key, "seed": seed, "salt": salted}
        folder, _ = self.store.get(key, make)
        with np.load(folder / "reader.npz", allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    def _practice(
        self, bank: Bank, meter: Meter, num_envs: int, stream: int | None = None
    ) -> MeteredVectorEnv:
        """Metered streams over the calibration bank, their budgets drawn from the grid."""
        length = stream or self.settings["stream"]
        return MeteredVectorEnv(self._world(num_envs, bank, length, AutoresetMode.SAME_STEP), meter)

    def _world(
        self, num_envs: int, bank: Bank, stream: int, mode: AutoresetMode
    ) -> VideoGlanceVectorEnv:
        """Streams over a bank in the environment that the protocol names."""
        env: VideoGlanceVectorEnv = gym.make_vec(  # type: ignore[assignment]
            self.protocol.evaluation.environment,
            num_envs,
            vectorization_mode="vector_entry_point",
            bank=bank,
            stream=stream,
            budget=self.budgets,
            autoreset_mode=mode,
        )
        return env

    def bank(self, model: Learner, split: str, report: Report = silent) -> Bank:
        """Bank of the model's network on one split; made once."""

        def make(empty: Any) -> None:
            files.save(empty / "banks.npz", self._filled(model, report))

        folder, _ = self.store.get({"banks of": self.artifacts["model"]}, make)
        return files.load(folder / "banks.npz")[split]

    def _filled(self, model: Learner, report: Report) -> dict[str, Bank]:
        """Banks of both held-out splits; scales of features are those of training clips."""
        network = self.rebuilt(model)
        some = self.clips["train"].head(banks.SCALED)
        scale = banks.scales(banks.outputs(network, some, self.device, report))
        made = {}
        for i, split in enumerate(reference.SPLITS):
            held = self.clips[split]
            found = banks.outputs(network, held, self.device, report)
            (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, 3 + i, self.seed)
            rng, name = np.random.default_rng(seed), str(self.settings["data"])
            made[split] = banks.bank(network, found, held, scale, name, rng)
        return made

    def rebuilt(self, model: Any) -> GlanceNetwork:
        """The protocol's own network with the weights of the model's: no code of an agent runs.

        Raises:
            InvalidOutput: when they are not the weights of one.
        """
        given = getattr(model, "network", None)
        if not isinstance(given, torch.nn.Module):
            raise InvalidOutput("the model has no network")
        head = getattr(getattr(given, "locator", None), "kind", "")
        if head not in ("", *LOCATORS):
            raise InvalidOutput("the network's locator is of no known kind")
        made = GlanceNetwork(shape_of(self.settings["network"]), str(head))
        return loaded(made, given, "model")

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Play row after row, each in a world of its own over clips that no other row has."""
        self._report = report
        bank, policy = self.bank(parts["model"], "test", report), parts["policy"]
        plan = self.schedule(self.protocol, self.salt)
        given = self._shares(bank.samples)
        rows = []
        for i, (row, at) in enumerate(zip(plan, given, strict=True)):
            env = self._world(1, bank.part(at), len(at), AutoresetMode.DISABLED)
            told = stage(report, i, len(plan), f"stream {i + 1} of {len(plan)}")
            rows.append(row | played(env, row, policy, told))
        own = bank.ladder()
        anytime = [
            {"looks": k, "multiply_adds": int(cost), "accuracy": float(own.correct[:, k].mean())}
            for k, cost in enumerate(own.costs)
        ]
        details = {"anytime": anytime, "curve": curve(rows), "costs": [bank.first, bank.look]}
        return Outcome(rows, details | {"privileged": is_privileged(policy)})

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Budget, episode and reset seed of each row."""
        evaluation = protocol.evaluation
        limits = [(int(b), i) for b in evaluation.budgets for i in range(evaluation.episodes)]
        starts = seeds.stream(protocol.seed_key, "test", len(limits), salt=salt)
        return [
            {"budget": limit, "episode": i, "seed": start}
            for (limit, i), start in zip(limits, starts, strict=True)
        ]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Mean accuracy over the budgets, realised cost, violations, looks and hits a clip.

        `hits` is the share of answered clips in which a cube held half of the true tube or
        more; 0 where no tube is known.
        """
        points = curve(rows)
        answered = sum(int(row["answered"]) for row in rows)
        found = {
            "accuracy": float(np.mean([p["accuracy"] for p in points])),
            "cost": float(np.mean([p["multiply_adds"] for p in points])),
            "violations": float(sum(int(row["spent"]) > int(row["limit"]) for row in rows)),
            "looks": sum(int(row["looks"]) for row in rows) / max(1, answered),
            "hits": sum(int(row["hits"]) for row in rows) / max(1, answered),
        }
        return found | {f"accuracy_{i + 1}": p["accuracy"] for i, p in enumerate(points)}

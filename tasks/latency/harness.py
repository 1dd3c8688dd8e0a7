"""Runs protocols in which a network and its masks are learned, then paid for on devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import fields, replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from leapbench.contract import seeds
from leapbench.contract.agent import Learner, LearningPhase
from leapbench.contract.harness import EpisodeRow, Harness, Outcome, Report
from leapbench.contract.meter import Meter, MeteredStream
from leapbench.contract.rollout import rollout
from leapbench.contract.task import Phase, Protocol
from leapbench.envs.latency.budget.prices import prices
from leapbench.envs.latency.device import Device, batched
from leapbench.envs.latency.dynamic import DynamicNetwork, Shape, build
from leapbench.envs.latency.lessons import Lessons
from leapbench.envs.latency.needle import Pictures
from leapbench.errors import InvalidOutput, UserError
from leapbench.tasks.latency import keeping, pictures, scores, streaming
from leapbench.tasks.latency.folder import FolderImages
from leapbench.tasks.rebuilt import loaded

TELL = 20
"""Images of a stream between two lines of progress."""


class MasksHarness(Harness):
    """A network is trained densely, then masks for it, then streams are paid on every device.

    Phases: `train` (role "model", labelled images) and `masks` (role "policy", see `Lessons`).
    The evaluation runs the policy's network, rebuilt by the suite from its weights, in the
    world of masks: the policy sees what comes into each block and says which cells to keep,
    the world pays, computes and answers. A policy without a `network` says so for the model's.
    """

    shared = (
        "leapbench.envs.latency.budget.observation",
        "leapbench.envs.latency.budget.prices",
        "leapbench.envs.latency.lessons",
        "leapbench.envs.latency.dynamic",
        "leapbench.envs.latency.needle",
    )

    def __init__(self, protocol: Protocol, seed: int, store: Any, salt: str = "") -> None:
        super().__init__(protocol, seed, store, salt)
        self.settings: dict[str, Any] = dict(protocol.settings)
        self.shapes = {name: Shape(**each) for name, each in self.settings["networks"].items()}

    @cached_property
    def splits(self) -> Mapping[str, Pictures]:
        """Training, held-out and test images."""
        return pictures.load(tuple(self._pictures.items()), self.protocol.seed_key, self.salt)

    @property
    def _pictures(self) -> dict[str, Any]:
        """Settings that pictures depend on."""
        return {key: self.settings[key] for key in pictures.SETTINGS if key in self.settings}

    @cached_property
    def devices(self) -> dict[str, Device]:
        """Devices by name, with the batch of the protocol."""
        return {name: batched(name, self.settings["batch"]) for name in self.settings["devices"]}

    @cached_property
    def static(self) -> dict[str, int]:
        """Picoseconds an image through the full network, run densely, by device."""
        return {name: prices(d, self.shapes["full"]).static for name, d in self.devices.items()}

    def relevant(self, phase: Phase, config: Mapping[str, Any]) -> dict[str, Any]:
        """Images and the network that is trained; for masks, what the model is."""
        found = self._pictures | {
            "salt": self.salt,
            "network": self.settings["networks"].get(config.get("network")),
        }
        if phase.role != "model":
            return found | {"of": dict(self.artifacts), "settings": dict(self.settings)}
        given = self.weights.get(str(config.get("network")))
        return found | ({} if given is None else {"weights": keeping.digest(given)})

    @cached_property
    def weights(self) -> Mapping[str, Path]:
        """Files of published weights, by the names of networks; see `keeping.weights`."""
        return keeping.weights(self.settings.get("weights", {}))

    def open(self, phase: Phase, parts: Mapping[str, Learner], report: Report) -> LearningPhase:
        """Open `train` or `masks`; see `Harness.open`."""
        meter, train = Meter(phase.budget), self.splits["train"]
        place = 0 if phase.role == "model" else 2
        (seed,) = seeds.stream(self.protocol.seed_key, "train", 1, place, self.seed)
        opened = LearningPhase(phase.name, meter, seed, self.settings, report=report)
        if isinstance(train.images, FolderImages):
            moved: Any = train.images.cropped(seed, meter)
            train = replace(train, images=moved)
        if phase.role == "model":
            opened.data = MeteredStream(train.images, train.labels, meter)
            opened.data.weights = self.weights
            return opened
        opened.data = Lessons(
            network=deepcopy(parts["model"].network),  # type: ignore[attr-defined]
            train=train,
            stream=MeteredStream(np.arange(len(train)), train.labels, meter),
            calibration=self.splits["calibration"],
            devices=MappingProxyType(self.devices),
            static=MappingProxyType(self.static),
        )
        return opened

    def evaluate(self, parts: Mapping[str, Learner], report: Report) -> Outcome:
        """Step all streams of a device together, device after device."""
        policy, test = parts["policy"], self.splits["test"]
        together = self.settings.get("together", 0)
        place = self.device if together else "cpu"
        network = self.rebuilt(policy, parts["model"]).to(place)
        dense = self.rebuilt(None, parts["model"]).to(place)
        report(0.0, "the network, run densely")
        right = np.array(
            self._kept("dense", lambda: (scores.answers(dense, test) == test.labels).tolist())
        )
        rows: list[EpisodeRow] = []
        plan = self.schedule(self.protocol, self.salt)
        for name in self.devices:
            planned = [row for row in plan if row["device"] == name]
            size = together or len(planned)
            for start in range(0, len(planned), size):
                group = planned[start : start + size]
                told = _staged(report, len(rows), len(group), len(plan), name)
                make = partial(self._streams, policy, network, name, group, right, told)
                rows += self._kept(group, make)
        return Outcome(rows, {"curves": scores.curves(rows)})

    def _kept(self, what: Any, make: Callable[[], list[Any]]) -> list[Any]:
        """What `make` gives; where the protocol saves itself, it is not made twice."""
        if not self.settings.get("save_seconds"):
            return make()
        key = {"evaluation": self.protocol.hash, "seed": self.seed, "salt": self.salt}
        return keeping.once(self.store, key | {"of": dict(self.artifacts), "what": what}, make)

    def rebuilt(self, policy: Any, model: Any) -> DynamicNetwork:
        """The policy's network, else the model's, from its weights alone.

        Stem and head are those of the protocol; the granularity of the masks is free.

        Raises:
            InvalidOutput: when it is none of the protocol's networks.
        """
        given = getattr(policy, "network", None)
        given = model.network if given is None else given
        if not isinstance(given, torch.nn.Module):
            raise InvalidOutput("the policy's network is no torch module")
        shape = self._shape(getattr(given, "shape", None))
        return loaded(build(shape, 0), given, "policy")

    def _shape(self, given: Any) -> Shape:
        """A shape of the protocol's, with the granularity of `given`; read field by field."""
        try:
            own = {each.name: getattr(given, each.name) for each in fields(Shape)}
            for known in self.shapes.values():
                if Shape(**own | {"granularity": known.granularity}) == known:
                    return Shape(**own)
        except (AttributeError, TypeError, ValueError, UserError) as error:
            raise InvalidOutput(f"the policy's network has no shape: {error}") from None
        raise InvalidOutput("the policy's network is none of the protocol's")

    def _streams(
        self,
        policy: Any,
        network: DynamicNetwork,
        name: str,
        planned: Sequence[EpisodeRow],
        dense: np.ndarray,
        report: Report,
    ) -> list[EpisodeRow]:
        stream, static = self.settings["stream"], self.static[name]
        images, device = self.splits["test"], self.devices[name]
        env, seen = streaming.opened(policy, network, images, device, planned, stream, static)
        report(0.0, f"{len(planned)} streams")
        blocks = env.world.blocks
        for step, _ in enumerate(rollout(env, policy, seen), 1):
            if step % (TELL * blocks) == 0:
                report(step / env.world.horizon, f"{step // blocks:,} images of each stream")
        return [
            row | scores.row(env.streams, index, static, dense) for index, row in enumerate(planned)
        ]

    @staticmethod
    def schedule(protocol: Protocol, salt: str = "", seed: int = 0) -> list[EpisodeRow]:
        """Device, budget, episode and reset seed of each row; devices meet the same streams."""
        evaluation, devices = protocol.evaluation, protocol.settings["devices"]
        drawn = seeds.stream(protocol.seed_key, "test", evaluation.episodes, salt=salt)
        return [
            {"device": name, "budget": budget, "episode": episode, "seed": start}
            for name in devices
            for budget in evaluation.budgets
            for episode, start in enumerate(drawn)
        ]

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """See `scores.metrics`."""
        return scores.metrics(rows)


def _staged(report: Report, done: int, now: int, rows: int, device: str) -> Report:
    """`report` for `now` of all rows, after those that are `done`."""
    return lambda share, line: report((done + share * now) / rows, f"streams on {device}: {line}")

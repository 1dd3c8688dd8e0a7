"""Policies that keep cells of a grid: fine-tuned with their masks, then fitted to budgets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.state import broken, require
from leapbench.agents.latency.common import files, losses
from leapbench.agents.latency.common.granularity import grammatical, regrained
from leapbench.agents.latency.common.knobs import Knobs, measured
from leapbench.agents.latency.common.network import DynamicNetwork
from leapbench.agents.latency.common.saves import Kept
from leapbench.agents.latency.common.training import fit, maskers, on_device
from leapbench.contract.agent import LearningPhase
from leapbench.envs.latency.budget.observation import Layout
from leapbench.envs.latency.budget.world import LEVELS
from leapbench.envs.latency.lessons import Lessons
from leapbench.errors import UserError

Flags = NDArray[np.bool_]
Floats = NDArray[np.float32]


class MaskPolicy(ABC):
    """Masks from one value a cell, in a network that was fine-tuned with such masks.

    Attributes:
        masked: whether it looks at the network's maskers, and pays for them.
        network: fine-tuned; the task runs it.
        group: streams that a call of `kept` is about, where it acts.
        tried: positions of the held-out images that it is about, before that.

    Raises:
        UserError: on construction, for settings out of range.
    """

    masked: ClassVar[bool] = True

    def __init__(
        self, granularity: str, alpha: float, temperature: float, rate: float, batch: int
    ) -> None:
        self.granularity, self.alpha, self.temperature = granularity, alpha, temperature
        self.rate, self.batch, self.seed = rate, batch, 0
        grammatical(granularity)
        bounded(self, {"alpha": 0, "batch": 1}, positive=("temperature", "rate"))
        self.network: DynamicNetwork | None = None
        self.knobs: Knobs | None = None

    @abstractmethod
    def trained_mask(self, block: int, x: Tensor, index: NDArray[np.int64], done: float) -> Tensor:
        """Masks to train with, (B, 1, m, m) of 0 and 1.

        Args:
            block: whose mask it is.
            x: what comes into it, (B, C, H, W).
            index: positions of the images in `lessons.train`.
            done: share of the training that is done.
        """

    @property
    @abstractmethod
    def settings(self) -> int:
        """Settings of the knob."""

    @abstractmethod
    def kept(self, block: int, scores: Floats, energy: Floats, knob: NDArray[np.int64]) -> Flags:
        """Which cells to keep, bool (B, N).

        Args:
            block: whose cells they are.
            scores: masker's probabilities, (B, N).
            energy: mean absolute values of what comes in, over the largest, (B, N).
            knob: setting for each image, (B,).
        """

    def penalty(self, masks: list[Tensor], done: float) -> Tensor:
        """What is added to the loss for masks that keep much; nothing by default."""
        return torch.zeros(())

    def prepare(self, lessons: Lessons) -> None:  # noqa: B027 - most need nothing
        """Set up what the masks need, before the training; `self.network` exists."""

    def fitted(self, lessons: Lessons) -> None:  # noqa: B027 - most need nothing
        """Fit what the masks need on held-out images, after the training."""

    def learn(self, phase: LearningPhase) -> None:
        """Fine-tune with masks, then find out what each setting costs and is worth."""
        lessons: Lessons = phase.data
        self.seed = phase.seed
        self.drawn = np.random.default_rng([phase.seed, 1])
        teacher = deepcopy(lessons.network).to(phase.device).eval().requires_grad_(False)
        network = regrained(lessons.network, self.granularity).to(phase.device).train()
        self.network = network
        self.prepare(lessons)

        def loss(index: NDArray[np.int64], labels: Tensor, done: float) -> Tensor:
            images = on_device(lessons.train.images[index], phase.device)
            x, masks = network.stem(images), []
            for place, block in enumerate(network.blocks):
                masks.append(self.trained_mask(place, x, index, done))
                x = block(x, masks[-1])
            logits = network.head(x)
            value = functional.cross_entropy(logits, labels) + self.penalty(masks, done)
            if self.alpha:
                with torch.no_grad():
                    taught = teacher(images)
                value = value + self.alpha * losses.distillation(logits, taught, self.temperature)
            return value

        kept = Kept(network, self.generators())
        fit(phase, lessons.stream, self.groups(network), loss, self.batch, kept=kept)
        network.eval()
        phase.report(1.0, "held-out images")
        self.fitted(lessons)
        self.knobs = measured(network, lessons, self.settings, self._tried, self.masked)
        self.network = network.cpu()

    def generators(self) -> dict[str, np.random.Generator]:
        """Generators of random numbers that the training draws from, by name."""
        return {"drawn": self.drawn}

    def groups(self, network: DynamicNetwork) -> list[dict[str, Any]]:
        """Parameters to train and their rates; maskers are left alone by default."""
        return maskers(network, self.rate, 0.0)

    def predict(
        self,
        observation: Floats,
        state: Any = None,
        episode_start: Flags | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.int8], Any]:
        """Masks int8 (B, cells); the knob is turned where an image begins, and kept in `state`.

        Raises:
            UserError: before `learn` or `load`, and in a world of another network.
        """
        require(self.knobs is not None and self.network is not None, self)
        assert self.knobs is not None and self.network is not None  # noqa: S101, PT018
        cells = np.array(self.network.shape.cells) ** 2
        at = Layout(len(cells), len(LEVELS), int(cells.max()))
        if observation.shape[1] != at.width:
            raise UserError(
                f"These masks are for observations of {at.width} columns, "
                f"got {observation.shape[1]}: the world runs another network or grid."
            )
        blocks = observation[:, at.block].argmax(1)
        chosen = self.knobs.choose(observation[:, at.device], observation[:, at.left])
        knob = chosen if state is None else np.where(blocks == 0, chosen, state)
        masks = np.zeros((len(observation), at.cells), np.int8)
        for block in np.unique(blocks).tolist():
            group, count = np.flatnonzero(blocks == block), int(cells[block])
            scores = observation[group, at.scores][:, :count]
            energy = observation[group, at.energy][:, :count]
            self.group = group
            masks[group, :count] = self.kept(block, scores, energy, knob[group])
        return masks, knob

    def save(self, folder: Path) -> None:
        """Write weights, and what was found out, as JSON.

        Raises:
            UserError: before `learn` or `load`.
        """
        require(self.knobs is not None and self.network is not None, self)
        assert self.knobs is not None and self.network is not None  # noqa: S101, PT018
        record = {"seed": self.seed, "knobs": self.knobs.record(), "own": self.record()}
        files.save(self.network, record, folder)

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when it is absent or damaged.
        """
        self.network, record = files.load(self, folder)
        try:
            self.seed, self.knobs = int(record["seed"]), Knobs.of(record["knobs"])
            self.restore(record["own"])
        except (KeyError, TypeError, ValueError) as error:
            raise broken(folder / files.RECORD, self, error) from error

    def record(self) -> dict[str, Any]:
        """What else `restore` needs, as JSON data."""
        return {}

    def restore(self, record: dict[str, Any]) -> None:  # noqa: B027 - most need nothing
        """Take over what `record` gave."""

    def _side(self, block: int) -> int:
        """Cells along a side of a block's mask."""
        assert self.network is not None  # noqa: S101 - for the type checker
        return int(self.network.shape.cells[block])

    def _tried(self, block: int, x: Tensor, knob: int, index: NDArray[np.int64]) -> Tensor:
        """Masks of held-out images, by the rule that also acts."""
        assert self.network is not None  # noqa: S101 - for the type checker
        layer = self.network.blocks[block]
        side = self._side(block)
        scores = layer.scores(x).flatten(2)  # type: ignore[operator]
        energy = functional.adaptive_avg_pool2d(x.abs().mean(1, True), side).flatten(1)
        energy = energy / energy.amax(1, keepdim=True).clamp_min(1e-9)
        told = torch.sigmoid(scores[:, 0] - scores[:, 1]).cpu().numpy(), energy.cpu().numpy()
        self.tried = index
        kept = self.kept(block, *told, np.full(len(x), knob))
        return torch.from_numpy(kept).view(-1, 1, side, side).to(x.device)

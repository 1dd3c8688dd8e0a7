"""Updates of a small CLIP by a mixture of losses and sources, until the budget is spent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from leapbench.agents.common.bounds import bounded
from leapbench.agents.common.mlp import seeded
from leapbench.agents.common.state import broken, require, under
from leapbench.contract.agent import LearningPhase
from leapbench.envs.knowledge.batches import SOURCES, Batch, cost
from leapbench.envs.knowledge.drawing import Floats, Pixels
from leapbench.envs.knowledge.encoders import Trained
from leapbench.envs.knowledge.losses import Weights
from leapbench.envs.knowledge.network import Clip, Fusion, Shape, restored
from leapbench.envs.knowledge.training import Rates, Trainer
from leapbench.envs.knowledge.words import Tokens
from leapbench.errors import UserError

WEIGHTS, RECORD = "networks.safetensors", "agent.json"
LINES = 20
"""Updates between two reports, and between two points of a curve."""


HOPS = 8
"""Layers of the graph network, at most: triplets of an update are no longer chain than that."""


class Knowledge(Protocol):
    """What a phase gives to learn from, as its `data`.

    Attributes:
        vocabulary: number of each word.
        start: the small CLIP that every method starts from, as arrays by name.
        shape: sizes of the networks.
    """

    vocabulary: dict[str, int]
    start: dict[str, Any]
    shape: Shape

    def draw(self, counts: dict[str, int], rng: np.random.Generator) -> Batch:
        """Pairs and triplets, which are paid for; see `sources.Sources.draw`."""


@dataclass
class Method:
    """Knowledge-CLIP by default; other weights and sources make the controls.

    Args:
        clip: weight of CLIP's contrast of pairs; the paper has none beside the triplets.
        flat: weight of the same contrast of triplets that are written as pairs.
        e2e: weight of entity to entity (Eq 8).
        e2r: weight of entity to relation (Eq 10).
        g2e: weight of graph to entity (Eq 11 to 13).
        kd: weight of the distance to the start's similarities.
        pairs: captions in an update; the paper does not say how sources are mixed.
        scene: triplets between objects in an update.
        attribute: triplets of an object and a word in an update.
        language: triplets between words in an update.
        negatives: pairs with an annotated wrong caption in an update; each costs three.
        towers: learning rate of both towers; 1e-5 in the paper, for networks that are larger.
        fusion: learning rate of the fusion transformer; 1e-3 in the paper.
        both: whether Eq 8 masks the head as well as the tail; it is printed for the tail.
        hops: layers of the graph network, which the paper does not state.
        fused: whether images and texts are scored by the fusion transformer, and not by
            the towers; the paper does not say.
        updates: at most; 0 for as many as the budget pays for.

    Raises:
        UserError: for a number out of its range, and from `learn` where the budget does not
            pay for one update.
    """

    clip: float = 0.0
    flat: float = 0.0
    e2e: float = 1.0
    e2r: float = 1.0
    g2e: float = 1.0
    kd: float = 1.0
    pairs: int = 64
    scene: int = 40
    attribute: int = 16
    language: int = 8
    negatives: int = 0
    towers: float = 6e-4
    fusion: float = 1e-3
    both: bool = True
    hops: int = 1
    fused: bool = False
    updates: int = 0

    def __post_init__(self) -> None:
        weights = ("clip", "flat", "e2e", "e2r", "g2e", "kd")
        bounded(
            self,
            dict.fromkeys((*weights, *SOURCES, "updates"), 0) | {"hops": 1},
            positive=("towers", "fusion"),
        )
        if self.hops > HOPS:
            raise UserError(f"hops must be {HOPS} or less, got {self.hops}.")
        self._trained: Trained | None = None
        self._sizes: dict[str, Any] = {}

    @property
    def counts(self) -> dict[str, int]:
        """What an update draws, by source."""
        return {name: getattr(self, name) for name in SOURCES}

    def learn(self, phase: LearningPhase) -> None:
        """Update until the budget is spent, or not at all where an update draws nothing."""
        data: Knowledge = phase.data
        count = affordable(phase, self.counts, self.updates)
        with seeded(phase.seed):
            trainer = self._trainer(data, phase.seed, phase.device)
            rng = np.random.default_rng([phase.seed, 1])
            for i in range(count):
                found = trainer.update(data.draw(self.counts, rng), i / count)
                if not (i + 1) % LINES:
                    phase.log(i + 1, **found)
                    phase.report((i + 1) / count, f"update {i + 1} of {count}")
        self._sizes = {"vocabulary": data.vocabulary, "shape": vars(data.shape)}
        self._keep(trainer.clip.cpu(), trainer.fusion.cpu())

    def tokens(self, images: Pixels) -> Floats:
        """Features (N, 16, width) of images uint8 (N, 32, 32, 3)."""
        return self._require().tokens(images)

    def words(self, texts: Tokens) -> Floats:
        """Features (N, width) of texts int64 (N, TOKENS)."""
        return self._require().words(texts)

    def scores(self, images: Pixels, texts: Tokens) -> Floats:
        """How well each text fits each image, float32 (N, M)."""
        return self._require().scores(images, texts)

    def save(self, folder: Path) -> None:
        """Write the networks (safetensors), and their sizes (JSON)."""
        trained = self._require()
        parts = {"clip": trained.clip, "fusion": self._fusion}
        save_file(
            {
                f"{name}.{key}": value.detach().contiguous().clone()
                for name, part in parts.items()
                for key, value in part.state_dict().items()
            },
            folder / WEIGHTS,
        )
        (folder / RECORD).write_text(json.dumps(self._sizes))

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote.

        Raises:
            UserError: when a file is absent, or is not of these settings.
        """
        try:
            self._sizes = json.loads((folder / RECORD).read_text())
            shape, count = Shape(**self._sizes["shape"]), len(self._sizes["vocabulary"])
            clip, fusion = Clip(count, shape), Fusion(shape, self.hops)
            weights = load_file(folder / WEIGHTS)
            for name, part in (("clip", clip), ("fusion", fusion)):
                part.load_state_dict(under(name, weights))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise broken(folder, self, error, " of these settings") from error
        self._keep(clip, fusion)

    def _trainer(self, data: Knowledge, seed: int, device: str) -> Trainer:
        clip = restored(data.start, data.shape)
        weights = Weights(self.clip, self.flat, self.e2e, self.e2r, self.g2e, self.kd)
        rates = Rates(self.towers, self.fusion)
        return Trainer(clip.to(device), rates, weights, seed, data.shape, self.both, self.hops)

    def _keep(self, clip: Clip, fusion: Fusion) -> None:
        self._fusion = fusion
        known = dict(self._sizes["vocabulary"])
        self._trained = Trained(clip, known, fusion if self.fused else None)

    def _require(self) -> Trained:
        require(self._trained is not None, self)
        return self._trained  # type: ignore[return-value]


def affordable(phase: LearningPhase, counts: Mapping[str, int], most: int = 0) -> int:
    """Updates that the budget pays for; none where an update draws nothing.

    Args:
        phase: whose meter counts triplets.
        counts: what an update draws, by source.
        most: updates at most; 0 for as many as there can be.

    Raises:
        UserError: where an update draws more than the whole budget.
    """
    price, left = sum(cost(name) * count for name, count in counts.items()), phase.meter.left
    if price > left:
        raise UserError(
            f"An update draws {price:,} triplets, and the budget has {left:,}.",
            "Draw less: --set pairs=64.",
        )
    updates = left // price if price else 0
    return min(most or updates, updates)

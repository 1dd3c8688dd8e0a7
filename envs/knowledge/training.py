"""Updates of the small CLIP, by any mixture of losses."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from leapbench.envs.knowledge import losses
from leapbench.envs.knowledge.batches import Batch, paired
from leapbench.envs.knowledge.losses import Weights
from leapbench.envs.knowledge.network import CLASSES, SHAPE, Clip, Fusion, Shape

CLIPPED = 1.0
"""Largest norm of the gradient; the paper's is in a supplement that was not seen."""
DECAY = 0.01
PAIRS = Weights(clip=1.0, e2e=0.0, e2r=0.0, g2e=0.0, kd=0.0)
"""CLIP's loss alone."""
PUBLISHED = Weights()


@dataclass(frozen=True)
class Rates:
    """Learning rates, and how they change.

    Attributes:
        towers: of image and text tower.
        fusion: of the fusion transformer; 100 times the towers' in the paper.
        warmup: share of the updates over which the rates rise.
    """

    towers: float = 6e-4
    fusion: float = 1e-3
    warmup: float = 0.05

    def at(self, done: float) -> float:
        """Factor of the rates after the share `done` of all updates: rise, then half a cosine."""
        if done < self.warmup:
            return (done + 1e-3) / (self.warmup + 1e-3)
        along = (done - self.warmup) / max(1e-9, 1 - self.warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, along)))


RATES = Rates()


class Trainer:
    """Networks, their optimiser, and one update at a time.

    Args:
        clip: the towers at the start; they are changed.
        rates: learning rates.
        weights: of the losses.
        seed: of the fusion transformer's first weights.
        shape: of the fusion transformer.
        both: see `losses.read`.
        hops: see `network.Fusion`.
        classes: likewise.
    """

    def __init__(
        self,
        clip: Clip,
        rates: Rates = Rates(),
        weights: Weights = PUBLISHED,
        seed: int = 0,
        shape: Shape = SHAPE,
        both: bool = True,
        hops: int = 1,
        classes: int = len(CLASSES),
    ) -> None:
        self.clip, self.rates, self.weights, self.both = clip, rates, weights, both
        self.start = copy.deepcopy(clip).requires_grad_(False)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.fusion = Fusion(shape, hops, classes).to(clip.place.device)
        groups: list[dict[str, Any]] = [
            {"params": list(clip.parameters()), "lr": rates.towers, "base": rates.towers},
            {"params": list(self.fusion.parameters()), "lr": rates.fusion, "base": rates.fusion},
        ]
        self.optimiser = torch.optim.AdamW(groups, weight_decay=DECAY, fused=True)
        self.done = 0.0

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Each loss that has a weight and something to be computed from."""
        own, out = self.weights, losses.encoded(self.clip, batch)
        each: dict[str, Tensor] = {}
        if len(batch.pairs) and (own.clip or own.kd):
            logits = losses.similarities(self.clip, batch, out)
            if own.clip:
                each["clip"] = losses.clip_loss(logits, batch)
            if own.kd:
                with torch.no_grad():
                    shown = paired(batch)
                    known = losses.encoded(self.start, shown)
                    aim = losses.similarities(self.start, shown, known)
                each["kd"] = losses.distillation(logits, aim)
        graph = bool(batch.graph.any())
        if own.flat and graph:
            each["flat"] = losses.flat_loss(self.clip, batch, out)
        if own.fused and len(batch.heads):
            read = losses.read(self.clip, self.fusion, batch, out, self.both)
            if own.e2e:
                each["e2e"] = losses.entity_to_entity(self.fusion, read, batch)
            if own.e2r and graph:
                each["e2r"] = losses.entity_to_relation(self.fusion, read, batch)
            if own.g2e and graph:
                each["g2e"] = losses.graph_to_entity(self.fusion, read, batch)
        return each

    def update(self, batch: Batch, done: float) -> dict[str, float]:
        """One update; its losses.

        Args:
            batch: what is learned from.
            done: share of all updates that lies behind, in [0, 1], for the rates.
        """
        each = self.losses(batch)
        if not each:
            return {}
        terms = [getattr(self.weights, name) * value for name, value in each.items()]
        factor = self.rates.at(done)
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * factor
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(terms).sum().backward()  # type: ignore[no-untyped-call]
        parameters = [p for g in self.optimiser.param_groups for p in g["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, CLIPPED, foreach=True)
        self.optimiser.step()
        return {name: float(value.detach()) for name, value in each.items()}

"""Updates of an encoder by pairs of views."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, layer_norm, mse_loss

from leapbench.envs.pretrain import losses, masks, spread
from leapbench.envs.pretrain.network import (
    Decoder,
    Encoder,
    Projector,
    begin,
    features,
    patches,
    picked,
)
from leapbench.envs.pretrain.objective import Objective
from leapbench.envs.pretrain.positions import relative
from leapbench.envs.pretrain.rates import Rates, groups, scheduled
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import View

CLIP = 1.0
_STATE = ("online", "heads", "target", "optimiser")


class Trainer:
    """An encoder, its target, and the heads that an objective needs.

    Args:
        shape: sizes.
        objective: what is predicted.
        rates: of the optimiser.
        seed: of first weights and masks.
        device: where networks are.

    Among processes that share batches (`spread`) each has one, with its part of the views, and all
    make the same step.
    """

    def __init__(
        self, shape: Shape, objective: Objective, rates: Rates, seed: int, device: str = "cpu"
    ) -> None:
        self.shape, self.objective, self.rates, self.device = shape, objective, rates, device
        self.rng = np.random.default_rng([seed, 7])
        self.shown: dict[str, Tensor] = {}  # of the last update's first picture, to be drawn
        self.online, self.heads = nn.ModuleDict({"encoder": Encoder(shape)}), nn.ModuleDict()
        if objective.dense or objective.whole:
            self.online["projector"] = Projector(shape, objective.norm)
        pixels = shape.channels * shape.patch**2
        if objective.dense:
            self.heads["dense"] = Decoder(shape, objective.norm, shape.width)
        if objective.whole:
            self.heads["whole"] = _perceptron(shape.width)
        if objective.pixels or objective.crossed:
            self.heads["pixels"] = Decoder(shape, "layer", pixels)
            self.heads["reading"] = nn.Linear(shape.width, shape.width)
        if objective.relative and (objective.dense or objective.crossed):
            self.heads["place"] = nn.Linear(2 * shape.width, shape.width)
        generator = torch.Generator().manual_seed(seed)
        for part in (self.online, self.heads):
            begin(part, generator)
            part.to(device)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(groups((self.online, self.heads), rates.decay))
        self.sharing: nn.Module | None = None
        if spread.count() > 1:
            self.sharing = spread.shared((self.online, self.heads), self.losses)

    @property
    def encoder(self) -> Encoder:
        """What is learned."""
        found = self.online["encoder"]
        assert isinstance(found, Encoder)  # noqa: S101 - for the type checker
        return found

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides further updates."""
        parts = {name: getattr(self, name).state_dict() for name in _STATE}
        return parts | {"rng": self.rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        for name in _STATE:
            getattr(self, name).load_state_dict(state[name])
        self.rng.bit_generator.state = state["rng"]

    def update(self, views: list[View], done: float) -> dict[str, float]:
        """One step of the optimiser on a view of each picture, or on two.

        Args:
            views: one or two, see `Objective.paired`; the second one's features or pixels are
                predicted.
            done: share of the training that is behind, in [0, 1].

        Returns:
            the losses by name, "loss" the weighted sum, and "gradient", the norm before clipping.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.rates.rate * scheduled(done)
        self._follow(done)
        found = self.sharing(views) if self.sharing else self.losses(views)
        weights = {name: getattr(self.objective, name) for name in found}
        total = torch.stack([weights[name] * each for name, each in found.items()]).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._learned(), CLIP)
        self.optimiser.step()
        told = {name: float(spread.averaged(each.detach())) for name, each in found.items()}
        loss = float(spread.averaged(total.detach()))
        return told | {"loss": loss, "gradient": float(norm)}

    def losses(self, views: list[View]) -> dict[str, Tensor]:
        """Losses by the names of their weights."""
        goal, first = self.objective, views[0]
        pixels = first.pixels.to(self.device)
        hidden, kept = self._masked(len(pixels))
        self.shown = {"hidden": hidden[0]}
        seen = self.encoder(pixels, kept)
        own = self.encoder.positions.expand(len(pixels), -1, -1)
        found: dict[str, Tensor] = {}
        if goal.pixels:
            made = self.heads["pixels"](
                self.heads["reading"](seen), picked(own, kept), picked(own, hidden)
            )
            wanted = losses.levelled(patches(pixels, self.shape.patch))
            found["pixels"] = mse_loss(made, picked(wanted, hidden))
            self.shown["pixels"] = made[0].detach()
        if not goal.paired:
            return found
        second = views[-1]
        other = second.pixels.to(self.device)
        there = self._placed(first, second, own)
        if goal.crossed:
            made = self.heads["pixels"](self.heads["reading"](seen), picked(own, kept), there)
            wanted = losses.levelled(patches(other, self.shape.patch))
            found["crossed"] = mse_loss(made, wanted)
        if goal.dense or goal.whole:
            found |= self._features(seen, picked(own, kept), there, other)
        return found

    def _features(
        self, seen: Tensor, own: Tensor, there: Tensor, other: Tensor
    ) -> dict[str, Tensor]:
        goal, found = self.objective, {}
        projected = self.online["projector"](seen)
        with torch.no_grad():
            target = self.target["projector"](self.target["encoder"](other))[:, 1:]
            target = layer_norm(target, target.shape[-1:])
        if goal.dense:
            made, wanted = self.heads["dense"](projected, own, there), target
            if goal.whole:  # what all places share is left to the other loss
                made, wanted = (each - each.mean(1, keepdim=True) for each in (made, wanted))
            self.shown["dense"] = cosine_similarity(made[0].detach(), wanted[0])
            found["dense"] = losses.unigrad(made.flatten(0, 1), wanted.flatten(0, 1), goal.balance)
        if goal.whole:
            made, wanted = self.heads["whole"](projected[:, 1:].mean(1)), target.mean(1)
            if goal.kind == "unigrad":
                wanted = layer_norm(wanted, wanted.shape[-1:])
                found["whole"] = losses.unigrad(made, wanted, goal.balance)
            else:
                loss = losses.cosine if goal.kind == "cosine" else losses.contrast
                found["whole"] = loss(made, wanted)
        return found

    def _placed(self, first: View, second: View, own: Tensor) -> Tensor:
        """Embedded positions of the second view's patches."""
        if "place" not in self.heads:
            return own
        embedded = relative(first.boxes, second.boxes, self.shape.width, self.shape.grid)
        made: Tensor = self.heads["place"](embedded.to(self.device))
        return made

    def _masked(self, count: int) -> tuple[Tensor, Tensor]:
        """Hidden and seen patches (count, ...) of each view, in order."""
        hidden = self.objective.hidden(self.shape.patches)
        count *= spread.count()  # those of all, in which every process finds its own
        if self.objective.blocks and hidden:
            drawn = masks.blocks(count, self.shape.grid, hidden, self.rng)
        else:
            drawn = masks.scattered(count, self.shape.patches, hidden, self.rng)
        order = torch.from_numpy(np.argsort(drawn, axis=1, kind="stable"))
        order = spread.part(order).to(self.device)
        return order[:, self.shape.patches - hidden :], order[:, : self.shape.patches - hidden]

    @torch.no_grad()
    def _follow(self, done: float) -> None:
        """Move the target's weights towards the learner's, less and less."""
        kept = 1 - (1 - self.objective.momentum) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
        for old, new in zip(self.target.parameters(), self.online.parameters(), strict=True):
            old.lerp_(new, 1 - kept)

    def _learned(self) -> Iterator[nn.Parameter]:
        for part in (self.online, self.heads):
            yield from (each for each in part.parameters() if each.requires_grad)


@torch.no_grad()
def tokens(encoder: Encoder, pixels: Tensor, batch: int = 256) -> Tensor:
    """Features (N, patches, width) of whole views (N, channels, size, size)."""
    return torch.cat([features(encoder(each)) for each in torch.split(pixels, batch)])


def _perceptron(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(width, 4 * width),
        spread.Norm(4 * width),
        nn.ReLU(),
        nn.Linear(4 * width, width),
    )

"""The loop in which models of glances are trained; a killed one goes on from its last save."""

from __future__ import annotations

from copy import deepcopy
from math import cos, pi
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from leapbench.agents.common import nested
from leapbench.agents.videoglance.common.places import at_random
from leapbench.contract.agent import LearningPhase
from leapbench.contract.checkpoints import unreadable
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.tensors import pixels


class Training:
    """Passes over the clips until the budget pays for no further one.

    Args:
        phase: gives clips, counts them, and says how often to save (`save_every`, in clips).
        network: to train, where its optimizer has it.
        place: how places are learned, with parameters of its own or not; None for not at all.
        optimizer: each group of parameters has its `rate`, which a cosine anneals to 0.
    """

    def __init__(
        self,
        phase: LearningPhase,
        network: GlanceNetwork,
        place: Any,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self.phase, self.network, self.place, self.optimizer = phase, network, place, optimizer
        self.rng = np.random.default_rng(phase.seed)
        self.coins = torch.Generator().manual_seed(phase.seed)
        self.batch = int(phase.settings["batch"])
        self.epochs = phase.meter.budget.limit // len(phase.data)
        self.steps = self.epochs * (len(phase.data) // self.batch)
        self.epoch = self.batches = 0
        self.losses: list[float] = []
        self.log: list[dict[str, float]] = []

    def run(self) -> list[dict[str, float]]:
        """Mean loss of every pass.

        Raises:
            UserError: when the phase's save is damaged.
        """
        self._resume()
        saved = self.phase.meter.used
        while self.epoch < self.epochs:
            begun = deepcopy(self.rng.bit_generator.state)
            for frames, labels in self.phase.data.epoch(self.batch, self.rng, self.batches):
                self._update(frames, labels)
                if self._due(saved):
                    saved = self.phase.meter.used
                    self._save(begun)
            self.epoch, self.batches = self.epoch + 1, 0
            mean = float(np.mean(self.losses))
            self.log.append({"epoch": self.epoch, "loss": round(mean, 5)})
            self.phase.log(self.phase.meter.used, loss=mean)
            self.losses = []
        return self.log

    def _update(self, frames: np.ndarray, labels: np.ndarray) -> None:
        step = self.epoch * (len(self.phase.data) // self.batch) + self.batches
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * 0.5 * (1 + cos(pi * step / self.steps))
        clips = pixels(frames, self.network.shape.channels).to(self.phase.device)
        wanted = torch.as_tensor(labels, device=self.phase.device)
        loss = total_loss(self.network, self.place, clips, wanted, self.coins)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.losses.append(float(loss.detach()))
        self.batches += 1
        self.phase.report((step + 1) / self.steps, f"epoch {self.epoch + 1}/{self.epochs}")

    def _due(self, saved: int) -> bool:
        """Whether a multiple of `save_every` was passed since; never at the very end."""
        meter, every = self.phase.meter, int(self.phase.settings.get("save_every", 0))
        return every > 0 and meter.left > 0 and meter.used // every > saved // every

    def _save(self, begun: Any) -> None:
        """Write all that later updates depend on; `begun` draws the order of this pass again."""
        if self.phase.checkpoints is None:
            return
        state = {
            "network": self.network.state_dict(),
            "place": {} if self.place is None else self.place.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "numbers": [begun, self.coins.get_state(), torch.get_rng_state()],
            "at": [self.epoch, self.batches],
            "told": [self.losses, self.log],
        }
        self.phase.checkpoints.write(self.phase.meter, lambda to: nested.write(state, to))

    def _resume(self) -> None:
        latest = self.phase.checkpoints.latest if self.phase.checkpoints else None
        if latest is None:
            return
        try:
            state = nested.read(latest)
            self.network.load_state_dict(state["network"])
            if self.place is not None:
                self.place.load_state_dict(state["place"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.rng.bit_generator.state = state["numbers"][0]
            self.coins.set_state(state["numbers"][1])
            torch.set_rng_state(state["numbers"][2])
            self.epoch, self.batches = (int(each) for each in state["at"])
            self.losses, self.log = state["told"]
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise unreadable(latest, error) from error


def total_loss(
    network: GlanceNetwork, place: Any, clips: Tensor, labels: Tensor, coins: torch.Generator
) -> Tensor:
    """Half the loss of policy crops and half that of random crops, and the locator's own.

    Models without a locator take random crops twice.
    """
    reader = network.reader
    maps = reader.glance(clips)
    glimpsed = reader.glimpsed(maps)
    own = clips.new_zeros(())
    if place is None:
        looked = at_random(network, clips, coins)
    else:
        looked, own = place(network, clips, maps.detach(), glimpsed.detach(), labels)
    passes = looked, at_random(network, clips, coins)
    halves = sum(_pass(network, glimpsed, each, labels) for each in passes) / 2
    glance_only = reader.glance_only(maps).amax((2, 3, 4))
    loss: Tensor = halves + functional.cross_entropy(glance_only, labels) + own
    return loss


def _pass(network: GlanceNetwork, glimpsed: Tensor, looked: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the answers, and that of the looks alone."""
    answers = network.reader.answers(glimpsed, looked)
    every = labels.repeat_interleave(answers.shape[1])
    alone = network.reader.look_only(looked.amax(1))
    return functional.cross_entropy(answers.flatten(0, 1), every) + functional.cross_entropy(
        alone, labels
    )

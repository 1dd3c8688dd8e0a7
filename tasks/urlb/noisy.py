"""The same tasks without and with noise on the actions: what is lost under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leapbench.contract.harness import EpisodeRow
from leapbench.contract.task import Phase, Protocol
from leapbench.errors import UserError
from leapbench.tasks.urlb.base import PhaseWorld
from leapbench.tasks.urlb.domains import DomainsHarness, place

STAGES = ("pretrain", "finetune", "evaluation")


class NoisyHarness(DomainsHarness):
    """Two trees of phases in one environment, "clean" and "noisy".

    `settings.worlds` says which of the two a phase belongs to, as its domain, and its task.
    `settings.noise` has the environment's `probability`, `size` and `reading`, and `during`,
    the stages of the noisy tree in which it acts. The clean tree has none. Other arguments
    of the environment are in `settings.arguments`.

    Metrics are the shares of the expert's return of either tree, of each of their tasks,
    and `change`: noisy less clean, negative where noise costs something.
    """

    @classmethod
    def world(cls, protocol: Protocol, phase: Phase) -> PhaseWorld:
        """Where a phase learns."""
        stage = "finetune" if "task" in place(protocol, phase) else "pretrain"
        return _world(protocol, phase, stage)

    @classmethod
    def evaluation_world(cls, protocol: Protocol, phase: Phase) -> PhaseWorld:
        """Where its part is evaluated."""
        return _world(protocol, phase, "evaluation")

    def relevant(self, phase: Phase, config: Mapping[str, Any]) -> dict[str, Any]:
        """Environment, arguments and the settings given to the agent."""
        arguments = self.world(self.protocol, phase).arguments
        return {**super().relevant(phase, config), "arguments": arguments}

    @staticmethod
    def metrics(protocol: Protocol, rows: Sequence[EpisodeRow]) -> dict[str, float]:
        """Shares of both trees and of each task, and what noise changes."""
        found = DomainsHarness.metrics(protocol, rows)
        return found | {"change": found["noisy"] - found["clean"]}


def _world(protocol: Protocol, phase: Phase, stage: str) -> PhaseWorld:
    """The environment of a phase at one of `STAGES`, disturbed where the settings say so."""
    noise, own = dict(protocol.settings["noise"]), place(protocol, phase)
    during = noise.pop("during")
    if strange := [each for each in during if each not in STAGES]:
        raise UserError(f"noise.during may have {', '.join(STAGES)}; got {strange[0]!r}.")
    if own["domain"] == "clean" or stage not in during:
        noise["probability"] = 0.0
    arguments = {"task": own.get("task"), **protocol.settings.get("arguments", {}), **noise}
    horizon = int(protocol.settings["horizon"])
    return PhaseWorld(protocol.evaluation.environment, arguments, horizon, "task" in own)

"""Measures which weights the meta objective of L2W-DEN asks for, while a network trains plainly.

    python -m leapbench.studies.earlyexit.meta_signal earlyexit/cifar10-12-passes --seeds 0-2

On every fourth batch the gradient of the meta loss in each sample's weight at each exit is taken,
as L2W-DEN takes it, but nothing learns from it. Printed are, for each exit, the mean correlation of
the weight that is asked for with the sample's loss (above 0: hard samples are to weigh more), and
how far that scatters from batch to batch, which is what a predictor has to average away.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from leapbench.agents.earlyexit.common.trainer import Batch, Trainer, losses
from leapbench.agents.earlyexit.l2w_den.learn import mechanism
from leapbench.agents.earlyexit.l2w_den.meta import wanted
from leapbench.agents.earlyexit.l2w_den.wpn import exit_shares
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.artifacts import ArtifactStore
from leapbench.errors import plainly
from leapbench.leaderboards.statistics import mean_interval
from leapbench.running.cell import protocol_of
from leapbench.running.sweep import parse_seeds
from leapbench.tasks.earlyexit.harness import EarlyExitHarness

EVERY = 4
"""Batches from one measurement to the next."""
P = 0.75
"""The target exit shares are proportional to P^k, as in the paper."""


class Watched(Trainer):
    """Plain training that looks at what the meta objective would ask for."""

    def prepare(self, phase: LearningPhase) -> None:
        """Fix the target exit shares."""
        self.shares = exit_shares(len(self.network.heads), P)  # type: ignore[arg-type]
        self.asked: list[Tensor] = []

    def update(self, optimizer: torch.optim.SGD, train: Batch, other: Batch, step: int) -> Tensor:
        """Measure on some batches, then step as plain training does."""
        if step % EVERY == 0:
            matrix = losses(self.forward(train[0]), train[1])
            _, asked = wanted(
                self.network, train, matrix, torch.ones_like(matrix), optimizer, other, self.shares
            )
            self.asked.append(mechanism(asked, matrix.detach())[2])
        return super().update(optimizer, train, other, step)


def measured(task: str, tier: str, seed: int) -> Tensor:
    """Correlation of asked weight and loss, (measurements, exits), over one training.

    Args:
        task: of the early-exit family.
        tier: of its protocol.
        seed: of weights and data order.
    """
    protocol = protocol_of(registry.task(task), tier)
    with TemporaryDirectory() as folder:
        harness = EarlyExitHarness(protocol, seed, ArtifactStore(Path(folder)))
        phase = harness.open(protocol.phases[0], {}, lambda fraction, line: None)
        phase.device = harness.device
        trainer = Watched()
        trainer.learn(phase)
    return torch.stack(trainer.asked)


@plainly()
def main() -> None:
    """Command line."""
    parser = ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--tier", default="lite")
    parser.add_argument("--seeds", default="0-2")
    asked = parser.parse_args()
    runs = [measured(asked.task, asked.tier, seed) for seed in parse_seeds(asked.seeds)]
    for exit_number, columns in enumerate(zip(*(run.T for run in runs), strict=True), 1):
        mean = mean_interval([float(column.mean()) for column in columns])
        spread = sum(float(column.std()) for column in columns) / len(columns)
        half = (mean.high - mean.low) / 2
        sys.stdout.write(
            f"exit {exit_number}: {mean.value:+.3f} ± {half:.3f}, batches scatter by {spread:.2f}\n"
        )


if __name__ == "__main__":
    main()

"""What a student's update costs, stacked and one after another, and a block of one student.

The peer is what one would write: a PyTorch module of the default student, autograd, the
printed loss and `torch.optim.SGD`. Times are CPU-seconds of one thread, medians of interleaved
pairs. Run it as `OMP_NUM_THREADS=1 python benchmarks/distill_students.py`.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from statistics import median
from time import process_time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from leapbench.envs.distill import loss
from leapbench.envs.distill.choices import Decision
from leapbench.envs.distill.env import DistillEnv
from leapbench.envs.distill.setup import SCENARIOS, Setup
from leapbench.envs.distill.stack import DECAY, MOMENTUM, Stack, initial
from leapbench.envs.distill.training import rows, tensor, train

SETUP = Setup()
_, SHAPE = SETUP.shapes(SCENARIOS["clean"])
SAMPLES, RATE = SETUP.samples, 0.05
RNG = np.random.default_rng(0)
X = tensor(RNG.standard_normal((SAMPLES, SHAPE.inputs), np.float32))
Y = tensor(RNG.integers(SHAPE.outputs, size=SAMPLES))
SAID = torch.softmax(tensor(RNG.standard_normal((SAMPLES, SHAPE.outputs), np.float32)), -1)


def alone(count: int, updates: int) -> Callable[[], None]:
    """Students one after another."""
    order = tensor(rows(SAMPLES, 1, SETUP.batch, 1, RNG))[:updates]

    def run() -> None:
        for _ in range(count):
            net = nn.Sequential(
                nn.Linear(SHAPE.inputs, SHAPE.hidden[0]), nn.ReLU(),
                nn.Linear(SHAPE.hidden[0], SHAPE.outputs),
            )  # fmt: skip
            descent = torch.optim.SGD(
                net.parameters(), RATE, MOMENTUM, weight_decay=DECAY, nesterov=True
            )
            for own in order:
                out = net(X[own])
                soft = -(SAID[own] * functional.log_softmax(out / 4, -1)).sum(-1).mean()
                whole = 0.5 * functional.cross_entropy(out, Y[own]) + 0.5 * soft
                descent.zero_grad()
                whole.backward()
                descent.step()

    return run


def stacked(count: int, updates: int) -> Callable[[], None]:
    """The same students in one stack."""
    order = tensor(rows(SAMPLES, 1, SETUP.batch, 1, RNG))[:updates].repeat(count, 1, 1)
    first = torch.stack([tensor(initial(SHAPE, RNG)) for _ in range(count)])
    starts, rates = torch.zeros(count, dtype=torch.int64), torch.full((count, updates), RATE)
    tau, alpha = torch.full((count, 1, 1), 4.0), torch.full((count, 1, 1), 0.5)

    def slopes(part: slice, out: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        answers = SAID.index_select(0, own.reshape(-1)).view(out.shape)
        return loss.gradient(out, Y[own], answers, tau[part], alpha[part], "printed")

    @torch.no_grad()
    def run() -> None:
        train(Stack(SHAPE, first.clone()), X, starts, order, rates, slopes)

    return run


def seconds(run: Callable[[], None]) -> float:
    started = process_time()
    run()
    return process_time() - started


def block() -> float:
    """CPU seconds of a block of one default student with a teacher, after its first one."""
    env = DistillEnv(actions="box", budget=3.0)
    env.reset(seed=0, options={"scenario": "clean", "instance": 0})
    weights = tuple(float(slot == 0) for slot in range(SETUP.slots))
    numbers = env.rules.numbers
    env.step(numbers.row(Decision(extend=(0,))))
    lesson = numbers.row(Decision(weights=weights, train=True))
    env.step(lesson)
    return median(seconds(lambda: env.step(lesson)) for _ in range(5))


def main() -> None:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5, help="interleaved pairs a size")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    updates = 20
    for count in (1, 8, 64):
        one, many = alone(count, updates), stacked(count, updates)
        one(), many()
        found = [(seconds(one), seconds(many)) for _ in range(asked.pairs)]
        each = [1e6 * median(column) / count / updates for column in zip(*found, strict=True)]
        ratio = median(a / b for a, b in found)
        print(
            f"{count:3} students: {each[0]:5.0f} us an update one after another, "
            f"{each[1]:5.0f} us stacked, {ratio:.1f} times as many updates a CPU-second"
        )
    print(f"a block of one default student: {block():.3f} CPU-seconds")


if __name__ == "__main__":
    main()

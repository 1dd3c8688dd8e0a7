"""What uniformly random actions earn on each task, the floor of the scale.

python -m leapbench.tasks.urlb.chance urlb/quadruped --episodes 1000
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench import registry, seeds
from leapbench.errors import UserError
from leapbench.task import Protocol, Task
from leapbench.tasks.urlb.base import play
from leapbench.tasks.urlb.domains import DomainsHarness, expert, place

TOGETHER = 20
"""Episodes that are stepped together."""


class Chance:
    """Uniformly random actions of whatever environment it is bound to."""

    privileged = True

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def bind(self, env: Any) -> None:
        """Look up the shape of an action."""
        self._shape = env.single_action_space.shape

    def predict(self, observation: Any, *_: Any, **__: Any) -> tuple[NDArray[np.float32], None]:
        """Actions float32 (B, ...), the state being none."""
        shape = (len(observation), *self._shape)
        return self._rng.uniform(-1, 1, shape).astype(np.float32), None


def shares(protocol: Protocol, episodes: int) -> dict[str, NDArray[np.float64]]:
    """Share of the expert's return of each episode, float64 (episodes,), by domain and task.

    Args:
        protocol: of a task whose harness is `DomainsHarness`.
        episodes: of each task, rounded up to a multiple of 20.
    """
    found = {}
    for number, phase in enumerate(DomainsHarness.evaluated(protocol)):
        own, world = place(protocol, phase), DomainsHarness.world(protocol, phase)
        policy, returns = Chance(number), []
        for begun in range(0, episodes, TOGETHER):
            starts = seeds.stream(protocol.seed_key, "dev", TOGETHER, number, begun)
            returns.append(play(world, policy, [{"seed": seed} for seed in starts]).returns)
        whole = expert(protocol, own["domain"], own["task"])
        found[f"{own['domain']} {own['task']}"] = np.concatenate(returns) / whole
    return found


def main() -> None:
    """Print mean and standard error of each task, and of their mean."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--episodes", type=int, default=100)
    asked = parser.parse_args()
    try:
        task: Task = registry.task(asked.task)
        found = shares(next(iter(task.protocols.values())), asked.episodes)
    except UserError as error:
        sys.exit(f"error: {error}")
    errors = {name: each.std(ddof=1) / len(each) ** 0.5 for name, each in found.items()}
    for name, each in found.items():
        sys.stdout.write(f"{name}: {each.mean():.4f} ± {errors[name]:.4f}\n")
    whole = np.mean([each.mean() for each in found.values()])
    spread = np.linalg.norm(list(errors.values())) / len(errors)
    sys.stdout.write(f"mean: {whole:.4f} ± {spread:.4f}\n")


if __name__ == "__main__":
    main()

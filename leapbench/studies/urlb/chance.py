"""What uniformly random actions earn on each task, the floor of the scale.

python -m leapbench.studies.urlb.chance urlb/walker --episodes 100
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from leapbench.contract import registry, seeds
from leapbench.contract.task import Protocol
from leapbench.errors import plainly
from leapbench.tasks.urlb.domains import DomainsHarness, expert, place


def shares(protocol: Protocol, episodes: int) -> dict[str, NDArray[np.float64]]:
    """Share of the expert's return of each episode, float64 (episodes,), by domain and task.

    Args:
        protocol: of a task whose harness is `DomainsHarness`.
        episodes: of each task.
    """
    found = {}
    for number, phase in enumerate(DomainsHarness.evaluated(protocol)):
        own, world = place(protocol, phase), DomainsHarness.world(protocol, phase)
        starts = seeds.stream(protocol.seed_key, "dev", episodes, number)
        earned = returns(world.environment, starts) / expert(protocol, own["domain"], own["task"])
        found[f"{own['domain']} {own['task']}"] = earned
    return found


def returns(environment: str, starts: list[int]) -> NDArray[np.float64]:
    """Return of an episode of random actions from each start, float64 (episodes,).

    Args:
        environment: Gymnasium id of one with actions in [-1, 1].
        starts: reset seed of each episode.
    """
    env = gym.make(environment, disable_env_checker=True)
    rng, found = np.random.default_rng(starts[0]), np.zeros(len(starts))
    for episode, start in enumerate(starts):
        env.reset(seed=start)
        over = False
        while not over:
            action = rng.uniform(-1, 1, env.action_space.shape).astype(np.float32)
            _, reward, terminated, truncated, _ = env.step(action)
            found[episode] += float(reward)
            over = terminated or truncated
    env.close()
    return found


@plainly()
def main() -> None:
    """Print mean and standard error of each task, and of their mean."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--episodes", type=int, default=100)
    asked = parser.parse_args()
    protocol = next(iter(registry.task(asked.task).protocols.values()))
    found = shares(protocol, asked.episodes)
    errors = {name: each.std(ddof=1) / len(each) ** 0.5 for name, each in found.items()}
    for name, each in found.items():
        sys.stdout.write(f"{name}: {each.mean():.4f} ± {errors[name]:.4f}\n")
    whole = np.mean([each.mean() for each in found.values()])
    spread = np.linalg.norm(list(errors.values())) / len(errors)
    sys.stdout.write(f"mean: {whole:.4f} ± {spread:.4f}\n")


if __name__ == "__main__":
    main()

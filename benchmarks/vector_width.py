"""Native vector environments against Gymnasium's `SyncVectorEnv`, at few and many sub-environments.

For each id with a vector environment of its own, the ratio of CPU time of a step of
`SyncVectorEnv` over that of the native one, resets included, at the same actions; above 1
the native one is faster. Run it as

    OMP_NUM_THREADS=1 python benchmarks/vector_width.py

The two take turns in every round; figures are medians and quartiles of the rounds' ratios.
"""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np

import leapbench  # noqa: F401 - registers the ids

NUM_ENVS = (1, 2, 4, 8, 12, 16, 64)
ROUNDS, SECONDS = 9, 0.15


def natives() -> list[str]:
    """One id for each native vector environment."""
    found: dict[Any, str] = {}
    for name, spec in gym.registry.items():
        if name.startswith("leapbench/") and spec.vector_entry_point is not None:
            found.setdefault(spec.vector_entry_point, name)
    return sorted(found.values())


def seconds(env: Any, actions: np.ndarray, steps: int) -> float:
    """CPU time of some steps."""
    begun = time.process_time()
    for i in range(steps):
        env.step(actions[i % len(actions)])
    return time.process_time() - begun


def ratios(name: str, num_envs: int) -> list[float]:
    """Of CPU time, sync over native, a round each."""
    native = gym.make_vec(name, num_envs, "vector_entry_point")
    # Without Gymnasium's wrappers, which would make it twice as slow.
    bare = partial(gym.make, name, disable_env_checker=True)
    sync = gym.vector.SyncVectorEnv([lambda: bare().unwrapped] * num_envs)
    rng = np.random.default_rng(0)
    native.action_space.seed(0)
    actions = np.stack([native.action_space.sample() for _ in range(97)])
    for env in (native, sync):
        env.reset(seed=int(rng.integers(1000)))
    steps = max(1, int(SECONDS * 50 / seconds(sync, actions, 50)))
    found = []
    for turn in range(ROUNDS):
        spent = {}
        for env in (native, sync) if turn % 2 else (sync, native):
            spent[env] = seconds(env, actions, steps)
        found.append(spent[sync] / spent[native])
    return found


def main() -> None:
    """Print a table."""
    print(f"{'id':<34}{'num_envs':>9}{'sync / native':>15}{'quartiles':>16}")
    for name in natives():
        for num_envs in NUM_ENVS:
            low, middle, high = statistics.quantiles(ratios(name, num_envs), n=4)
            print(f"{name:<34}{num_envs:>9}{middle:>15.2f}{low:>9.2f} -{high:>5.2f}")


if __name__ == "__main__":
    main()

"""What an adapter from dm_control to Gymnasium costs, microseconds of CPU a step.

The suite's cheetah takes the same actions from the same state as dm_control gives it,
through `leapbench.envs.dm_control.adapter`, and through Shimmy's
`DmControlCompatibilityV0` where Shimmy is installed; it needs imageio, and has no
flat observations, so Gymnasium's `FlattenObservation` is measured around it too. Run it as

    OMP_NUM_THREADS=1 python benchmarks/dmc_adapter.py

Cases take turns in every round; the figures are medians of differences within a round.
Steps of the three domains of URLB, with random actions, come after them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.wrappers import FlattenObservation

from leapbench.envs.dm_control.adapter import DmControlEnv
from leapbench.envs.dm_control.backend import load
from leapbench.envs.urlb.dmc.jaco import JacoEnv
from leapbench.envs.urlb.dmc.quadruped import QuadrupedEnv
from leapbench.envs.urlb.dmc.walker import WalkerEnv

ROUNDS, STEPS = 150, 400
EPISODES = 5  # of each domain
Case = tuple[Callable[[Any], Any], Callable[[], Any], Any]


def cheetah(random: Any) -> Any:
    return load("dm_control.suite.cheetah").run(random=random)


def raw() -> Case:
    world = cheetah(0)
    return world.step, world.reset, world.physics


def ours(dtype: str) -> Case:
    env = DmControlEnv(cheetah, dtype=dtype)
    return env.step, env.reset, env.physics


def shimmy(flat: bool) -> Case:
    from shimmy import DmControlCompatibilityV0

    world = cheetah(0)
    env = DmControlCompatibilityV0(world)
    if flat:
        wrapped = FlattenObservation(env)
        return wrapped.step, wrapped.reset, world.physics
    return env.step, env.reset, world.physics


def cases() -> dict[str, Case]:
    found = {"dm_control": raw(), "float32": ours("float32"), "float64": ours("float64")}
    try:
        found |= {"Shimmy": shimmy(flat=False), "Shimmy, flat": shimmy(flat=True)}
    except ImportError as error:
        print(f"Without Shimmy: {error}")
    return found


def seconds(case: Case, start: np.ndarray, actions: np.ndarray) -> tuple[float, np.ndarray]:
    """CPU time of a step from a given state, and where the steps end."""
    step, reset, physics = case
    reset()
    with physics.reset_context():
        physics.set_state(start)
    begun = time.process_time()
    for action in actions:
        step(action)
    spent = time.process_time() - begun
    return spent / len(actions), physics.get_state()


def domains() -> None:
    """Steps for each CPU-second, resets not counted; medians over episodes."""
    for env in (WalkerEnv("flip"), QuadrupedEnv("jump"), JacoEnv("reach-top-left")):
        rates = []
        for seed in range(EPISODES):
            env.reset(seed=seed)
            actions = np.random.default_rng(seed).uniform(-1, 1, (250, *env.action_space.shape))
            begun = time.process_time()
            for action in actions:
                env.step(action)
            rates.append(len(actions) / (time.process_time() - begun))
        print(f"{type(env).__name__:13} {statistics.median(rates):,.0f} steps a CPU-second")


def adapters() -> None:
    found, rng = cases(), np.random.default_rng(0)
    raw_step = []
    extra: dict[str, list[float]] = {name: [] for name in found if name != "dm_control"}
    for turn in range(ROUNDS):
        found["dm_control"][1]()
        start = found["dm_control"][2].get_state()
        actions = rng.uniform(-1, 1, (STEPS, 6)).astype(np.float32)
        order = list(found) if turn % 2 else list(found)[::-1]
        spent = {name: seconds(found[name], start, actions) for name in order}
        base, end = spent["dm_control"]
        raw_step.append(base)
        for name, values in extra.items():
            if not np.array_equal(spent[name][1], end):
                raise SystemExit(f"{name} ends in another state.")
            values.append(spent[name][0] - base)
    step = statistics.median(raw_step)
    print(f"dm_control: {1e6 * step:.1f} µs a step")
    for name, values in extra.items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(
            f"{name:13} +{1e6 * middle:.2f} µs (quartiles {1e6 * low:.2f} to {1e6 * high:.2f}), "
            f"{1 + middle / step:.3f} times"
        )


def main() -> None:
    adapters()
    domains()


if __name__ == "__main__":
    main()

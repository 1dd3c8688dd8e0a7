"""Makes the frozen networks and transitions of `dmc/consistency`.

    python -m leapbench.studies.dmc.frozen cartpole-swingup

trains `sac` on the task at tier lite with a discount of .95, rounds its networks to half
precision, lets them act by sampled actions, fits the values to the returns by a straight line,
and writes networks and transitions to `tasks/dmc/frozen/`.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from leapbench.contract import registry, seeds
from leapbench.contract.task import Tier
from leapbench.errors import UserError, plainly
from leapbench.running.cell import Cell, learned, protocol_of
from leapbench.studies.progress import shown
from leapbench.tasks.dmc.frozen.data import returns, seen
from leapbench.tasks.dmc.frozen.networks import Frozen, whole

DISCOUNT = 0.95
SETTINGS = ("hidden=64", "batch=64", f"discount={DISCOUNT}", "follow=0.05")
"""With a discount of .99 values have not settled after so few steps."""
TIER: Tier = "lite"
SEED = 0
ROUNDS = 10
"""Of the fit, as the value of an episode's last step counts among its returns."""
COUNTS = {"train": 3000, "test": 1500}
"""Transitions of each part; held-out ones are of other episodes."""


def made(name: str) -> dict[str, NDArray[Any]]:
    """Networks and transitions of a task, by name, numbers in half precision.

    Args:
        name: of the task, such as "cartpole-swingup".
    """
    task = registry.task(f"dmc/{name}")
    protocol = protocol_of(task, TIER)
    with tempfile.TemporaryDirectory() as folder:
        one = Cell(task.name, TIER, "sac", SEED, SETTINGS, Path(folder))
        _, parts = learned(one, report=shown)
    policy: Any = parts["policy"]
    own, arrays = policy.learner.parts(), {}
    for part in ("encoder", "actor", "critic"):
        for key, value in own[part].state_dict().items():
            arrays[f"{part}.{key}"] = value.numpy().astype(np.float16)
            value.copy_(torch.from_numpy(arrays[f"{part}.{key}"].astype(np.float32)))
    starts = seeds.stream(protocol.seed_key, "dev", len(COUNTS))
    for (split, count), start in zip(COUNTS.items(), starts, strict=True):
        found = acted(protocol.evaluation.environment, policy, count, start)
        arrays |= {f"{split}.{key}": value for key, value in found.items()}
    return fitted(arrays)


def fitted(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The same, the critic's values moved and scaled to fit returns of the training transitions.

    Values of so short a training are too large or too small as a whole, and a model could
    come nearer to returns by latents that are wrong.

    Raises:
        UserError: when values fall where returns rise.
    """
    for _ in range(ROUNDS):
        wide = whole(arrays)
        frozen = Frozen(wide)
        data = seen(wide, "train")
        values, earned = frozen.values(data.latents, data.actions), returns(data, frozen, DISCOUNT)
        slope, shift = np.polyfit(values, earned, 1)
        if slope <= 0:
            raise UserError("Values fall where returns rise: the training was too short.")
        for key, moved in (("weight", 0.0), ("bias", shift)):
            changed = slope * wide[f"critic.last.{key}"] + moved
            arrays = arrays | {f"critic.last.{key}": changed.astype(np.float16)}
    return arrays


def acted(environment: str, policy: Any, count: int, start: int) -> dict[str, NDArray[Any]]:
    """Transitions of sampled actions, by kind.

    Args:
        environment: Gymnasium id.
        policy: acts.
        count: transitions.
        start: reset seed of the first episode.
    """
    env = gym.make(environment, disable_env_checker=True)
    kept: dict[str, list[Any]] = {k: [] for k in ("observations", "actions", "rewards", "ends")}
    now, _ = env.reset(seed=start)
    for _ in range(count):
        action = policy.predict(now[None], deterministic=False)[0][0].astype(np.float16)
        after, reward, terminated, truncated, _ = env.step(action.astype(np.float32))
        over = terminated or truncated
        for key, value in zip(kept, (now, action, reward, over), strict=True):
            kept[key].append(value)
        now = env.reset()[0] if over else after
    env.close()
    arrays = {k: np.array(v) for k, v in kept.items()}
    return {k: v if v.dtype == bool else v.astype(np.float16) for k, v in arrays.items()}


@plainly()
def main() -> None:
    """Write the file of a task."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--into", type=Path, default=None, help="another folder")
    asked = parser.parse_args()
    into = asked.into or Path(str(files("leapbench.tasks.dmc.frozen")))
    arrays = made(asked.task)
    np.savez_compressed(into / f"{asked.task}.npz", **arrays)  # type: ignore[arg-type]
    rewards = float(arrays["test.rewards"].astype(np.float64).mean())
    size = (into / f"{asked.task}.npz").stat().st_size
    sys.stdout.write(f"\n{asked.task}: {rewards:.3f} a step, {size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()

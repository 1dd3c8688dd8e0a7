"""What the views that agents take have in common, on scenes of the dev stream.

    python -m leapbench.tasks.activeview.taken activeview/niche active-nerf view-furthest

For a column of the field, the figure is the share of the free cameras that have less of it than
the one taken: 1 takes always the most, 0 the least, and one half is what chance gives.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

import numpy as np

from leapbench import registry, seeds
from leapbench.acting import act
from leapbench.envs.activeview.table import Column
from leapbench.errors import UserError
from leapbench.task import Protocol
from leapbench.tasks.activeview import worlds
from leapbench.tasks.activeview.anchors import unpractised

PLACES = (Column.Z, Column.DISTANCE)
"""Shown as they are: height, and distance to the nearest camera taken."""
RANKED = (Column.VARIANCE, Column.GAIN, Column.OPACITY_GAIN, Column.FISHER, Column.OPACITY)
"""Shown as ranks among the cameras that are free."""


def taken(protocol: Protocol, policy: Any, scene: str, start: int) -> Iterator[list[float]]:
    """For each view of an episode, its `PLACES` and the rank of its `RANKED`.

    Args:
        protocol: one of the family's.
        policy: that has learned.
        scene: kind of scene.
        start: reset seed.
    """
    arguments = protocol.settings["world"] | {"scene": scene, "evaluation": True}
    env = worlds.make(protocol.evaluation.environment, arguments, "field")
    table, _ = env.reset(seed=start)
    over, state, first = False, None, np.ones(1, bool)
    while not over:
        action, state = act(policy, env.action_space, table[None], state, first)
        index, free = int(action[0]), table[:, Column.FREE] > 0
        shares = (table[free] < table[index]).mean(axis=0)
        yield [float(table[index, c]) for c in PLACES] + [float(shares[c]) for c in RANKED]
        table, _, over, _, _ = env.step(index)
        first = np.zeros(1, bool)
    env.close()


def main() -> None:
    """Print a line for each agent, means over views and scenes."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("agents", nargs="+")
    parser.add_argument("--tier", default="lite", choices=["smoke", "lite"])
    parser.add_argument("--scenes", type=int, default=4)
    asked = parser.parse_args()
    names = [column.name.lower().replace("_", " ") for column in (*PLACES, *RANKED)]
    sys.stdout.write(f"{'':28}" + "".join(f"{name:>14}" for name in names) + "\n")
    try:
        task = registry.task(asked.task)
        protocol = task.protocols[asked.tier]
        starts = seeds.stream(protocol.seed_key, "dev", asked.scenes)
        for agent in asked.agents:
            policy = unpractised(task, protocol, agent)
            kinds = protocol.settings["scenes"]
            rows = [
                line
                for i, start in enumerate(starts)
                for line in taken(protocol, policy, kinds[i % len(kinds)], start)
            ]
            means = "".join(f"{mean:14.2f}" for mean in np.mean(rows, axis=0))
            sys.stdout.write(f"{agent:28}{means}\n")
            sys.stdout.flush()
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()

"""What random views and the greedy oracle reach on scenes of the dev stream, the scale's ends.

python -m leapbench.studies.activeview.anchors activeview/niche --tier lite --scenes 8
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

import numpy as np

from leapbench.contract import registry, seeds
from leapbench.contract.agent import LearningPhase
from leapbench.contract.harness import EpisodeRow
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget, Protocol, Task
from leapbench.errors import UserError, plainly
from leapbench.running.composition import compose
from leapbench.tasks.activeview.harness import episode


def measured(
    task: Task, protocol: Protocol, agent: str, scenes: int, draws: int
) -> Iterator[EpisodeRow]:
    """Rows of an agent that needs no practice on the first scenes of the dev stream.

    Args:
        task: of the family.
        protocol: one of its protocols.
        agent: name of the agent.
        scenes: how many scenes.
        draws: episodes on each scene; more than one for agents that draw numbers.
    """
    for draw in range(draws):
        policy = unpractised(task, protocol, agent, draw)
        for each in planned(protocol, scenes):
            yield each | episode(protocol, policy, each)


def planned(protocol: Protocol, count: int) -> list[dict[str, Any]]:
    """`scene` and reset `seed` of the first scenes of the dev stream."""
    kinds = protocol.settings["scenes"]
    starts = seeds.stream(protocol.seed_key, "dev", count)
    return [{"scene": kinds[i % len(kinds)], "seed": start} for i, start in enumerate(starts)]


def unpractised(task: Task, protocol: Protocol, agent: str, seed: int = 0) -> Any:
    """The policy of an agent that needs no practice, ready to choose.

    Args:
        task: of the family.
        protocol: one of its protocols.
        agent: name of the agent.
        seed: of what it draws.
    """
    policy: Any = compose(task, agent, protocol=protocol).build("policy")
    policy.learn(LearningPhase("none", Meter(Budget(unit="views", limit=1)), seed, {}))
    return policy


def chosen(name: str) -> Task:
    """The task of a name, one on which policies choose views.

    Raises:
        UserError: when there is none, or it is of another kind.
    """
    task = registry.task(name)
    if task.family != "activeview" or "policy" not in task.default_agents:
        raise UserError(f"On {name} no policy chooses views.", "activeview/niche is such a task.")
    return task


@plainly()
def main() -> None:
    """Print mean and standard error over the scenes, by agent."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("agents", nargs="*", default=["random", "oracle"])
    parser.add_argument("--tier", default="lite", choices=["smoke", "lite"])
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--draws", type=int, default=5, help="episodes of random views a scene")
    asked = parser.parse_args()
    task = chosen(asked.task)
    for agent in asked.agents:
        draws = asked.draws if agent == "random" else 1
        protocol = task.protocols[asked.tier]
        rows = list(measured(task, protocol, agent, asked.scenes, draws))
        _print(agent, rows, asked.scenes)


def _print(agent: str, rows: list[EpisodeRow], scenes: int) -> None:
    line = [f"{agent:28}"]
    for name in ("area", "final", "hidden", "ause", "decoys"):
        each = np.array([float(row[name]) for row in rows]).reshape(-1, scenes).mean(axis=0)
        error = each.std(ddof=1) / scenes**0.5 if scenes > 1 else float("nan")
        line.append(f"{name} {each.mean():7.3f} ± {error:.3f}")
    sys.stdout.write("  ".join(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

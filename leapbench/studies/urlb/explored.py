"""Pre-trained parts of the worlds of two entropies, and where they go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from leapbench.contract import registry, seeds
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.task import Phase, Protocol
from leapbench.running import phases
from leapbench.running.cell import ARTIFACTS
from leapbench.running.composition import compose
from leapbench.tasks.urlb.base import play
from leapbench.tasks.urlb.harness import UrlbHarness


def explorer(protocol: Protocol, agent: str, phase: Phase, seed: int, runs: Path) -> Any:
    """The part of an agent after a phase without reward.

    Args:
        protocol: of the grid or the point world.
        agent: name of a policy.
        phase: a phase without reward.
        seed: of the agent.
        runs: where `leapbench run` has left its artifacts; what is not there is learned.
    """
    harness = UrlbHarness(protocol, seed, ArtifactStore(runs / ARTIFACTS))
    made = compose(registry.task(protocol.task), agent, protocol=protocol)
    part, _ = phases.learn(
        harness, phase, made, {}, phases.Clock(made), lambda fraction, line: None
    )
    return part


def trips(protocol: Protocol, part: Any, phase: Phase, seed: int, episodes: int) -> NDArray[Any]:
    """What `part` observes in episodes of the phase's world, (episodes, T, ...), as it explores."""
    starts = seeds.stream(protocol.seed_key, "dev", episodes, seed)
    world = UrlbHarness.world(protocol, phase)
    return play(world, part, [{"seed": start} for start in starts]).seen

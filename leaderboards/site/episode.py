"""One episode a family as a picture that moves, made from what is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leapbench.contract.task import Task

MAX_BYTES = 400_000
FRAMES = 60
SLOWEST = 3.0  # frames a second that still let one read a picture
SEED = 0


@dataclass(frozen=True)
class EpisodePictures:
    """An episode that was drawn.

    Attributes:
        moving: name of the GIF.
        still: name of a PNG of its first frame.
        environment: id of the world.
        agent: who acted; empty for random actions.
        width: of both pictures, pixels.
        height: of both pictures, pixels.
        frames: pictures in the GIF.
        seed: of the episode.
    """

    moving: str
    still: str
    environment: str
    agent: str
    width: int
    height: int
    frames: int
    seed: int = SEED


def draw(family: str, tasks: list[Task], folder: Path) -> EpisodePictures | None:
    """Draw the world that stands for the family, else the first that needs no download.

    Args:
        family: its name, which the files get.
        tasks: of the family, in order.
        folder: where both files go.

    Returns:
        What was drawn; None when no world of the family can be shown here, for
        lack of data or of pictures.
    """
    for task in sorted(tasks, key=_weight):
        worlds = {protocol.evaluation.environment for protocol in task.protocols.values()}
        if task.card.episode:
            worlds &= {task.card.episode}
        actor = task.default_agents.get("policy") or task.default_agents.get("agent")
        for world in sorted(worlds):
            for agent in dict.fromkeys((actor, None)):
                try:
                    return _drawn(family, world, agent, folder)
                except Exception:  # noqa: S112  a world that cannot be shown costs its picture
                    continue
    return None


def _weight(task: Task) -> int:
    """What the task's lightest protocol lets an agent spend: the light ones are shown first."""
    return min(sum(phase.budget.limit for phase in p.phases) for p in task.protocols.values())


def _drawn(family: str, world: str, agent: str | None, folder: Path) -> EpisodePictures:
    from leapbench.running import watch

    env, policy = watch.prepare(world, agent, SEED)
    try:
        frames, _ = watch.play(env, policy, SEED, FRAMES - 1)
        speed = min(float(env.metadata.get("render_fps") or SLOWEST), SLOWEST)
    finally:
        env.close()
    moving, still = folder / f"{family}.gif", folder / f"{family}.png"
    images = watch.quantised(frames)
    watch.gif(images, moving, speed)
    while moving.stat().st_size > MAX_BYTES and len(images) > 2:
        share = 0.97 * MAX_BYTES / moving.stat().st_size
        images = images[: max(2, min(len(images) - 1, int(len(images) * share)))]
        watch.gif(images, moving, speed)
    images[0].save(still, optimize=True)
    height, width = frames[0].shape[:2]
    return EpisodePictures(moving.name, still.name, world, agent or "", width, height, len(images))

"""Films of worlds: the start of an episode as a picture that moves, stored beside this file.

They are drawn once, since some policies learn for twenty seconds before they act:

    python -m leapbench.leaderboards.site.films leapbench/EarlyExit-Digits-v0 --agent confidence

A family of another distribution, of whose worlds none is stored, is drawn with the site.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leapbench.contract.task import Task
from leapbench.leaderboards.site.markup import slug

FOLDER = Path(__file__).with_name("films")
MAX_BYTES = 150_000
STEPS, FRAMES = 72, 24
SLOWEST = 3.0  # frames a second that still let one read a picture
QUALITIES = (60, 45, 30)  # of WebP, in per cent
SEED = 0


@dataclass(frozen=True)
class Film:
    """The start of an episode.

    Attributes:
        environment: id of the world.
        agent: who acts; empty for random actions.
        shows: what there is to do, as the world's docstring says it.
        steps: of the episode.
        width: in pixels.
        height: in pixels.
        seed: of the episode.
    """

    environment: str
    agent: str
    shows: str
    steps: int
    width: int
    height: int
    seed: int = SEED

    @property
    def name(self) -> str:
        """Of its files, without ending."""
        return slug(self.environment.rpartition("/")[2].lower())

    @property
    def moving(self) -> str:
        """File name of the film."""
        return f"{self.name}.webp"

    @property
    def still(self) -> str:
        """File name of its last picture."""
        return f"{self.name}-still.webp"

    @property
    def alt(self) -> str:
        """What one sees, in words."""
        who = f"the policy {self.agent} acts" if self.agent else "actions are random"
        return f"Film of {self.environment}, {self.steps} steps, {who}. {self.shows}"


@cache
def stored() -> dict[str, Film]:
    """Every stored film by the id of its world."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.json")))
    films = [Film(**json.loads(text)) for text in texts]
    return {film.environment: film for film in films}


def of_family(tasks: Iterable[Task]) -> Film | None:
    """The film of the world that the card names, else of the first task's that has one."""
    found = list(tasks)
    named = [each.episode for task in found for each in (task.card.family, task.card)]
    worlds = [p.evaluation.environment for task in found for p in task.protocols.values()]
    return next((stored()[world] for world in (*named, *worlds) if world in stored()), None)


def place(film: Film, folder: Path) -> None:
    """Put a stored film and its still into a site, unless they are there."""
    for name in (film.moving, film.still):
        if not (folder / name).exists():
            (folder / name).write_bytes((FOLDER / name).read_bytes())


def draw(tasks: list[Task], folder: Path) -> Film | None:
    """Draw a world of a family of which none is stored; None where none can be shown.

    Args:
        tasks: of the family, in order.
        folder: where the files go.
    """
    for task in tasks:
        own = sorted({p.evaluation.environment for p in task.protocols.values()})
        actor = task.default_agents.get("policy") or task.default_agents.get("agent")
        for world in filter(None, (task.card.family.episode, task.card.episode, *own)):
            for agent in dict.fromkeys((actor, None)):
                try:
                    return make(world, agent, folder)
                except Exception:  # noqa: S112  a world that cannot be shown costs its picture
                    continue
    return None


def make(world: str, agent: str | None, folder: Path) -> Film:
    """Play the world and write the film, its still and what is known about it.

    Args:
        world: id of an environment.
        agent: a policy that learns first; None for random actions.
        folder: where the three files go.

    Raises:
        UserError: as `leapbench.running.watch.prepare` does.
    """
    from leapbench.running import watch

    env, policy = watch.prepare(world, agent, SEED)
    try:
        frames, _ = watch.play(env, policy, SEED, STEPS)
        speed = min(float(env.metadata.get("render_fps") or SLOWEST), SLOWEST)
        shows = " ".join((inspect.getdoc(env.unwrapped) or "").partition("\n\n")[0].split())
    finally:
        env.close()
    height, width = frames[0].shape[:2]
    film = Film(world, agent or "", shows, len(frames) - 1, width, height)
    _write(film, frames[:: -(-len(frames) // FRAMES)], speed, folder)
    return film


def _write(film: Film, frames: list[NDArray[np.uint8]], speed: float, folder: Path) -> None:
    """WebP as good as fits into the bytes that a film may have; then fewer pictures."""
    images = [Image.fromarray(frame) for frame in frames]
    images[-1].save(folder / film.still, quality=QUALITIES[0], method=6)
    path = folder / film.moving
    for quality in QUALITIES:
        _save(images, path, speed, quality)
        if path.stat().st_size <= MAX_BYTES:
            return
    while path.stat().st_size > MAX_BYTES and len(images) > 2:
        share = 0.97 * MAX_BYTES / path.stat().st_size
        images = images[: max(2, min(len(images) - 1, int(len(images) * share)))]
        _save(images, path, speed, QUALITIES[-1])


def _save(images: list[Image.Image], path: Path, speed: float, quality: int) -> None:
    """All pictures at one pace, the last held for two seconds."""
    paces = [round(1000 / speed)] * (len(images) - 1) + [2000]
    shown: dict[str, Any] = {
        "save_all": True,
        "append_images": images[1:],
        "duration": paces,
        "loop": 0,
    }
    images[0].save(path, quality=quality, **shown)


@click.command()
@click.argument("worlds", nargs=-1, required=True, metavar="ENV-ID...")
@click.option("--agent", help="Policy that learns and acts; random actions when left out.")
def main(worlds: tuple[str, ...], agent: str | None) -> None:
    """Draw films of worlds anew, into the folder that is committed."""
    for world in worlds:
        film = make(world, agent, FOLDER)
        text = json.dumps(asdict(film), indent=1) + "\n"
        (FOLDER / f"{film.name}.json").write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"{world}: {film.steps} steps, {(FOLDER / film.moving).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

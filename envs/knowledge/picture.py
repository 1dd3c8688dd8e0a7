"""The picture of a learning world: what it is about, what was bought, what is known by now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.canvas import (
    CARD,
    HEIGHT,
    INK,
    LINE,
    MARGIN,
    MUTED,
    TRACK,
    WIDTH,
    Canvas,
    Color,
)
from leapbench.envs.knowledge.words import RELATIONS

if TYPE_CHECKING:
    from leapbench.envs.knowledge.world import LearningEnv

COLOURS: tuple[Color, ...] = (
    (0, 114, 178),
    (0, 158, 115),
    (230, 159, 0),
    (204, 121, 167),
    (213, 94, 0),
)
"""Of sources, and of probes: told apart by colour-blind readers, too."""
LABELS = {"retrieval": "finds captions", "attributes": "names objects", "facts": "knows words"}
SCENES = 3
TILE = 92.0


def picture(env: LearningEnv, sources: Sequence[str]) -> NDArray[np.uint8]:
    """Scenes with what is said of them, purchases by step, and probes by step.

    Args:
        env: after `reset`.
        sources: names of what is bought, at most five of which have a colour each.
    """
    canvas = Canvas()
    left = max(0, env.horizon - env.time)
    canvas.text(MARGIN, 30, f"World {env.world}", 16)
    canvas.text(
        MARGIN + 110, 30, "a small CLIP learns; which knowledge should it get next?", 12, MUTED
    )
    canvas.text(WIDTH - MARGIN, 30, f"{left} of {env.horizon} steps left", 12, INK, "rs")
    _scenes(canvas, env)
    _bought(canvas, env, sources)
    _probes(canvas, env)
    return canvas.pixels()


def _scenes(canvas: Canvas, env: LearningEnv) -> None:
    for k in range(SCENES):
        top = 48 + k * (TILE + 24)
        canvas.paste(env.dev.scenes.images[k], (MARGIN, top, MARGIN + TILE, top + TILE))
        said = env.sources.words.read(env.dev.scenes.captions[k]).split()
        verb = next(i for i, word in enumerate(said) if word in RELATIONS)
        lines = [" ".join(said[:verb]), said[verb], " ".join(said[verb + 1 :])]
        for i, line in enumerate(lines):
            fill = COLOURS[1] if i == 1 else INK
            canvas.text(MARGIN + TILE + 10, top + 28 + 20 * i, line[:26], 11, fill)


def _bought(canvas: Canvas, env: LearningEnv, sources: Sequence[str]) -> None:
    """Stacked shares of what each step drew."""
    x, y, wide, high = 310.0, 66.0, WIDTH - MARGIN - 310.0, 96.0
    canvas.text(x, y - 10, "drawn in each step", 12)
    canvas.box((x, y, x + wide, y + high), TRACK)
    step = wide / env.horizon
    for k, past in enumerate(env.history[1:]):
        counts = [past["bought"].get(name, 0) for name in sources]
        base, total = y + high, max(1, sum(counts))
        for i, count in enumerate(counts):
            tall = high * count / total
            at = (x + k * step, base - tall, x + (k + 1) * step - 1, base)
            canvas.box(at, COLOURS[i % len(COLOURS)])
            base -= tall
    place = x
    for i, name in enumerate(sources[: len(COLOURS)]):
        canvas.box((place, y + high + 10, place + 9, y + high + 19), COLOURS[i])
        canvas.text(place + 13, y + high + 19, name, 10, MUTED)
        place += 20 + 6.3 * len(name)


def _probes(canvas: Canvas, env: LearningEnv) -> None:
    """A curve for each probe against the steps, from chance to all right."""
    x, y, wide, high = 310.0, 226.0, WIDTH - MARGIN - 310.0, 130.0
    canvas.text(x, y - 10, "what it knows (0 is chance, 1 is all right)", 12)
    canvas.box((x, y, x + wide, y + high), CARD, LINE)
    for k, (name, label) in enumerate(LABELS.items()):
        values = [float(np.clip(past[name], 0.0, 1.0)) for past in env.history]
        points = [
            (x + wide * i / env.horizon, y + high * (1 - value)) for i, value in enumerate(values)
        ]
        if len(points) > 1:
            canvas.line(points, COLOURS[k], 2)
        px, py = points[-1]
        canvas.box((px - 3, py - 3, px + 3, py + 3), COLOURS[k], radius=3)
        at = x + k * wide / 3
        canvas.box((at, HEIGHT - 32, at + 9, HEIGHT - 23), COLOURS[k])
        canvas.text(at + 13, HEIGHT - 23, f"{label} {values[-1]:.2f}", 10, MUTED)

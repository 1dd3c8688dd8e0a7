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
from leapbench.envs.knowledge.words import GROUPS, RELATIONS

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
SCENES = 2
TILE = 80.0


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
    _graph(canvas, env)
    _bought(canvas, env, sources)
    _probes(canvas, env)
    return canvas.pixels()


def _scenes(canvas: Canvas, env: LearningEnv) -> None:
    """Scenes, and under the relation what their captions say is not there."""
    for k in range(SCENES):
        top = 46 + k * (TILE + 10)
        canvas.paste(env.dev.scenes.images[k], (MARGIN, top, MARGIN + TILE, top + TILE))
        said = env.sources.words.read(env.dev.scenes.captions[k]).split()
        verb = next(i for i, word in enumerate(said) if word in RELATIONS)
        end = said.index("no") - 1 if "no" in said else len(said)
        lines = (said[:verb], said[verb : verb + 1], said[verb + 1 : end], said[end:])
        for i, line in enumerate(lines):
            fill = COLOURS[1] if i == 1 else MUTED if i == 3 else INK
            canvas.text(MARGIN + TILE + 10, top + 18 + 19 * i, " ".join(line), 11, fill)


def _graph(canvas: Canvas, env: LearningEnv) -> None:
    """Words and what they are: an edge is thick once it was told, orange in the last step.

    A square beside a word: objects that have it were bought, orange in the last step.
    """
    words, top, high = env.sources.words, 252.0, 126.0
    canvas.text(MARGIN, top - 14, "words", 12)
    for x, label, fill in ((90.0, "bought", INK), (170.0, "bought just now", COLOURS[4])):
        canvas.line([(x, top - 18), (x + 16, top - 18)], fill, 2.5)
        canvas.text(x + 21, top - 14, label, 10, MUTED)
    columns = ((words.colours, MARGIN, "ls"), (GROUPS, 150.0, "ms"), (words.shapes, 276.0, "rs"))
    place = {
        name: (x, top + high * (i + 0.7) / len(names), anchor)
        for names, x, anchor in columns
        for i, name in enumerate(names)
    }
    for word, link, group in words.facts:
        if link == "is-a":
            (x, y, _), (to, height, _) = place[word], place[group]
            side = 1 if x < to else -1
            fact, seen = (word, group), {*env.told, *env.fresh}
            fill = COLOURS[4] if fact in env.fresh else INK if fact in seen else LINE
            ends = [(x + side * 66, y - 4), (to - side * 22, height - 4)]
            canvas.line(ends, fill, 2.5 if fact in seen else 1)
    for name, (x, y, anchor) in place.items():
        canvas.text(x, y, name, 11, INK, anchor)
        shown = ("", name)
        if shown in env.told or shown in env.fresh:
            at = x + 54 if anchor == "ls" else x - 62
            fill = COLOURS[4] if shown in env.fresh else INK
            canvas.box((at, y - 8, at + 8, y), fill)


def _bought(canvas: Canvas, env: LearningEnv, sources: Sequence[str]) -> None:
    """Stacked shares of what each step drew."""
    x, y, wide, high = 310.0, 66.0, WIDTH - MARGIN - 310.0, 96.0
    canvas.text(x, y - 10, "drawn in each step", 12)
    canvas.text(x + wide, y - 10, env.latest, 12, COLOURS[4], "rs")
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
        canvas.box((at, HEIGHT - 26, at + 9, HEIGHT - 17), COLOURS[k])
        canvas.text(at + 13, HEIGHT - 17, f"{label} {values[-1]:.2f}", 9, MUTED)

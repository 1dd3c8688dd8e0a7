"""A picture of one episode: teachers growing, who teaches whom, the student's curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leapbench.envs.canvas import (
    CARD,
    INK,
    LINE,
    MARGIN,
    MUTED,
    RIGHT,
    TRACK,
    WIDTH,
    WRONG,
    Canvas,
    Color,
)
from leapbench.envs.distill.choices import Decision
from leapbench.envs.distill.episode import Episode
from leapbench.envs.gauge import amount

YOUNG, GROWN = np.array([158, 202, 225]), np.array([8, 48, 107])
LEFT, RIGHT_END = MARGIN + 74, WIDTH - MARGIN


def draw(episode: Episode) -> NDArray[np.uint8]:
    """Draw an episode as uint8 (400, 640, 3)."""
    canvas = Canvas()
    _header(canvas, episode)
    bottom = _teachers(canvas, episode, 92)
    _blocks(canvas, episode, bottom + 14)
    _curve(canvas, episode, bottom + 92)
    return canvas.pixels()


def _shade(share: float) -> Color:
    """The later a checkpoint, the deeper its blue."""
    mix = YOUNG + (GROWN - YOUNG) * share
    return int(mix[0]), int(mix[1]), int(mix[2])


def _header(canvas: Canvas, episode: Episode) -> None:
    canvas.text(MARGIN, 38, "Teachers and a student, one budget", 20)
    state = "over" if episode.over else f"block {episode.blocks + 1} of {episode.setup.blocks}"
    name = f"{episode.bank.name}, instance {episode.bank.number}  ·  {state}"
    canvas.text(MARGIN, 58, name, 12, MUTED)
    canvas.text(WIDTH - MARGIN, 40, f"{episode.accuracy:.1%}", 26, INK, "rs")
    canvas.text(WIDTH - MARGIN, 58, "student, validation", 12, MUTED, "rs")


def _teachers(canvas: Canvas, episode: Episode, top: float) -> float:
    """A row of checkpoints for each trajectory; where the rows end."""
    setup = episode.setup
    stats = episode.bank.stats
    step = (RIGHT_END - LEFT) / setup.checkpoints
    height = min(34.0, 76 / setup.trajectories)
    now = episode.taught[-1].weights if episode.taught else ()
    canvas.text(MARGIN, top - 10, "Teachers: validation accuracy of each checkpoint that is owned")
    for j in range(setup.trajectories):
        y = top + j * (height + 4)
        canvas.text(MARGIN, y + height / 2, f"teacher {j + 1}", 12, MUTED, "lm")
        for m in range(setup.checkpoints):
            slot, x = j * setup.checkpoints + m, LEFT + m * step
            owned, share = m < episode.reached[j], (m + 1) / setup.checkpoints
            corners = (x, y, x + step - 4, y + height)
            teaching = bool(now) and now[slot] > 0
            ink = CARD if share > 0.35 else INK
            canvas.box(corners, _shade(share) if owned else TRACK, radius=5)
            if teaching:
                canvas.box((x, y + height - 5, x + step - 4, y + height), WRONG, radius=2)
            if owned:
                text = f"{stats[j, m, 1]:.0%}"
                canvas.text(x + step / 2 - 2, y + height / 2, text, 12, ink, "mm")
    return top + setup.trajectories * (height + 4)


def _blocks(canvas: Canvas, episode: Episode, y: float) -> None:
    """Who taught each block of the student: slices in the teachers' blues."""
    setup = episode.setup
    canvas.text(MARGIN, y + 16, "student", 12, MUTED, "lm")
    canvas.text(LEFT, y + 46, "taught by: labels alone", 11, MUTED)
    canvas.box((LEFT + 123, y + 37, LEFT + 134, y + 48), _without(), radius=2)
    canvas.text(LEFT + 146, y + 46, "its former self", 11, MUTED)
    canvas.box((LEFT + 224, y + 37, LEFT + 235, y + 48), RIGHT, radius=2)
    canvas.text(LEFT + 247, y + 46, "a checkpoint, in its blue", 11, MUTED)
    canvas.text(LEFT + 404, y + 46, "teaches now", 11, MUTED)
    canvas.box((LEFT + 478, y + 41, LEFT + 502, y + 46), WRONG, radius=2)
    step = (RIGHT_END - LEFT) / setup.blocks
    for block in range(setup.blocks):
        x = LEFT + block * step
        canvas.box((x, y, x + step - 4, y + 30), TRACK, radius=5)
        if block < episode.blocks:
            lesson = episode.taught[episode.since + block]
            _lesson(canvas, episode, lesson, (x, y, x + step - 4, y + 30))


def _without() -> Color:
    return (196, 200, 205)


def _lesson(
    canvas: Canvas, episode: Episode, lesson: Decision, corners: tuple[float, float, float, float]
) -> None:
    left, top, right, bottom = corners
    if not any(lesson.weights) and not lesson.itself:
        canvas.box(corners, _without(), radius=5)
        return
    at = left
    for slot, weight in enumerate(lesson.weights):
        if weight > 0:
            share = (slot % episode.setup.checkpoints + 1) / episode.setup.checkpoints
            width = (right - left) * weight
            canvas.box((at, top, at + width, bottom), _shade(share), radius=3)
            at += width
    if lesson.itself:
        canvas.box((at, top, right, bottom), RIGHT, radius=3)


def _curve(canvas: Canvas, episode: Episode, top: float) -> None:
    """Validation accuracy against multiply-adds spent, up to the whole budget."""
    bottom, budget = 372.0, episode.budget
    canvas.text(MARGIN, top - 8, "Student's validation accuracy against the budget", 12)
    spent = f"{amount(episode.left)} of {amount(budget)} multiply-adds left"
    canvas.text(RIGHT_END, top - 8, spent, 12, MUTED, "rs")
    canvas.box((LEFT, top, RIGHT_END, bottom), CARD, LINE)
    width, height = RIGHT_END - LEFT, bottom - top - 6
    used = LEFT + width * (budget - episode.left) / budget
    canvas.box((LEFT, bottom + 4, RIGHT_END, bottom + 12), TRACK, radius=4)
    canvas.box((LEFT, bottom + 4, max(used, LEFT + 8), bottom + 12), INK, radius=4)
    highest = 0.1 * np.ceil(10 * max([0.2, *(accuracy for accuracy, _ in episode.curve)]))
    canvas.text(LEFT - 6, top + 6, f"{highest:.0%}", 11, MUTED, "rm")
    canvas.text(LEFT - 6, bottom - 2, "0%", 11, MUTED, "rm")
    canvas.line([(used, top), (used, bottom)], LINE, 1)
    points = [
        (LEFT + width * spent / budget, bottom - height * accuracy / highest)
        for spent, (accuracy, _) in zip(episode.spent, episode.curve, strict=True)
    ]
    if len(points) > 1:
        canvas.line(points, RIGHT, 2.5)
    for x, y in points:
        canvas.box((x - 3, y - 3, x + 3, y + 3), RIGHT, radius=3)

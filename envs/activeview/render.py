"""A picture of one episode: where cameras stand, truth and reconstruction, the curve."""

from __future__ import annotations

import numpy as np

from leapbench.envs.activeview.cameras import Floats
from leapbench.envs.activeview.capture import Capture
from leapbench.envs.activeview.episode import Episode
from leapbench.envs.canvas import CARD, INK, LINE, MUTED, RIGHT, TRACK, WRONG, Canvas, Color

LEFT, TOP, SIDE = 24.0, 84.0, 250.0
"""The map from above."""
REACH = 0.46
"""Distance of the furthest camera from the middle of the map, as a share of its side."""
RIGHT_OF_MAP, TILE, GAP = 306.0, 72.0, 6.0
"""The pictures of the test views."""
SHOWN = 4
CHART = (336.0, 292.0, 612.0, 372.0)
"""The curve: left, top, right, bottom."""


def draw(episode: Episode, free: Floats) -> np.ndarray:
    """Draw an episode as uint8 (400, 640, 3).

    Args:
        episode: what is drawn.
        free: poses (n, 4, 4) of the candidates that are left; none is marked as a decoy.
    """
    canvas = Canvas()
    _header(canvas, episode)
    _map(canvas, episode, free)
    _pictures(canvas, episode)
    _curve(canvas, episode)
    return canvas.pixels()


def _header(canvas: Canvas, episode: Episode) -> None:
    taken, curve = episode.referee.acquired, episode.referee.curve
    canvas.text(LEFT, 38, "Active view", 20)
    state = "over" if episode.over else f"{episode.rules.views - taken} left"
    canvas.text(LEFT, 58, f"{taken} of {episode.rules.views} views taken  ·  {state}", 12, MUTED)
    canvas.text(616, 40, f"{curve.psnr[-1]:.1f} dB", 26, INK, "rs")
    gained = curve.psnr[-1] - curve.psnr[0]
    canvas.text(616, 58, f"PSNR of hidden views, {gained:+.1f} since the start", 12, MUTED, "rs")


def _map(canvas: Canvas, episode: Episode, free: Floats) -> None:
    """The scene from above with all cameras; the last one taken shows where it looks."""
    middle = (LEFT + SIDE / 2, TOP + SIDE / 2)
    poses = episode.referee.views.poses
    scale = REACH * SIDE / _reach(episode.capture)
    canvas.box((LEFT, TOP, LEFT + SIDE, TOP + SIDE), CARD, LINE, 1, 6)
    (x, y), plan = middle, episode.capture.plan(round(2 * scale))
    if plan is None:
        canvas.box((x - scale, y - scale, x + scale, y + scale), TRACK)
    else:
        canvas.paste(plan, (x - scale, y - scale, x + scale, y + scale))
    initial = len(episode.capture.initial.poses)
    for pose in free:
        _camera(canvas, middle, scale, pose, CARD, 3.0)
    for pose in poses[:initial]:
        _camera(canvas, middle, scale, pose, MUTED, 4.0)
    for pose in poses[initial:]:
        _camera(canvas, middle, scale, pose, RIGHT, 4.5)
    if len(poses) > initial:
        _gaze(canvas, middle, scale, poses[-1])
        _camera(canvas, middle, scale, poses[-1], WRONG, 5.5)
    _legend(canvas, len(free) > 0)


def _reach(capture: Capture) -> float:
    """Horizontal distance of the furthest camera, at least that of the box's corners."""
    poses = np.concatenate((capture.initial.poses, capture.candidates))
    return max(1.5, float(np.hypot(poses[:, 0, 3], poses[:, 1, 3]).max()))


def _camera(
    canvas: Canvas,
    middle: tuple[float, float],
    scale: float,
    pose: Floats,
    fill: Color,
    radius: float,
) -> None:
    x, y = middle[0] + scale * float(pose[0, 3]), middle[1] - scale * float(pose[1, 3])
    edge = MUTED if fill == CARD else CARD
    canvas.box((x - radius, y - radius, x + radius, y + radius), fill, edge, 1, radius)


def _gaze(canvas: Canvas, middle: tuple[float, float], scale: float, pose: Floats) -> None:
    """Two lines that open from a camera along its axis of view."""
    x, y = middle[0] + scale * float(pose[0, 3]), middle[1] - scale * float(pose[1, 3])
    for side in (-0.4, 0.4):
        way = -pose[:2, 2] + side * pose[:2, 0]
        end = (x + 0.8 * scale * float(way[0]), y - 0.8 * scale * float(way[1]))
        canvas.line([(x, y), end], WRONG, 1.5)


def _legend(canvas: Canvas, free: bool) -> None:
    x, y = LEFT, TOP + SIDE + 24
    entries = [("given", MUTED), ("taken", RIGHT), ("last", WRONG)]
    for name, color in [*entries, ("free", CARD)] if free else entries:
        canvas.box((x, y - 9, x + 9, y), color, MUTED if color == CARD else None, 1, 4.5)
        canvas.text(x + 14, y, name, 12, MUTED)
        x += 62


def _pictures(canvas: Canvas, episode: Episode) -> None:
    """Test views all around the scene: the truth above, what the field makes of it below."""
    test, referee = episode.capture.test.images, episode.referee
    shown = np.unique(np.linspace(0, len(test) - 1, SHOWN + 2).astype(int)[1:-1])
    made = np.round(255 * np.clip(referee.reconstruction, 0, 1)).astype(np.uint8)
    optics = episode.capture.optics
    longer = max(optics.height, optics.width)
    width, height = TILE * optics.width / longer, TILE * optics.height / longer
    for row, (label, images) in enumerate((("truth, hidden", test), ("reconstruction", made))):
        top = TOP + row * (TILE + 22)
        canvas.text(RIGHT_OF_MAP, top - 5, label, 12, MUTED)
        for column, index in enumerate(shown):
            left = RIGHT_OF_MAP + column * (TILE + GAP)
            canvas.box((left, top, left + TILE, top + TILE), TRACK)
            x, y = left + (TILE - width) / 2, top + (TILE - height) / 2
            canvas.paste(images[index], (x, y, x + width, y + height))


def _curve(canvas: Canvas, episode: Episode) -> None:
    """PSNR against acquisitions; in grey that of surfaces which no initial view shows."""
    curve, (left, _, right, bottom) = episode.referee.curve, CHART
    known = [value for value in (*curve.psnr, *curve.unseen) if np.isfinite(value)]
    low = float(np.floor(min(known)))
    high = max(float(np.ceil(max(known) + 0.5)), low + 2)
    canvas.box(CHART, CARD, LINE, 1)
    canvas.text(left - 6, bottom, f"{low:.0f}", 11, MUTED, "rs")
    canvas.text(left - 6, CHART[1], f"{high:.0f}", 11, MUTED, "rt")
    canvas.text(left, bottom + 15, "dB against views taken", 11, INK)
    canvas.text(right, bottom + 15, "sides unseen at first", 11, MUTED, "rs")
    across = [left + taken / episode.rules.views * (right - left) for taken in curve.acquired]
    for values, color in ((curve.unseen, MUTED), (curve.psnr, INK)):
        up = [bottom - (value - low) / (high - low) * (bottom - CHART[1]) for value in values]
        _line(canvas, [(x, y) for x, y in zip(across, up, strict=True) if np.isfinite(y)], color)


def _line(canvas: Canvas, points: list[tuple[float, float]], color: Color) -> None:
    for x, y in points:
        canvas.box((x - 2.5, y - 2.5, x + 2.5, y + 2.5), color, radius=2.5)
    if len(points) > 1:
        canvas.line(points, color, 2)

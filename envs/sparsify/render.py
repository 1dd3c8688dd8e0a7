"""A picture of one episode: whose weights fill the network, what it sees, how each task does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from leapbench.envs.canvas import CARD, INK, LINE, MUTED, PAPER, RIGHT, WRONG, Canvas, Color

if TYPE_CHECKING:
    from leapbench.envs.sparsify.base import SparsifyEnv

COLORS: dict[str, Color] = {"seg": RIGHT, "depth": WRONG, "normals": (98, 84, 190)}
TITLES = {"seg": "classes", "depth": "depth", "normals": "normals"}
SHARED_DARK, SHARED_LIGHT = (70, 76, 84), (168, 174, 182)
AREA = (24.0, 100.0, 200.0, 350.0)
"""The chart of kept weights: left, top, right, bottom."""
TILES, TILE, GAP = (412.0, 100.0), 54.0, 5.0
CURVES = (412.0, 262.0, 542.0, 350.0)
SHOWN = 1
"""Picture of the validation part that is shown."""
PALETTE = np.array(
    [[200, 202, 205], [150, 125, 100], [200, 70, 70], [70, 150, 80], [80, 90, 190], [220, 180, 60],
     [120, 190, 200], [190, 120, 190], [110, 110, 60], [60, 60, 60], [240, 150, 120],
     [160, 210, 140], [90, 140, 230]], np.uint8,
)  # fmt: skip
LOWEST = -1.0
"""Gain at the bottom of the curves."""


def draw(env: SparsifyEnv) -> NDArray[np.uint8]:
    """Draw an episode as uint8 (400, 640, 3)."""
    canvas = Canvas()
    _header(canvas, env)
    _weights(canvas, env)
    _predictions(canvas, env)
    _gains(canvas, env)
    return canvas.pixels()


def _header(canvas: Canvas, env: SparsifyEnv) -> None:
    training = env.training
    kept, total = int(env.drawn.sum()), len(training.mask)
    canvas.text(24, 38, "One network, several tasks", 20)
    state = (
        f"{training.iteration} of {env.job.iterations} updates  ·  {kept:,} of {total:,} weights"
    )
    spent = f"{training.spent / training.limit:.0%} of the compute"
    canvas.text(24, 58, f"{state}  ·  {spent}", 12, MUTED)
    canvas.text(616, 40, f"{env.score:+.0%}", 26, INK, "rs")
    canvas.text(616, 58, "against a dense network", 12, MUTED, "rs")


def _weights(canvas: Canvas, env: SparsifyEnv) -> None:
    """Kept weights over time, a band for each part of the network."""
    left, top, right, bottom = AREA
    canvas.text(left, top - 10, "weights that are kept, by part of the network", 12)
    canvas.box((left, top, right, bottom), CARD, LINE)
    counts = np.stack([kept for kept, _, _ in env.history])  # (steps, G)
    most = max(float(counts.sum(1).max()), 1.0)
    across = np.linspace(left, right, env.rounds + 1)[: len(counts)]
    heights = np.cumsum(counts[:, ::-1], 1)[:, ::-1] / most * (bottom - top)
    for index in range(counts.shape[1]):
        color = _color(env, index)
        for step in range(len(counts)):
            start = across[step - 1] if step else across[0]
            end = across[step] if step else across[0] + 3
            canvas.box((start, bottom - heights[step, index], end, bottom), color)
    _line_at(
        canvas, AREA, min(1.0, env.training.budget / most), "budget", env.training.budget < most
    )
    names, now = env.encoder.groups, heights[-1]
    places = [
        bottom - (now[i] + (now[i + 1] if i + 1 < len(now) else 0)) / 2 for i in range(len(now))
    ]
    edge = float(across[-1]) if len(across) > 1 else left + 3
    canvas.text(right + 122, top - 10, "kept", 11, MUTED, "rs")
    for index, y in enumerate(_spread(places, 17, top + 8, bottom - 8)):
        density = env.encoder.density(env.drawn)[index]
        color = _color(env, index)
        canvas.line([(edge, places[index]), (right + 8, y)], LINE)
        canvas.text(right + 12, y + 4, names[index].replace("head-seg", "head-classes"), 11, color)
        canvas.text(
            right + 122,
            y + 4,
            f"{density:.0%}" if density > 0.0995 else f"{density:.1%}",
            11,
            MUTED,
            "rs",
        )
    canvas.text(left, bottom + 16, "time", 11, MUTED)


def _line_at(canvas: Canvas, area: Any, share: float, text: str, shown: bool) -> None:
    left, top, right, bottom = area
    if shown:
        y = bottom - share * (bottom - top)
        canvas.line([(left, y), (right, y)], INK)
        canvas.text(right - 3, y - 4, text, 10, INK, "rs")


def _color(env: SparsifyEnv, index: int) -> Color:
    """Of a group: its task's, or a grey for shared ones."""
    name = env.encoder.groups[index]
    task = name.rpartition("-")[2]
    if name.startswith("head-"):
        return COLORS[task]
    share = index / max(1, len(env.encoder.shared) - 1)
    mixed = [round(a + (b - a) * share) for a, b in zip(SHARED_DARK, SHARED_LIGHT, strict=True)]
    return (mixed[0], mixed[1], mixed[2])


def _spread(places: list[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least `gap` apart, in the order of the bands, which is from high up downwards."""
    found: list[float] = []
    for y in places:
        found.append(max(y, low if not found else found[-1] + gap))
    over = found[-1] - high
    if over > 0:
        for i in range(len(found) - 1, -1, -1):
            limit = high if i == len(found) - 1 else found[i + 1] - gap
            found[i] = min(found[i], limit)
    return found


def _predictions(canvas: Canvas, env: SparsifyEnv) -> None:
    """A validation picture, the truth of each task, and what the network says."""
    training, part = env.training, env.training.data.validation
    image = part.images[SHOWN % len(part)][None]
    training.network.eval()
    with torch.no_grad():
        outputs = training.network(image.to(env.job.device))
    x, y = TILES
    canvas.paste(_image(image[0]), (x - TILE - GAP, y, x - GAP, y + TILE))
    canvas.text(x - GAP, y + TILE + 12, "above: truth", 10, MUTED, "rs")
    canvas.text(x - GAP, y + TILE + 26, "below: now", 10, MUTED, "rs")
    far = 1e-6
    if "depth" in training.tasks:
        far = max(far, float(part.truth["depth"][SHOWN % len(part)].max()))
    for index, (task, out) in enumerate(zip(training.tasks, outputs, strict=True)):
        left = x + index * (TILE + GAP)
        full = F.interpolate(out, image.shape[2:], mode="bilinear")[0].cpu()
        said = full.argmax(0) if task == "seg" else full
        truth = part.truth[task][SHOWN % len(part)]
        canvas.text(left, y - 8, TITLES[task], 12, COLORS[task])
        for row, shown in enumerate((truth, said)):
            up = y + row * (TILE + GAP)
            canvas.paste(_shown(task, shown, far), (left, up, left + TILE, up + TILE))


def _image(image: torch.Tensor) -> NDArray[np.uint8]:
    pixels = (image.permute(1, 2, 0).numpy() * 0.25 + 0.42) * 255
    return pixels.clip(0, 255).astype(np.uint8)


def _shown(task: str, values: torch.Tensor, far: float) -> NDArray[np.uint8]:
    """A task's map as colours."""
    if task == "seg":
        found: NDArray[np.uint8] = PALETTE[values.numpy() % len(PALETTE)]
        found[values.numpy() < 0] = PAPER
        return found
    if task == "depth":
        grey = (255 - values[0].numpy() / far * 215).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, 2)
    unit = F.normalize(values, dim=0).permute(1, 2, 0).numpy()
    return ((unit + 1) * 127).clip(0, 255).astype(np.uint8)


def _gains(canvas: Canvas, env: SparsifyEnv) -> None:
    """Gain of each task over the reference against time."""
    left, top, right, bottom = CURVES
    canvas.text(left - 60, top - 10, "each task against a dense network", 12)
    canvas.box((left, top, right, bottom), CARD, LINE)
    steps = np.linspace(left, right, env.rounds + 1)

    def up(gain: float) -> float:
        share = (min(max(gain, LOWEST), 0.1) - LOWEST) / (0.1 - LOWEST)
        return bottom - share * (bottom - top)

    canvas.line([(left, up(0)), (right, up(0))], MUTED)
    canvas.text(left - 4, up(0) + 4, "dense", 10, MUTED, "rs")
    canvas.text(left - 4, bottom, f"{LOWEST:.0%}", 10, MUTED, "rs")
    last = [up(env.gains[task]) for task in env.facts.tasks]
    order = np.argsort(last)
    placed = dict(zip(order, _spread([last[i] for i in order], 13, top + 4, bottom), strict=True))
    for index, task in enumerate(env.facts.tasks):
        line = [(float(x), up(g[task])) for x, (_, g, _) in zip(steps, env.history, strict=False)]
        if len(line) > 1:
            canvas.line(line, COLORS[task], 2)
        text = f"{TITLES[task]} {env.gains[task]:+.0%}"
        canvas.text(right + 6, placed[index] + 4, text, 11, COLORS[task])
    canvas.text(left, bottom + 16, "time", 11, MUTED)

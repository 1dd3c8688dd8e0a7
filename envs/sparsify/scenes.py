"""Procedural scenes with exact classes, depth and normals, many at a time.

A camera at the origin looks along +z over a tilted wall, a floor, and one to four spheres,
upright cylinders and boxes that stand on it. x points right, y down, lengths in metres.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leapbench.errors import UserError

Floats = NDArray[np.float32]
CLASSES = ("wall", "floor", "sphere", "cylinder", "box")
OBJECTS = 4
"""Objects at most."""
NOISE = 0.03
"""Standard deviation of the pixels' noise."""
FAR = 1e3
DOWN = 0.22
"""How far the camera looks down, as y of the middle ray."""
EVERY = slice(None)
UP = np.array([0, -1, 0], np.float32)
CHUNK = 250
"""Scenes that are rendered together, so that what is in between stays in the cache."""


class Pictures(NamedTuple):
    """Pictures with what they show.

    Attributes:
        images: float32 (N, 3, H, W), about zero mean and unit scale.
        classes: int64 (N, H, W); -1 where it is not known.
        depth: float32 (N, 1, H, W); 0 where it is not known.
        normals: float32 (N, 3, H, W), unit vectors; zeros where they are not known.
    """

    images: Floats
    classes: NDArray[np.int64]
    depth: Floats
    normals: Floats


def render(count: int, size: int, seed: int) -> Pictures:
    """Draw `count` scenes of `size` x `size` pixels; the same seed gives the same pixels.

    Raises:
        UserError: for a count or size below 1.
    """
    if count < 1 or size < 1:
        raise UserError(f"count and size of scenes must be 1 or more, got {count} and {size}.")
    rng = np.random.default_rng(seed)
    parts = [_render(min(CHUNK, count - start), size, rng) for start in range(0, count, CHUNK)]
    return Pictures(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _render(count: int, size: int, rng: np.random.Generator) -> Pictures:
    rays = _rays(size)
    shape = (count, size, size)

    def draw(low: float, high: float, *more: int) -> Floats:
        return rng.uniform(low, high, (count, *more)).astype(np.float32)

    depth = np.full(shape, FAR, np.float32)
    classes = np.zeros(shape, np.int64)
    normals = np.zeros((*shape, 3), np.float32)
    albedo = np.zeros((*shape, 3), np.float32)
    height = draw(0.55, 0.85)  # of the camera over the floor

    def put(near: Floats, facing: Floats, label: int, color: Floats, who: Any = EVERY) -> None:
        """Draw a surface of the scenes `who` where it is the nearest so far."""
        front = (near > 0.05) & (near < depth[who])
        where = np.nonzero(front)
        place = (np.arange(count)[who][where[0]], *where[1:])
        depth[place], classes[place] = near[where], label
        for into, values in ((normals, facing), (albedo, color)):
            into[place] = np.broadcast_to(values, (*front.shape, 3))[where]

    tilt, slope, away = draw(-0.5, 0.5), draw(-0.15, 0.1), draw(1.9, 3.2)
    wall = np.stack([np.sin(tilt), slope, -np.cos(tilt)], -1)
    wall /= np.linalg.norm(wall, axis=-1, keepdims=True)
    into = np.einsum("hwc,nc->nhw", rays, wall)
    distance = (away * wall[:, 2])[:, None, None] / np.minimum(into, -1e-3)
    put(distance, wall[:, None, None], 0, _paint(draw, rays * distance[..., None]))
    down = np.maximum(rays[..., 1], 1e-3)[None]
    distance = height[:, None, None] / down
    distance = np.where(rays[..., 1] > 1e-3, distance, -1)
    put(distance, UP, 1, _paint(draw, rays * distance[..., None]))

    number = rng.integers(1, OBJECTS + 1, count)
    for index in range(OBJECTS):
        kind = rng.integers(2, 5, count)
        kind[index >= number] = 0
        radius, tall, turn = draw(0.16, 0.34), draw(0.3, 0.8), draw(0.0, np.pi / 2)
        z = draw(1.0, 1.9)
        x, color = draw(-0.55, 0.55) * z, draw(0.15, 1.0, 3)[:, None, None]
        place = np.stack([x, height - radius, z], -1)
        for label, solid in SOLIDS.items():
            who = kind == label
            given = (each[who] for each in (place, radius, height, tall, turn))
            near, facing = solid(rays, *given)
            put(near, facing, label, color[who], who)
    images = _light(draw, rng, depth, normals, albedo)
    channels = (0, 3, 1, 2)
    return Pictures(
        np.ascontiguousarray(images.transpose(channels)),
        classes,
        depth[:, None],
        np.ascontiguousarray(normals.transpose(channels)),
    )


def _rays(size: int) -> Floats:
    """Directions (size, size, 3) of the pixels' centres, with z = 1."""
    across = ((np.arange(size) + 0.5) / size * 2 - 1) * 0.62
    x, y = np.meshgrid(across, across + DOWN)
    return np.stack([x, y, np.ones_like(x)], -1).astype(np.float32)


def _paint(draw: Any, points: Floats) -> Floats:
    """Albedo with stripes of a plane, (n, h, w, 3)."""
    base = draw(0.2, 0.95, 3)[:, None, None]
    frequency, phase = draw(-9, 9, 3)[:, None, None], draw(0, 6.3)[:, None, None]
    stripes = np.sign(np.sin((points * frequency).sum(-1) + phase))
    return np.asarray(base * (1 + (draw(0.0, 0.35)[:, None, None] * stripes)[..., None]))


def _sphere(rays: Floats, place: Floats, radius: Floats, *_: Floats) -> tuple[Floats, Floats]:
    centre = place[:, None, None]
    a, b = (rays**2).sum(-1), np.einsum("hwc,nc->nhw", rays, place)
    c = (place**2).sum(-1) - radius**2
    root = b**2 - a * c[:, None, None]
    near = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, -1).astype(np.float32)
    return near, (rays * near[..., None] - centre) / radius[:, None, None, None]


def _cylinder(
    rays: Floats, place: Floats, radius: Floats, height: Floats, tall: Floats, *_: Floats
) -> tuple[Floats, Floats]:
    """Upright, from the floor to `tall` above it."""
    flat, centre = rays[..., [0, 2]], place[:, [0, 2]]
    a, b = (flat**2).sum(-1), np.einsum("hwc,nc->nhw", flat, centre)
    c = (centre**2).sum(-1) - radius**2
    root = b**2 - a * c[:, None, None]
    near = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, -1).astype(np.float32)
    y, top = rays[..., 1] * near, (height - tall)[:, None, None]
    side = (y >= top) & (y <= height[:, None, None])
    out = (flat * near[..., None] - centre[:, None, None]) / radius[:, None, None, None]
    facing = np.stack([out[..., 0], np.zeros_like(near), out[..., 1]], -1)
    lid, over = _lid(rays, top)
    inside = ((flat * lid[..., None] - centre[:, None, None]) ** 2).sum(-1)
    capped = over & (inside < (radius**2)[:, None, None]) & ~(side & (near > 0))
    near = np.where(side, near, np.where(capped, lid, -1)).astype(np.float32)
    return near, np.where(capped[..., None], UP, facing).astype(np.float32)


def _box(
    rays: Floats, place: Floats, radius: Floats, height: Floats, tall: Floats, turn: Floats
) -> tuple[Floats, Floats]:
    """Upright box turned about its axis: ray against three slabs."""
    cos, sin = np.cos(turn), np.sin(turn)
    zero, one = np.zeros_like(cos), np.ones_like(cos)  # the rows of `axes` are the box's
    axes = np.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], -1).reshape(-1, 3, 3)
    centre = np.stack([place[:, 0], height - tall / 2, place[:, 2]], -1)
    half = np.stack([radius, tall / 2, radius], -1)[:, None, None]
    along = (rays.reshape(-1, 3) @ axes.swapaxes(1, 2)).reshape(-1, *rays.shape)
    along = np.where(np.abs(along) < 1e-6, np.float32(1e-6), along)
    from_here = np.einsum("nc,nkc->nk", centre, axes)[:, None, None]
    enter = (from_here - np.sign(along) * half) / along
    leave = (from_here + np.sign(along) * half) / along
    near, far = enter.max(-1), leave.min(-1)
    face = enter.argmax(-1)
    local = -np.sign(np.take_along_axis(along, face[..., None], -1))
    facing = local * axes[np.arange(len(turn))[:, None, None], face]
    return np.where(near < far, near, -1).astype(np.float32), facing.astype(np.float32)


def _lid(rays: Floats, top: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Distance to the horizontal plane at `top`, and where it is seen from above."""
    down = rays[..., 1]
    over = (down > 1e-3) & (top > 0)
    return np.where(over, top / np.maximum(down, 1e-3), -1).astype(np.float32), over


def _light(
    draw: Any, rng: np.random.Generator, depth: Floats, normals: Floats, albedo: Floats
) -> Floats:
    """Lambert's law under one light, darker with depth, with noise."""
    light = np.stack([draw(-1, 1), draw(-1.2, -0.4), draw(-1, -0.2)], -1)
    light /= np.linalg.norm(light, axis=-1, keepdims=True)
    lit = np.maximum(np.einsum("nhwc,nc->nhw", normals, light), 0)
    shade = (0.35 + 0.65 * lit) * np.exp(-0.25 * (depth - 1))
    images = np.clip(albedo, 0, 1) * shade[..., None]
    images += rng.standard_normal(images.shape, np.float32) * NOISE
    return np.asarray((np.clip(images, 0, 1) - 0.4) / 0.25, np.float32)


SOLIDS: dict[int, Callable[..., tuple[Floats, Floats]]] = {2: _sphere, 3: _cylinder, 4: _box}
"""Distance along each ray, negative where it misses, and normal there, by class."""

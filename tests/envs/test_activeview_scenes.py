"""Photographs of solids against geometry worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as limited
from hypothesis import strategies as st

from leapbench.envs.activeview.cameras import Optics, look_at
from leapbench.envs.activeview.scenes import FAMILIES, photograph, unseen
from leapbench.envs.activeview.scenes.solids import Box, Scene, Solid, Sphere
from leapbench.envs.activeview.scenes.texture import Texture

few = limited(max_examples=30, deadline=None)
RED = Texture((1.0, 0.0, 0.0))
OVERHEAD = (0.0, 0.0, 1.0)
LENS = Optics.square(64, float(np.radians(40)))
turns = st.floats(-3, 3)
places = st.tuples(*[st.floats(-0.4, 0.4)] * 3)
edges = st.tuples(*[st.floats(0.1, 0.5)] * 3)


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def meets(solid: Solid, origin: tuple[float, ...], way: tuple[float, ...]) -> float:
    return float(solid.distances(column(*origin), column(*way))[0])


def test_distances_by_hand() -> None:
    ball, cube = Sphere((0, 0, 0), 0.5, RED), Box((0, 0, 0), (0.5, 0.5, 0.5), RED)
    assert meets(ball, (2, 0, 0), (-1, 0, 0)) == pytest.approx(1.5)
    assert meets(ball, (2, 0.3, 0), (-1, 0, 0)) == pytest.approx(2 - 0.4)
    assert meets(ball, (2, 0.6, 0), (-1, 0, 0)) == np.inf
    assert meets(ball, (2, 0, 0), (1, 0, 0)) == np.inf
    assert meets(cube, (2, 0.4, 0.4), (-1, 0, 0)) == pytest.approx(1.5)
    assert meets(cube, (2, 0.6, 0), (-1, 0, 0)) == np.inf
    turned = Box((0, 0, 0), (0.5, 0.5, 0.5), RED, float(np.pi / 4))
    assert meets(turned, (2, 0, 0), (-1, 0, 0)) == pytest.approx(2 - np.sqrt(0.5), abs=1e-5)


@few
@given(places, edges, turns, st.integers(0, 1000))
def test_a_ray_enters_a_box_where_marching_along_it_first_finds_the_inside(
    centre: Any, half: Any, turn: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    origin = look_at(rng.normal(size=3) * 2 + [4, 0, 0], centre)[:3, 3]
    target = np.array(centre) + rng.uniform(-0.3, 0.3, 3)
    way = (target - origin) / np.linalg.norm(target - origin)
    steps = np.linspace(0, 12, 24_001)
    x, y, z = (origin + steps[:, None] * way - centre).T
    cos, sin = np.cos(turn), np.sin(turn)
    local = np.abs([cos * x + sin * y, cos * y - sin * x, z]).T
    inside = (local <= half).all(axis=1)
    found = meets(Box(centre, half, RED, turn), tuple(origin), tuple(way))
    if inside.sum() > 2:
        assert found == pytest.approx(steps[inside.argmax()], abs=2e-3)
    elif not inside.any():
        assert found == np.inf or found > 0


@few
@given(places, edges, turns, st.integers(0, 1000))
@example((-(2.0**-14), 0.0, 0.0), (0.125, 0.5, 0.5), 0.0, 0)
def test_normals_are_the_directions_in_which_a_surface_is_left(
    centre: Any, half: Any, turn: float, seed: int
) -> None:
    origin = np.random.default_rng(seed).normal(size=3)
    origin = origin / np.linalg.norm(origin) * 4
    way = (np.array(centre) - origin) / np.linalg.norm(np.array(centre) - origin)
    for solid in (Box(centre, half, RED, turn), Sphere(centre, half[0], RED)):
        # In single precision a distance of 4 is off by a ten-thousandth of a small radius.
        far = solid.distances(origin[:, None], way[:, None])
        point = column(*(origin + far * way))
        normal = solid.normals(point)
        assert np.linalg.norm(normal) == pytest.approx(1, abs=1e-4)
        assert float(column(*way)[:, 0] @ normal[:, 0]) < 0
        # From just outside, the way back meets the surface at once.
        assert meets(solid, tuple((point + 0.01 * normal)[:, 0]), tuple(-normal[:, 0])) < 0.011


def test_a_ball_covers_the_disc_that_its_angle_says() -> None:
    scene = Scene((Sphere((0, 0, 0), 0.6, RED),), OVERHEAD)
    picture = photograph(scene, look_at((0, -3, 0), (0, 0, 0)), LENS)
    # Blue is 1 on white and 0 on red, so 1 - blue is the share of a pixel that is covered.
    covered = (1 - picture[..., 2] / 255).sum()
    radius = LENS.intrinsics[0] * np.tan(np.arcsin(0.6 / 3))
    assert covered == pytest.approx(np.pi * radius**2, rel=0.01)
    assert (picture == picture[:, ::-1]).all()


def test_light_falls_on_what_faces_it() -> None:
    scene = Scene((Box((0, 0, 0), (0.5, 0.5, 0.5), Texture((1.0, 1.0, 1.0))),), OVERHEAD)
    above = photograph(scene, look_at((0.01, 0, 3), (0, 0, 0)), LENS)[32, 32]
    beside = photograph(scene, look_at((3, 0, 0), (0, 0, 0)), LENS)[32, 32]
    assert above.tolist() == [255] * 3
    assert beside.tolist() == [round(0.45 * 255)] * 3


@pytest.mark.parametrize("kind", ["checker", "sine"])
def test_textures_repeat_with_their_frequency(kind: Any) -> None:
    texture = Texture((1.0, 0.5, 0.0), (0.0, 0.0, 1.0), kind, 2.0)
    points = np.random.default_rng(0).uniform(-1, 1, (3, 200)).astype(np.float32)
    period = np.array([[0.5], [0], [0]]) if kind == "checker" else np.full((3, 1), 0.5 / 3**0.5)
    shifted = texture.at((points + period).astype(np.float32))
    same = np.isclose(texture.at(points), shifted, atol=1e-4).all(axis=0)
    assert same.mean() > 0.99  # a point on a border may round to either side
    half = texture.at((points + period / 2).astype(np.float32))
    assert np.abs(texture.at(points) - half).max() > 0.5


def test_noise_is_uniform_and_a_function_of_the_cube() -> None:
    texture = Texture((1.0, 1.0, 1.0), kind="noise", frequency=10)
    points = np.random.default_rng(0).uniform(-1, 1, (3, 5000)).astype(np.float32)
    values = texture.at(points)[0]
    assert values.mean() == pytest.approx(0.5, abs=0.03)
    assert values.std() == pytest.approx(12**-0.5, abs=0.02)
    assert (texture.at(points + np.float32(1e-6))[0] == values).mean() > 0.99


def test_a_wall_hides_what_is_behind_it_and_nothing_else() -> None:
    wall = Box((0, 0, 0), (0.02, 0.5, 0.5), RED)
    ball = Sphere((-0.5, 0, 0), 0.2, RED)
    front, back = look_at((3, 0, 0), (0, 0, 0)), look_at((-3, 0, 0), (0, 0, 0))
    hidden = unseen(Scene((wall, ball), OVERHEAD), np.stack([front, back]), front[None], LENS)
    assert not hidden[0].any()
    # From behind, wall and ball are all that is there, and the front camera saw neither face.
    picture = photograph(Scene((wall, ball), OVERHEAD), back, LENS, 1)
    assert (hidden[1] == (picture[..., 2] < 255)).all()


def test_what_is_outside_a_picture_was_not_seen_in_it() -> None:
    scene = Scene((Box((0, 0, 0), (0.5, 0.5, 0.5), RED),), OVERHEAD)
    front, aside = look_at((3, 0, 0), (0, 0, 0)), look_at((3, 0, 0), (6, 0, 0))
    assert not unseen(scene, front[None], front[None], LENS).any()
    assert unseen(scene, front[None], aside[None], LENS).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_scenes_of_a_family_are_fixed_by_the_seed_and_lie_in_the_box(family: str) -> None:
    pose = look_at((2, -2, 1.5), (0, 0, 0))
    one, same, other = (FAMILIES[family](np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == same
    assert (photograph(one, pose, LENS) != photograph(other, pose, LENS)).any()
    for solid in one.solids:
        assert np.abs(solid.centre[:2]).max() + reach(solid) <= 1


def reach(solid: Solid) -> float:
    if isinstance(solid, Sphere):
        return solid.radius
    assert isinstance(solid, Box)
    return float(np.hypot(*solid.half[:2])) if solid.turn else max(solid.half[:2])

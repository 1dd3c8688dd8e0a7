"""Stored films: of worlds that exist, whole, small, and still what the world draws."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from leapbench.contract import registry
from leapbench.leaderboards.site import films

GRID = "leapbench/URLB-EntropyGrid-v0"


def test_every_family_has_a_film():
    families = {task.family for task in registry.tasks().values()}
    shown = {
        family: films.of_family(t for t in registry.tasks().values() if t.family == family)
        for family in families
    }
    assert [family for family, film in shown.items() if film is None] == []


@pytest.mark.parametrize("film", films.stored().values(), ids=lambda film: film.name)
def test_a_film_is_whole_and_small(film):
    assert film.environment in gym.registry
    assert film.agent == "" or registry.agent(film.agent, _family(film.environment))
    assert film.shows
    path = films.FOLDER / film.moving
    assert path.stat().st_size <= films.MAX_BYTES
    with Image.open(path) as moving, Image.open(films.FOLDER / film.still) as still:
        assert moving.size == still.size == (film.width, film.height)
        assert 1 < moving.n_frames <= min(film.steps + 1, films.FRAMES)
    known = {film.moving, film.still, f"{film.name}.json"}
    assert known <= {file.name for file in films.FOLDER.iterdir()}


def test_no_file_is_left_from_a_film_that_is_gone():
    known = {n for f in films.stored().values() for n in (f.moving, f.still, f"{f.name}.json")}
    assert {file.name for file in films.FOLDER.iterdir()} == known


def test_the_stored_film_is_what_the_world_draws(tmp_path):
    stored = films.stored()[GRID]
    assert films.make(GRID, stored.agent, tmp_path) == stored
    with (
        Image.open(tmp_path / stored.still) as now,
        Image.open(films.FOLDER / stored.still) as then,
    ):
        apart = np.abs(np.asarray(now, dtype=float) - np.asarray(then, dtype=float))
    assert apart.mean() < 1.0  # of 255: compression may differ a little


def test_a_world_that_cannot_be_shown_costs_its_film_alone(tmp_path, monkeypatch):
    def broken(*given):
        raise RuntimeError("no data here")

    monkeypatch.setattr(films, "make", broken)
    assert films.draw([registry.task("urlb/entropy-grid")], tmp_path) is None


def _family(world: str) -> str:
    tasks = registry.tasks().values()
    uses = {
        t.family
        for t in tasks
        if world in (t.card.episode, t.card.family.episode)
        or any(p.evaluation.environment == world for p in t.protocols.values())
    }
    return min(uses)

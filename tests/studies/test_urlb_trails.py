"""Which part of an episode the picture of the point world gives which colour."""

from __future__ import annotations

import numpy as np

from leapbench.agents.urlb.common.skills import AVOID, SEEK, Mixture, NoSkills, Uniform
from leapbench.studies.urlb.trails import modes


def test_modes_change_where_a_skill_is_drawn() -> None:
    """floor(200 / 1.5) = 133, and the next multiple of 50 after it is 150."""
    found = modes(Mixture(4, 50, 1.5, "both", "sign"), 200)
    assert found.shape == (200,)
    assert (found[:150] == SEEK).all()
    assert (found[150:] == AVOID).all()


def test_agents_of_one_mode_have_one_colour() -> None:
    for skills, mode in ((Uniform(4, 50), SEEK), (NoSkills(), SEEK)):
        assert (modes(skills, 130) == mode).all()
    assert np.all(modes(Mixture(4, 50, 1.5, "min", "sign"), 130) == AVOID)

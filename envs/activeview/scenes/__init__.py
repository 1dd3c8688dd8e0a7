"""Scenes of textured spheres and boxes, drawn by casting rays."""

from leapbench.envs.activeview.scenes.casting import photograph, unseen
from leapbench.envs.activeview.scenes.families import FAMILIES
from leapbench.envs.activeview.scenes.solids import Scene

__all__ = ["FAMILIES", "Scene", "photograph", "unseen"]

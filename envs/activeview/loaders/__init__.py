"""Photographs in the folder formats of NeRF-synthetic (Blender) and LLFF.

Poses come out as in `leapbench.envs.activeview.cameras`, moved and scaled so that the scene
lies in the field's box [-1, 1]^3, and pictures as uint8 on white, reduced by area averaging.
"""

from leapbench.envs.activeview.loaders.blender import from_blender
from leapbench.envs.activeview.loaders.folder import load
from leapbench.envs.activeview.loaders.llff import from_llff
from leapbench.envs.activeview.loaders.photographs import Dataset, Photographs

__all__ = ["Dataset", "Photographs", "from_blender", "from_llff", "load"]

"""Radiance fields that know their own variance, for choosing where to look next.

`VoxelField` is fast and `MlpField` is the network of the paper (ActiveNeRF,
arXiv 2209.08546).
"""

from leapbench.envs.activeview.field.base import Field
from leapbench.envs.activeview.field.mlp import MlpField
from leapbench.envs.activeview.field.rays import Intrinsics, Rays, rays_of
from leapbench.envs.activeview.field.render import Rendered
from leapbench.envs.activeview.field.settings import PAPER, FieldSettings, Likelihood, MlpSettings
from leapbench.envs.activeview.field.voxel import VoxelField

__all__ = [
    "PAPER",
    "Field",
    "FieldSettings",
    "Intrinsics",
    "Likelihood",
    "MlpField",
    "MlpSettings",
    "Rays",
    "Rendered",
    "VoxelField",
    "rays_of",
]

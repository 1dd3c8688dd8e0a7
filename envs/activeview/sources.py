"""From the environments' arguments to what episodes are played on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leapbench.envs.activeview.cameras import Optics
from leapbench.envs.activeview.capture import CaptureSource, Procedural
from leapbench.envs.activeview.episode import positive
from leapbench.envs.activeview.pools import Pool
from leapbench.envs.activeview.scenes import FAMILIES
from leapbench.errors import UserError, unknown

FIELD_OF_VIEW = float(np.radians(45))


def source(
    scene: str | None,
    pool: str | None,
    initial: int,
    candidates: int,
    tests: int,
    resolution: int,
) -> CaptureSource:
    """A family of scenes by name, or a folder of photographs by its path.

    Raises:
        UserError: for what is neither, for numbers below 1, for a pool with a folder,
            or a folder that cannot be read.
    """
    for name, value in (
        ("initial", initial),
        ("candidates", candidates),
        ("tests", tests),
        ("resolution", resolution),
    ):
        positive(name, value)
    if scene in FAMILIES:
        optics = Optics.square(resolution, FIELD_OF_VIEW)
        return Procedural(scene, Pool(pool or "unbalanced", initial, candidates, tests), optics)
    if scene is None or not Path(scene).is_dir():
        named = unknown("scene", str(scene), FAMILIES)
        raise UserError(named.message, f"Known: {', '.join(FAMILIES)}, or the path of a folder.")
    if pool is not None:
        raise UserError(
            f"pool={pool!r} is for drawn scenes.", "Photographs have their own cameras."
        )
    from leapbench.envs.activeview.loaders import Photographs, load

    return Photographs.of(load(scene, resolution), initial, candidates, tests)

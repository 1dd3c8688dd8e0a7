"""Where the time of the radiance field of ActiveView goes.

Times are CPU-seconds of one thread. Run it as
`OMP_NUM_THREADS=1 python benchmarks/activeview_field.py`.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from time import process_time

import numpy as np
import torch

from leapbench.envs.activeview.cameras import Optics
from leapbench.envs.activeview.capture import Capture, Procedural
from leapbench.envs.activeview.field import FieldSettings, VoxelField, rays_of
from leapbench.envs.activeview.field.passes import accumulate, trace
from leapbench.envs.activeview.pools import Pool

SIDE, VIEWS, CANDIDATES, TESTS = 40, 12, 60, 4
Step = Callable[[], object]


def capture(family: str) -> Capture:
    """A scene with twelve views all around it."""
    pool = Pool("balanced", VIEWS, CANDIDATES, TESTS)
    return Procedural(family, pool, Optics.square(SIDE, np.radians(45))).capture(
        np.random.default_rng(0)
    )


def milliseconds(step: Step, repeats: int = 50) -> float:
    """CPU time of a call, after one that does not count."""
    step()
    started = process_time()
    for _ in range(repeats):
        step()
    return (process_time() - started) / repeats * 1e3


def observing(scene: Capture) -> VoxelField:
    """A new field that has seen the views."""
    field = VoxelField(FieldSettings(), 0)
    field.observe(*scene.initial, scene.optics.intrinsics)
    return field


def parts(scene: Capture) -> None:
    """Print what an iteration and the questions to a trained field take."""
    field = observing(scene)
    field.train(300)
    settings, tables, resolution = field.settings, field.tables, field.resolution
    batch = field._batch()
    samples = settings.samples
    traced = trace(tables.density, batch, samples, resolution, field.empty)
    other = field.copy()
    field.iteration = 0  # a multiple, at which it smooths
    steps: dict[str, Step] = {
        "draw rays, find cells": field._batch,
        "read density, composite": lambda: trace(
            tables.density, batch, samples, resolution, field.empty
        ),
        "read colour, loss, gradients": lambda: accumulate(
            tables, other.gradients, batch, traced, settings.likelihood, settings.variance_floor
        ),
        "smooth (every 4th)": field._smooth,
        "Adam": lambda: other.adam.step(list(field.gradients)),
    }
    kept = len(traced.kept) / len(batch.cells.base)
    print(f"{kept:.0%} of the samples of a batch are outside empty cells")
    for name, step in steps.items():
        print(f"{name:32}{milliseconds(step):8.2f} ms")
    print(f"{'one iteration, all in all':32}{iteration(scene):8.2f} ms")
    questions(field, scene)


def iteration(scene: Capture) -> float:
    """Milliseconds of an iteration, after the first 300."""
    field = observing(scene)
    field.train(300)
    return milliseconds(lambda: field.train(1), 96)


def questions(field: VoxelField, scene: Capture) -> None:
    """Print what rendering and the features of candidates take."""
    side, focal = SIDE // 2, scene.optics.resized(SIDE // 2, SIDE // 2).intrinsics
    rays = rays_of(torch.tensor(scene.candidates), focal, side, side)
    pose, whole = scene.test.poses[0], scene.optics.intrinsics
    steps: dict[str, Step] = {
        f"features of {CANDIDATES} candidates": lambda: field.features(
            scene.candidates, focal, side, side
        ),
        "of which Fisher": lambda: field.fisher(rays, CANDIDATES),
        "render a view": lambda: field.render(pose, whole, SIDE, SIDE),
    }
    for name, step in steps.items():
        print(f"{name:32}{milliseconds(step, 4):8.2f} ms")


def main() -> None:
    """Print the parts."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--scene", default="niche")
    torch.set_num_threads(1)
    parts(capture(parser.parse_args().scene))


if __name__ == "__main__":
    main()

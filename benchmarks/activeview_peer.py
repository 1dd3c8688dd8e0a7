"""How long the field of ActiveView and ActiveNeRF's code take to the same PSNR.

    OMP_NUM_THREADS=1 python benchmarks/activeview_peer.py PATH

PATH is a checkout of https://github.com/LeapLabTHU/ActiveNeRF. Its networks, renderer
and loss run with its settings for Blender scenes (two networks of 8 x 256, 64 + 128 samples,
1024 rays, Adam at 5e-4), and without the anomaly detection that it switches on, which would
slow it down. Both learn from the same views and are judged by the same hidden ones; times are
CPU-seconds of one thread, and judging is not part of them. Packages that its file imports and
this does not need are stood in for.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from time import process_time
from types import SimpleNamespace
from typing import Any

import torch
from activeview_field import SIDE, Step, capture, observing
from released import stand_in

from leapbench.envs.activeview.capture import Capture
from leapbench.envs.activeview.field import Rays, rays_of
from leapbench.envs.activeview.field.rays import spans

LEVELS = (12, 15, 18, 20, 22)
"""PSNR in dB that either is timed to."""
PATIENCE = 3.0
"""CPU-seconds that our field learns for."""
Curve = Iterator[tuple[float, float]]
"""CPU-seconds of learning so far, and the PSNR in dB reached with them."""
Render = Callable[[Any], torch.Tensor]


def psnr(render: Render, scene: Capture) -> float:
    """Mean over the hidden views, in dB."""
    images, poses = scene.test
    with torch.no_grad():
        errors = [
            (render(pose).view(image.shape) - torch.tensor(image) / 255).square().mean()
            for image, pose in zip(images, poses, strict=True)
        ]
    return float(-10 * torch.stack(errors).log10().mean())


def learning(step: Step, render: Render, scene: Capture) -> Curve:
    """How something learns, judged after each step."""
    seconds = 0.0
    while True:
        started = process_time()
        step()
        seconds += process_time() - started
        yield seconds, psnr(render, scene)


def ours(scene: Capture) -> Curve:
    """How a voxel field learns, every five iterations."""
    field = observing(scene)

    def render(pose: Any) -> torch.Tensor:
        return field.render(pose, scene.optics.intrinsics, SIDE, SIDE).colour

    return learning(lambda: field.train(5), render, scene)


def theirs(scene: Capture, path: Path, every: int) -> Curve:
    """How the released code learns, every few iterations."""
    sys.path.insert(0, str(path))
    for name in ("imageio", "configargparse", "cv2", "matplotlib", "matplotlib.pyplot"):
        stand_in(name)
    stand_in("tqdm", tqdm=iter, trange=range)
    released: Any = import_module("run_nerf")
    torch.autograd.set_detect_anomaly(False)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "run").mkdir()
        training, testing, _, _, optimizer, *_ = released.create_nerf(settings(folder))
    intrinsics = scene.optics.intrinsics
    rays = rays_of(torch.tensor(scene.initial.poses), intrinsics, SIDE, SIDE)
    truth = torch.tensor(scene.initial.images).view(-1, 3) / 255
    near, far = spans(rays)
    met = far > near
    bounds = {"near": float(near[met].min()), "far": float(far.max()), "use_viewdirs": True}

    def shoot(rays: Rays, options: dict[str, Any]) -> Any:
        pair = torch.stack((rays.origins, rays.directions))
        return released.render(SIDE, SIDE, intrinsics[0], 1024, pair, **{**options, **bounds})

    def step() -> None:
        for _ in range(every):
            chosen = torch.randint(len(truth), (1024,))
            seen = shoot(Rays(*(part[chosen] for part in rays)), training)
            colour, uncertainty, density, extras = seen[0], seen[3], seen[4], seen[-1]
            loss = released.img2mse_uncert_alpha(
                colour, truth[chosen], uncertainty, density, 0.01
            ) + released.img2mse(extras["rgb0"], truth[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def render(pose: Any) -> torch.Tensor:
        seen: torch.Tensor = shoot(rays_of(torch.tensor(pose), intrinsics, SIDE, SIDE), testing)[0]
        return seen

    return learning(step, render, scene)


def settings(folder: str) -> SimpleNamespace:
    """The released code's, for Blender scenes."""
    return SimpleNamespace(
        multires=10, multires_views=4, i_embed=0, use_viewdirs=True, N_importance=128,
        N_samples=64, netdepth=8, netwidth=256, netdepth_fine=8, netwidth_fine=256,
        beta_min=0.01, netchunk=1024 * 64, lrate=5e-4, basedir=folder, expname="run",
        ft_path=None, no_reload=True, perturb=1.0, white_bkgd=True, raw_noise_std=0.0,
        dataset_type="blender", no_ndc=True, lindisp=False,
    )  # fmt: skip


def against(scene: Capture, path: Path, limit: float, every: int) -> None:
    """Print how long either takes to each level; "more than" where the peer was stopped before."""
    blank = psnr(lambda pose: torch.ones(SIDE, SIDE, 3), scene)
    print(f"hidden views all white: {blank:.2f} dB")
    peer = until(limit, theirs(scene, path, every), "ActiveNeRF")
    mine = until(PATIENCE, ours(scene))
    for level in LEVELS:
        own, other = first(mine, level), first(peer, level)
        if own is not None:
            bound, seconds = ("", other) if other is not None else ("more than ", peer[-1][0])
            times = f"{bound}{seconds:.1f} s: {bound}{seconds / own:.0f} times"
            print(f"{level} dB: ours {own:.2f} s, ActiveNeRF {times}")


def until(limit: float, curve: Curve, name: str = "") -> list[tuple[float, float]]:
    """A curve of CPU-seconds and PSNR up to a limit of seconds, printed under a name."""
    found = []
    for seconds, reached in curve:
        found.append((seconds, reached))
        if name:
            print(f"{name} {seconds:8.1f} s {reached:6.2f} dB", flush=True)
        if seconds > limit:
            break
    return found


def first(curve: list[tuple[float, float]], level: float) -> float | None:
    """CPU-seconds after which a curve is at a level for the first time."""
    return next((seconds for seconds, reached in curve if reached >= level), None)


def main() -> None:
    """Print the levels, and how long either takes to them."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("peer", type=Path, help="checkout of LeapLabTHU/ActiveNeRF")
    parser.add_argument(
        "--limit", type=float, default=900, help="CPU-seconds of the peer's learning"
    )
    parser.add_argument("--every", type=int, default=10, help="iterations between its judgements")
    parser.add_argument("--scene", default="niche")
    given = parser.parse_args()
    torch.set_num_threads(1)
    against(capture(given.scene), given.peer, given.limit, given.every)


if __name__ == "__main__":
    main()

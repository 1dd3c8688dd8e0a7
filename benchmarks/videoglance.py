"""Speed of glances at video: decisions of the world, a training step, cropping against a peer.

    OMP_NUM_THREADS=1 python benchmarks/videoglance.py [--peer FOLDER]

Three ratios in one run, medians of interleaved rounds, CPU seconds on one thread:

* decisions per CPU-second of the vector environment with 1,024 streams (over the packaged bank);
* a training step of AdaFocusV3 over the forward and backward passes of its networks alone;
* cubes of pixels at places between pixels, with the gradient to the place, against what the
  released AdaFocusV2 does for the same: `affine_grid` and `grid_sample` on every frame. With
  `--peer`, the released function itself is run (a clone of github.com/LeapLabTHU/AdaFocusV2).
"""

from __future__ import annotations

import ast
import statistics
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from leapbench.agents.videoglance.common.interpolate import between_pixels
from leapbench.agents.videoglance.common.places import enlarged, way
from leapbench.agents.videoglance.common.training import total_loss
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.shape import Shape
from leapbench.envs.videoglance.tensors import crop

ROUNDS = 7
STREAMS = 1024
MODEL = "Experiments on ActivityNet, FCVID and Mini-Kinetics/models/adafocus_v2.py"


def seconds(run: Callable[[], Any]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def medians(runs: dict[str, Callable[[], Any]]) -> dict[str, float]:
    for run in runs.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            taken[name].append(seconds(run))
    return {name: statistics.median(each) for name, each in taken.items()}


def decisions(steps: int = 60) -> float:
    env = gym.make_vec("leapbench:leapbench/VideoGlance-Needle-v0", STREAMS, "vector_entry_point")
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    cubes = env.single_action_space.n - 1
    actions = [
        np.where(rng.random(STREAMS) < 0.3, cubes, rng.integers(cubes, size=STREAMS))
        for _ in range(steps)
    ]
    found = medians({"world": lambda: [env.step(each) for each in actions]})
    return steps * STREAMS / found["world"]


def step(batch: int = 32) -> dict[str, float]:
    """A whole step, and the same networks on the same cubes with a loss that costs nothing."""
    torch.manual_seed(0)
    shape = Shape()
    network = GlanceNetwork(shape, "heatmap").train()
    place, coins = way("deep-features", network), torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, 0.9, weight_decay=1e-4)
    clips, labels = torch.rand(batch, 1, *shape.volume), torch.randint(10, (batch,))
    places = torch.rand(batch, shape.looks, 3) * torch.as_tensor(shape.grid.free)
    large, origin, _ = enlarged(network, places)
    wide = crop(clips, origin, large).flatten(0, 1)
    cubes = crop(clips, places.long(), shape.cube).flatten(0, 1)

    def whole() -> None:
        optimizer.zero_grad(set_to_none=True)
        total_loss(network, place, clips, labels, coins).backward()
        optimizer.step()

    def networks() -> None:
        optimizer.zero_grad(set_to_none=True)
        reader = network.reader
        maps = reader.glance(clips)
        out = [maps.amax((2, 3, 4)).sum(), network.locator.output(maps.detach()).sum()]
        for each in (wide, cubes):
            out.append(reader.looked(reader.look(each)).sum())
        sum(out).backward()

    return medians({"step": whole, "networks": networks})


def released(folder: Path) -> Callable[..., Tensor]:
    """`get_patches_frame` of a clone, without the rest of its file; on the CPU."""
    tree = ast.parse((folder / MODEL).read_text())
    (function,) = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == "get_patches_frame"
    ]
    source = ast.unparse(function).replace(".cuda()", "")
    names: dict[str, Any] = {"torch": torch, "F": functional}
    exec(compile(source, MODEL, "exec"), names)  # noqa: S102 - a clone that the user named
    found: Callable[..., Tensor] = names["get_patches_frame"]
    return found


def sampled(frames: Tensor, actions: Tensor, patch: int, side: int) -> Tensor:
    """The same operations, written down from the method's description."""
    theta = torch.zeros(len(frames), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = patch / side
    first = actions * (side - patch)
    theta[:, 0, 2] = -1 + (2 * first[:, 1] + patch) / side
    theta[:, 1, 2] = -1 + (2 * first[:, 0] + patch) / side
    grid = functional.affine_grid(theta, [len(frames), 3, patch, patch], align_corners=False)
    return functional.grid_sample(frames, grid, align_corners=False)


def cropping(peer: Path | None, frames: int = 16, side: int = 224, patch: int = 128) -> Any:
    torch.manual_seed(0)
    images = torch.rand(frames, 3, side, side)
    actions = torch.rand(frames, 2)
    theirs = released(peer) if peer else sampled
    clips = images[:, :, None]  # a clip of one frame each, as V2 has a place a frame

    def ours(at: Tensor) -> Tensor:
        start = torch.cat((torch.zeros(frames, 1), at * (side - patch)), 1)[:, None]
        return between_pixels(clips, start, (1, patch, patch))[:, 0, :, 0]

    a = ours(actions)
    b = theirs(images, actions, patch, side)
    print(f"largest difference of the two crops: {float((a - b).abs().max()):.1e}")

    def both(make: Callable[[Tensor], Tensor]) -> Callable[[], None]:
        def run() -> None:
            at = actions.clone().requires_grad_(True)
            make(at).sum().backward()

        return run

    return medians({"ours": both(ours), "peer": both(lambda at: theirs(images, at, patch, side))})


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="a clone of LeapLabTHU/AdaFocusV2")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"decisions per CPU-second, {STREAMS} streams: {decisions():,.0f} (wanted 300,000)")
    found = step()
    print(
        f"training step: {found['step'] * 1e3:.1f} ms, {found['step'] / found['networks']:.2f} "
        "x its networks' forward and backward (wanted 1.15 or less)"
    )
    found = cropping(asked.peer)
    name = "released AdaFocusV2" if asked.peer else "affine_grid and grid_sample"
    print(
        f"cropping 16 frames, 128 of 224 pixels: {found['ours'] * 1e3:.1f} ms, "
        f"{found['peer'] / found['ours']:.1f} x as fast as {name} (wanted 2 or more)"
    )


if __name__ == "__main__":
    main()

"""The latency model beside the predictor released with LAUDNet: equal values, CPU seconds.

    python benchmarks/latency_sweep.py --peer PATH/OF/LAUDNet [--rates 20]

Five devices, four networks, every granularity, one rate in all blocks. The peer takes hours
for all of it: its blocks are sampled, each timed beside ours for the same arguments, and the
ratio is of the sums. `--peer` is a checkout of github.com/LeapLabTHU/LAUDNet.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from released import stand_in

from leapbench.envs.latency.device import device, names
from leapbench.envs.latency.networks import NETWORKS, SIZES
from leapbench.envs.latency.predictor import dynamic_block, dynamic_latency, static_latency


def sweep(rates: np.ndarray) -> float:
    """CPU seconds of the whole sweep by our model, tilings searched anew."""
    begun = time.process_time()
    for name in names():
        for network in NETWORKS:
            static_latency(device(name), network)
            for side in range(1, SIZES[0] + 1):
                granularity = tuple(min(side, size) for size in SIZES)
                dynamic_latency(device(name), network, granularity, rates[:, None])
    return time.process_time() - begun


def released(path: Path) -> Any:
    """The released script's functions and a predictor for each device."""
    sys.path.insert(0, str(path / "DyNetSimulator"))
    stand_in("scipy", optimize=None)
    stand_in("matplotlib", pyplot=None)
    import eval_example  # type: ignore[import-not-found]
    from hardware_models.multi_cores import (  # type: ignore[import-not-found]
        GPGPUDynamicPredictor,
    )

    def predictor(name: str) -> Any:
        on = device(name)
        plain = (on.engines, on.lanes, on.clock, on.bandwidth)
        more = {"batch_size": on.batch, "l2_speed_frac": on.cache}
        return GPGPUDynamicPredictor(*plain, latency_mode="add", **more)

    return eval_example.get_dynamic_block_latency_spatial, predictor


def compare(path: Path, count: int) -> None:
    """Sampled blocks by both, for equality and time."""
    theirs, predictor = released(path)
    draw = np.random.default_rng(0)
    seconds, worst = np.zeros(2), 0.0
    for _ in range(count):
        name = str(draw.choice(names()))
        network = NETWORKS[str(draw.choice(list(NETWORKS)))]
        blocks = list(network.blocks())
        block = blocks[draw.integers(len(blocks))]
        side, rate = int(draw.integers(1, block.size + 1)), float(draw.uniform(0.05, 1))
        arguments = {
            "c_in": block.inputs, "c_out": block.outputs, "b": network.bottleneck,
            "h": block.size * block.stride, "w": block.size * block.stride,
            "n_groups": block.groups, "granul_size": side, "c_granul_size": 1,
            "density_conv1": rate, "density_conv2": rate, "density_conv3": rate,
            "c_density": 1.0, "stride": block.stride, "down": block.stride,
            "is_se": bool(block.squeeze),
        }  # fmt: skip
        begun = time.process_time()
        peer = theirs(predictor(name), **arguments)
        between = time.process_time()
        ours = float(dynamic_block(device(name), block, side, rate))
        seconds += between - begun, time.process_time() - between
        worst = max(worst, abs(peer / ours - 1))
    print(f"{count} blocks: largest relative difference {worst:.1e}")
    each = seconds / count * 1000
    print(f"a block at one rate: released {each[0]:.1f} ms, ours {each[1]:.2f} ms")
    print(f"ratio {seconds[0] / seconds[1]:.1f}, ours searching every tiling anew")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--rates", type=int, default=20)
    parser.add_argument("--blocks", type=int, default=40)
    asked = parser.parse_args()
    rates = np.linspace(0.05, 1, asked.rates)
    if asked.peer:
        compare(asked.peer, asked.blocks)
    seconds = sweep(rates)
    cells = len(names()) * len(NETWORKS) * SIZES[0] * asked.rates
    print(
        f"whole sweep, {cells:,} networks: {seconds:.1f} CPU s, {1e3 * seconds / cells:.3f} ms each"
    )


if __name__ == "__main__":
    main()

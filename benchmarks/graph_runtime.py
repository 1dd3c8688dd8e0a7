"""Images per second of exported networks in ONNX Runtime against PyTorch, on one thread.

The suite runs a graph one image at a time, in a process of its own, transfers
included; PyTorch runs batches of 500 in this process, as it does for prediction caches.
Rounds are interleaved, so that a busy machine slows both alike. Run it as

    OMP_NUM_THREADS=1 python benchmarks/graph_runtime.py
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from leapbench.agents.earlyexit.common import networks
from leapbench.agents.earlyexit.msdnet import network as msdnet
from leapbench.contract import registry
from leapbench.graphs.check import read
from leapbench.graphs.count import count
from leapbench.graphs.export import export
from leapbench.graphs.run import BATCH, ExportedNetwork
from leapbench.macs import count as count_modules

DIGITS = registry.task("earlyexit/digits").protocols["smoke"].settings["networks"]
CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int], int]] = {
    "digits msdnet": (lambda: networks.build("msdnet", DIGITS["msdnet"], 0), (1, 16, 16), 3000),
    "digits ranet": (lambda: networks.build("ranet", DIGITS["ranet"], 0), (1, 16, 16), 3000),
    "cifar msdnet 5": (lambda: msdnet.MSDNet(msdnet.cifar(100, 5)), (3, 32, 32), 100),
}


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def eager(network: nn.Module, images: np.ndarray) -> None:
    with torch.inference_mode():
        for i in range(0, len(images), BATCH):
            batch = torch.from_numpy(images[i : i + BATCH])
            network(batch.contiguous(memory_format=torch.channels_last))


def compare(name: str, rounds: int, folder: Path) -> str:
    make, image, number = CASES[name]
    network, path = make().eval().to(memory_format=torch.channels_last), folder / "n.onnx"
    export(network, image, path)
    images = np.random.default_rng(0).standard_normal((number, *image)).astype(np.float32)
    data = path.read_bytes()
    count(read(data)), count_modules(network, image)  # what is imported at first use
    start = seconds(lambda: ExportedNetwork(data, name).facts)
    counting = seconds(lambda: count(read(data)))
    modules = seconds(lambda: count_modules(network, image))
    graph = ExportedNetwork(data, name)
    for work in (graph.logits, lambda x: eager(network, x)):
        work(images[:10])
    pairs = [
        (seconds(lambda: graph.logits(images)), seconds(lambda: eager(network, images)))
        for _ in range(rounds)
    ]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    return (
        f"{name:<16}{number / ours:>12,.0f}{number / theirs:>12,.0f}{ratio:>8.2f}"
        f"{1000 * start:>12.0f}{1000 * counting:>12.0f}{1000 * modules:>12.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'':<16}{'images per second':^24}{'':>8}{'milliseconds':^36}")
    print(
        f"{'network':<16}{'graph':>12}{'PyTorch':>12}{'ratio':>8}"
        f"{'start':>12}{'check+count':>12}{'modules':>12}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in CASES:
            print(compare(name, options.rounds, Path(folder)), flush=True)


if __name__ == "__main__":
    main()

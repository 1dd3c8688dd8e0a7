"""Export a network as ONNX and let the suite meter it: `onnx:` takes networks from anywhere.

python examples/export_model.py
leapbench run earlyexit/digits onnx:my_network.onnx

Without arguments it trains nothing of its own: it takes the network that
`leapbench run earlyexit/digits msdnet` leaves under `runs` (made now if it is
not there). With `--weights` it takes a safetensors file of such a network.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from torch import nn

from leapbench.agents.common.stored.weights import restore
from leapbench.contract import registry
from leapbench.graphs.export import export
from leapbench.running import cell
from leapbench.running.cell import Cell


def trained(task: str, tier: str, runs: Path) -> nn.Module:
    """The MSDNet of seed 0, trained under the task's budget unless it was before."""
    chosen = Cell(task, tier, "msdnet", 0, (), runs)
    _, parts = cell.learned(chosen, ["model"])
    return parts["model"].network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="earlyexit/digits")
    parser.add_argument("--tier", default="smoke")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--weights", type=Path, help="safetensors of an MSDNet of the task")
    parser.add_argument("--out", type=Path, default=Path("my_network.onnx"))
    options = parser.parse_args()
    shape = registry.task(options.task).protocols[options.tier].settings["networks"]["msdnet"]
    if options.weights:
        network = restore("msdnet", shape, options.weights.read_bytes(), str(options.weights))
    else:
        network = trained(options.task, options.tier, options.runs)
    facts = export(network, tuple(shape["image"]), options.out)
    print(f"{options.out}: {facts.classes} classes, images of size {facts.image}")
    for number, cost in enumerate(facts.multiply_adds, start=1):
        print(f"  exit {number}: {cost:,} multiply-adds")
    print(f"leapbench run {options.task} onnx:{options.out}")


if __name__ == "__main__":
    main()

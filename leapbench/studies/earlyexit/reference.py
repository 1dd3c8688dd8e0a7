"""Makes the prediction caches that the environments are packaged with.

    python -m leapbench.studies.earlyexit.reference digits --tier smoke

trains the reference network (plain MSDNet, seed 0) under the task's protocol,
or takes it from the artifacts under `runs/`, and writes its outputs on the
calibration and test samples into the environment's folder.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from leapbench.envs.earlyexit.reference import CACHED, save_reference
from leapbench.running.cell import Cell, learned
from leapbench.tasks.earlyexit.harness import EarlyExitHarness


def main() -> None:
    """Write the prediction cache of one data set."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=["digits", "fashion-mnist", "cifar10"])
    parser.add_argument("--tier", default="lite")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    asked = parser.parse_args()
    cell = Cell(f"earlyexit/{asked.data}", asked.tier, "msdnet", 0, (), asked.out)
    harness, parts = learned(cell, roles=("model",))
    if not isinstance(harness, EarlyExitHarness):
        sys.exit(f"{cell.task} has no outputs to keep.")
    calibration, test = (
        harness.predictions(parts["model"], split) for split in ("calibration", "test")
    )
    save_reference(CACHED / f"{asked.data}.npz", calibration, test)


if __name__ == "__main__":
    main()

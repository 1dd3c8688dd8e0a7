"""Makes the bank that the environments are packaged with.

    python -m leapbench.studies.videoglance.reference --tier lite

trains AdaFocusV3 (seed 0) under `videoglance/needle`, or takes it from the artifacts under
`runs/`, and writes its outputs on some calibration and test clips into the environment's folder.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from leapbench.envs.videoglance import files, reference
from leapbench.running.cell import Cell, learned
from leapbench.tasks.videoglance import clips
from leapbench.tasks.videoglance.harness import VideoGlanceHarness

CLIPS = 300
"""Clips of each split: a bank of half a megabyte."""


def main() -> None:
    """Write the bank."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tier", default="lite")
    parser.add_argument("--model", default="adafocus-v3")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    asked = parser.parse_args()
    cell = Cell("videoglance/needle", asked.tier, asked.model, 0, (), asked.out)
    harness, parts = learned(cell, roles=("model",))
    if not isinstance(harness, VideoGlanceHarness):
        sys.exit(f"{cell.task} has no banks to keep.")
    found = {s: harness.bank(parts["model"], s).head(CLIPS) for s in reference.SPLITS}
    key = harness.protocol.seed_key
    drawn = {s: clips.footage(harness.settings, key, s) for s in reference.SPLITS}
    files.save(reference.CACHED / "needle.npz", found, drawn)


if __name__ == "__main__":
    main()

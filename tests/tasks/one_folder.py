"""ImageNet's protocol on a made folder of small pictures: a script that tests start and kill.

    python one_folder.py FOLDER OUT AGENT [SECONDS]

SECONDS are waited after each update, so that there is time to kill it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.torch import save_file

from leapbench import data
from leapbench.contract import registry
from leapbench.contract.task import Task
from leapbench.envs.latency.dynamic import build
from leapbench.results.result import Result
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.testing import standing_in

NAME = "latency/imagenet-resnet50"
NETWORK = {
    "image": [3, 32, 32],
    "classes": 3,
    "stem": 8,
    "stem_kernel": 7,
    "pool": True,
    "channels": [16, 32],
    "depths": [1, 2],
    "granularity": [4, 2],
}
UPDATES, BATCH = 50, 8


def made(folder: Path) -> Path:
    """Pictures of three classes and a file of weights, in a folder."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 11), ("val", 4)):
        for label in range(3):
            place = folder / split / f"n{label}"
            place.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 120, (32, 40, 3), np.uint8)
                pixels[8:24, 8:24, label] += 120
                Image.fromarray(pixels).save(place / f"{i}.png")
    save_file(theirs(), folder / "resnet50.safetensors")
    return folder


def theirs() -> dict[str, Any]:
    """Weights of a small network under torchvision's names."""
    names = {"stem.0.": "conv1.", "stem.1.": "bn1.", "classifier.": "fc."}
    names |= {"blocks.0.": "layer1.0.", "blocks.1.": "layer2.0.", "blocks.2.": "layer2.1."}
    found = {}
    for name, value in build(NETWORK, 5).state_dict().items():
        if ".masker." not in name:
            start = next(each for each in names if name.startswith(each))
            name = names[start] + name.removeprefix(start).replace("shortcut.", "downsample.")
            found[name] = value.contiguous()
    return found


def small() -> Task:
    """The task with a paper tier that takes seconds."""
    task = registry.task(NAME)
    paper = task.protocols["paper"]
    settings = {
        **paper.settings,
        "networks": {"full": NETWORK},
        "side": 32,
        "train": 24,
        "calibration": 9,
        "test": 10,
        "stream": 5,
        "together": 2,
        "piece": 4,
        "save_seconds": 1e-6,
    }
    train, masks = paper.phases
    short = masks.budget.model_copy(update={"limit": UPDATES * BATCH})
    changed = {
        "settings": settings,
        "presets": paper.presets | {"batch": BATCH},
        "phases": (train, masks.model_copy(update={"budget": short})),
        "evaluation": paper.evaluation.model_copy(update={"episodes": 4, "budgets": (0.7, 1.0)}),
    }
    protocols = dict(task.protocols) | {"paper": paper.model_copy(update=changed)}
    return task.model_copy(update={"protocols": protocols})


def opened(root: Path) -> Any:
    """What stands in for `data.open_folder`, which asks for all of ImageNet."""
    return lambda name, split, side: data.ImageFolder(root / split, side)


def run(out: Path, agent: str, report: Any, device: str = "cpu") -> Result:
    """The run; pictures are those of `data.open_folder`."""
    with standing_in(small()):
        return cell.run(Cell(NAME, "paper", agent, 0, (), out, device=device), report)


def main(folder: Path, out: Path, agent: str, seconds: float = 0.0, device: str = "cpu") -> None:
    """Run, slowly."""
    data.open_folder = opened(folder)

    def report(fraction: float, line: str) -> None:
        sys.stdout.write(f"{fraction:.3f} {line}\n")
        sys.stdout.flush()
        time.sleep(seconds)

    run(out, agent, report, device)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], *map(float, sys.argv[4:5]), *sys.argv[5:]
    )

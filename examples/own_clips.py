"""Glances at a folder of your own clips: <folder>/<class>/clip.mp4, or with a list file.

python examples/own_clips.py /path/to/clips adafocus-v3 random-cubes
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import leapbench as lb
from leapbench.contract import registry
from leapbench.data import video
from leapbench.envs.videoglance.dynamics import SHARES
from leapbench.envs.videoglance.networks import GlanceNetwork
from leapbench.envs.videoglance.shape import shape_of
from leapbench.tasks.videoglance.banks import costs
from leapbench.testing import standing_in


def main(
    folder: Path, agents: list[str], passes: int = 10, frames: int = 8, size: int = 64
) -> None:
    """Train on four fifths of the clips of each class; a fifth of the others at each budget."""
    os.environ["LEAPBENCH_DATA"] = str(folder.parent)
    train, test = (video.read(folder, split, 8, 64) for split in ("train", "test"))
    task, name = registry.task("videoglance/folder"), f"videoglance/{folder.name}"
    given = task.protocols["lite"]
    network = given.settings["network"] | {"classes": len(train.classes)}
    kept = {"folder": folder.name, "network": network, "calibration": len(train.labels) // 5}
    kept["stream"] = max(1, len(test.labels) // len(SHARES))
    first, look = costs(GlanceNetwork(shape_of(network), "heatmap"))
    full = first + network["looks"] * look
    limits = {"train": passes * len(train.labels), "calibrate": 20_000}
    protocol = given.model_copy(
        update={
            "task": name,
            "settings": given.settings | kept,
            "phases": tuple(
                each.model_copy(
                    update={"budget": each.budget.model_copy(update={"limit": limits[each.name]})}
                )
                for each in given.phases
            ),
            "evaluation": given.evaluation.model_copy(
                update={"budgets": tuple(int(share * full) for share in SHARES)}
            ),
        }
    )
    with standing_in(task.model_copy(update={"name": name, "protocols": {"lite": protocol}})):
        for each in lb.run(name, agents, tier="lite", out="runs"):
            print(f"{each.agent.name}: {each.metrics['accuracy']:.1%} over five budgets")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:] or ["adafocus-v3", "random-cubes"])

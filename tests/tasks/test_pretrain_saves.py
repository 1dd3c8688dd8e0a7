"""A pre-training that was killed goes on from what the runner let it save."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leapbench import data
from leapbench.contract import registry
from leapbench.contract.task import Task
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.testing import standing_in

NETWORK = {"size": 16, "patch": 4, "width": 16, "depth": 1, "heads": 2, "projector": 2}
NETWORK |= {"decoder": 1, "frozen": True}


class Killed(BaseException):
    """What stands in for the end of the process."""


def small() -> Task:
    """ImageNet's protocol, in seconds."""
    task = registry.task("pretrain/imagenet")
    paper = task.protocols["paper"]
    counts = {"train": 40, "fit": 40, "test": 20, "places_fit": 6, "places_test": 4}
    (phase,) = paper.phases
    phase = phase.model_copy(
        update={"budget": phase.budget.model_copy(update={"limit": 8 * 60 * 22})}
    )
    settings = paper.settings | {"network": NETWORK, "counts": counts, "save_seconds": 1e-6}
    changed = {"settings": settings, "phases": (phase,), "presets": {"batch": 8}}
    protocols = dict(task.protocols) | {"paper": paper.model_copy(update=changed)}
    return task.model_copy(update={"protocols": protocols})


def test_saved_and_gone_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        for label in range(10):
            place = tmp_path / split / f"n{label}"
            place.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 255, (18, 18, 3), np.uint8)
                Image.fromarray(pixels).save(place / f"{i}.png")
    monkeypatch.setattr(
        data, "open_folder", lambda name, split, size: data.ImageFolder(tmp_path / split, size)
    )
    lines: list[str] = []

    def learned(out: str, stop: str = "") -> bytes:
        def report(fraction: float, line: str) -> None:
            lines.append(line)
            if stop and stop in line:
                raise Killed

        with standing_in(small()):
            asked = Cell("pretrain/imagenet", "paper", "sim", 0, (), tmp_path / out)
            _, parts = cell.learned(asked, report=report)
        (tmp_path / out / "part").mkdir(parents=True)
        parts["agent"].save(tmp_path / out / "part")
        (weights,) = (tmp_path / out / "part").glob("*.safetensors")
        return weights.read_bytes()

    whole = learned("whole")
    with pytest.raises(Killed):
        learned("parts", "update 20 of")
    assert learned("parts") == whole
    assert any("going on after" in line for line in lines)

"""Clips of a folder of videos."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leapbench.contract import seeds
from leapbench.contract.harness import Report
from leapbench.data import video
from leapbench.data.locate import places
from leapbench.envs.videoglance.needle import Clips
from leapbench.errors import UserError
from leapbench.tasks.videoglance.splits import held_out


def load(
    settings: Mapping[str, Any], seed_key: str, salt: str = "", report: Report = video.silent
) -> dict[str, Clips]:
    """Training, calibration and test clips of the folder `settings.folder`.

    It is looked for as $LEAPBENCH_DATA/<folder>, then in the user's cache.

    Raises:
        UserError: when it is not there, or holds clips of classes that the network lacks.
    """
    network = settings["network"]
    frames, size = int(network["volume"][0]), int(network["volume"][1])
    (seed,) = seeds.stream(seed_key, "train", 1, 7, salt=salt)
    arguments = (str(settings["folder"]), frames, size, int(network["classes"]))
    train, test = _read(*arguments, report)
    return {**held_out(train, int(settings["calibration"]), seed), "test": test}


def _read(folder: str, frames: int, size: int, classes: int, report: Report) -> tuple[Clips, Clips]:
    looked = places(folder)
    root = next((path for path in looked if path.is_dir()), None)
    if root is None:
        where = "; ".join(str(path) for path in looked)
        raise UserError(
            f"There is no folder of clips {folder!r}. Looked for: {where}.",
            "export LEAPBENCH_DATA=/folder/that/holds/it",
        )
    parts = [_clips(root, split, frames, size, report) for split in ("train", "test")]
    highest = max(int(part.labels.max()) for part in parts)
    if highest >= classes:
        raise UserError(f"{root} has labels up to {highest}; the network has {classes} classes.")
    return parts[0], parts[1]


def _clips(root: Path, split: str, frames: int, size: int, report: Report) -> Clips:
    found = video.read(root, split, frames, size, report)
    return Clips(found.frames, found.labels)

"""Disjoint training, calibration and test clips of a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leapbench import data
from leapbench.contract import seeds
from leapbench.contract.harness import Report
from leapbench.data.video import silent
from leapbench.envs.videoglance import needle
from leapbench.envs.videoglance.needle import Clips, NeedleSettings
from leapbench.errors import unknown
from leapbench.tasks.videoglance.splits import held_out

KINDS = ("needle", "sprites", "folder")
SPLITS = ("train", "calibration", "test")


def load(
    settings: Mapping[str, Any], seed_key: str, salt: str = "", report: Report = silent
) -> dict[str, Clips]:
    """The clips of a protocol, by split.

    Which clips go where, and how they are drawn, depends on the protocol alone, so that
    every agent and every seed meets the same ones. Calibration clips are not trained on.

    Args:
        settings: `data` and what that kind needs; see the tasks' files.
        seed_key: entropy of the protocol.
        salt: secret of an audit, which draws every clip anew; empty for the public ones.
        report: called with the fraction decoded in [0, 1] and a short line.

    Raises:
        UserError: for an unknown kind, or data that are not there.
    """
    kind = settings["data"]
    if kind == "needle":
        return _needle(_frozen(settings), seed_key, salt)
    if kind == "sprites":
        return _sprites(_frozen(settings), seed_key, salt)
    if kind == "folder":
        from leapbench.tasks.videoglance import folder

        return folder.load(settings, seed_key, salt, report)
    raise unknown("kind of clips", str(kind), KINDS)


def _frozen(settings: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    kept = ("items", *SPLITS, "canvas")
    chosen = {k: settings[k] for k in kept if k in settings}
    drawn = tuple(sorted(settings.get("clips", {}).items()))
    return (*chosen.items(), ("clips", drawn))


def footage(settings: Mapping[str, Any], seed_key: str, split: str) -> dict[str, Any] | None:
    """What draws the frames of needle clips of digits again; None for other clips."""
    if settings["data"] != "needle" or settings["items"] != "digits":
        return None
    own = _seeds(seed_key, "")
    drawn = tuple(sorted(settings.get("clips", {}).items()))
    return {"split": split, "items_seed": own["items"], "seed": own[split], "settings": drawn}


def _seeds(seed_key: str, salt: str) -> dict[str, int]:
    names = ("items", *SPLITS)
    drawn = seeds.stream(seed_key, "train", len(names), 7, salt=salt)
    return dict(zip(names, drawn, strict=True))


@cache
def _needle(frozen: tuple[tuple[str, Any], ...], seed_key: str, salt: str) -> dict[str, Clips]:
    settings = dict(frozen)
    drawn, own = NeedleSettings(**dict(settings["clips"])), _seeds(seed_key, salt)
    items = _items(settings["items"], own["items"])
    return {
        split: needle.draw(*items[split], int(settings[split]), own[split], drawn)
        for split in SPLITS
    }


def _items(name: str, seed: int) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """What is hidden in each split: digits of scikit-learn, or a data set of grey images."""
    if name == "digits":
        images, labels = needle.digits()
        chosen = needle.parts(len(images), needle.ITEMS, seed)
        return {split: (images[at], labels[at]) for split, at in chosen.items()}
    images, labels = data.load(name, "train")
    images = images[..., 0]
    held, classes = data.load(name, "test")
    chosen = needle.parts(len(images), {"train": len(images) * 5 // 6, "calibration": 0}, seed)
    own = {split: (images[at], labels[at]) for split, at in chosen.items()}
    return own | {"test": (held[..., 0], classes)}


@cache
def _sprites(frozen: tuple[tuple[str, Any], ...], seed_key: str, salt: str) -> dict[str, Clips]:
    from leapbench.tasks.videoglance import sprites

    settings, own = dict(frozen), _seeds(seed_key, salt)
    parts = held_out(sprites.read("train"), int(settings["calibration"]), own["items"])
    parts["test"] = sprites.read("test")
    side = int(settings["canvas"])
    made = {name: sprites.placed(part, side, own[name]) for name, part in parts.items()}
    # A character fills whole clips, so that no cube holds it: tubes only help to warm up.
    return {name: c if name == "train" else c.head(len(c)) for name, c in made.items()}

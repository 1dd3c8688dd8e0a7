"""Which clips a folder of videos holds, and their classes."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from leapbench.errors import UserError

ENDINGS = (".mp4", ".webm", ".avi", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg")
LISTS = ("{split}.csv", "{split}.txt", "{split}.json", "clips.csv")
LARGEST = 200_000_000
"""Bytes of a list file."""
EVERY = 5
"""Of how many clips of a class one is of "test", where nothing says which are."""
EXPECTED = (
    "Expected folders <class>/clip.mp4 (or <split>/<class>/clip.mp4), or a list file: "
    "<split>.csv or clips.csv with columns path and label (and split), <split>.txt with lines "
    "'path label' or 'path frames label', or <split>.json as Something-Something and Diving48 "
    "have it."
)


class Entry(NamedTuple):
    """A clip.

    Attributes:
        name: path relative to the folder.
        label: class, 0 or more.
    """

    name: str
    label: int


def entries(root: Path, split: str) -> tuple[list[Entry], tuple[str, ...]]:
    """Clips of a split in the order of the list or of their names, and the classes' names.

    Args:
        root: the folder.
        split: a list file `<split>.*` wins over `clips.csv` with a column split, that over
            a folder of that name, and that over folders of classes, where every fifth clip
            of a class, by name, is of "test" and the others of "train".

    Raises:
        UserError: when there is none of these, or a list is broken.
    """
    if not root.is_dir():
        raise UserError(f"There is no folder {root}.", EXPECTED)
    for pattern in LISTS:
        file = root / pattern.format(split=split)
        if file.is_file():
            return _checked(file, _listed(file, split), root)
    base = root / split if (root / split).is_dir() else root
    classes = _classes(root, base)
    found = [
        Entry(file.relative_to(root).as_posix(), label)
        for label, name in enumerate(classes)
        for file in _of_class(base / name, split if base == root else None)
    ]
    return _checked(base, (found, classes), root)


def _classes(root: Path, base: Path) -> list[str]:
    """Names of the classes: those of the training folder, where there is one, number all splits."""
    first = root / "train" if base != root and (root / "train").is_dir() else base
    names = sorted(each.name for each in first.iterdir() if each.is_dir())
    more = sorted(each.name for each in base.iterdir() if each.is_dir())
    return names + [name for name in more if name not in names]


def _of_class(folder: Path, split: str | None) -> list[Path]:
    """Clips of one class, by name; a part of them where one folder holds several splits."""
    if not folder.is_dir():
        return []
    clips = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS)
    if split == "test":
        return clips[EVERY - 1 :: EVERY]
    return [clip for i, clip in enumerate(clips) if split != "train" or (i + 1) % EVERY]


def _checked(
    where: Path, found: tuple[list[Entry], Sequence[str]], root: Path
) -> tuple[list[Entry], tuple[str, ...]]:
    clips, names = found
    if not clips:
        raise UserError(f"{where} names no clips.", EXPECTED)
    for each in clips:
        path = PurePosixPath(each.name)
        if path.is_absolute() or ".." in path.parts:
            raise UserError(f"{where} names {each.name}, which is outside {root}.")
    count = max(each.label for each in clips) + 1
    return clips, tuple(names) or tuple(str(i) for i in range(count))


def _listed(file: Path, split: str) -> tuple[list[Entry], Sequence[str]]:
    if file.stat().st_size > LARGEST:
        raise UserError(f"{file} is too large for a list of clips.")
    try:
        if file.suffix == ".json":
            return _json(file)
        if file.suffix == ".csv":
            return _csv(file, split)
        return _lines(file), ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{file} is no list of clips: {error!r}.", EXPECTED) from error


def _csv(file: Path, split: str) -> tuple[list[Entry], Sequence[str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row.get("split", split) == split]
    names = {int(row["label"]): row["class"] for row in rows if row.get("class")}
    classes = [names.get(i, str(i)) for i in range(max(names, default=-1) + 1)]
    return [Entry(row["path"], _label(row["label"])) for row in rows], classes


def _lines(file: Path) -> list[Entry]:
    """Lines "path label" or "path frames label"."""
    words = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    return [Entry(" ".join(w[: -1 if len(w) < 3 else -2]), _label(w[-1])) for w in words if w]


def _json(file: Path) -> tuple[list[Entry], Sequence[str]]:
    """Something-Something: id and template; Diving48: vid_name and label."""
    rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    if rows and "vid_name" in rows[0]:
        return [Entry(_file(file, str(r["vid_name"])), _label(r["label"])) for r in rows], ()
    known = file.with_name("labels.json")
    templates = [str(r["template"]).replace("[", "").replace("]", "") for r in rows]
    if known.is_file():
        numbers = {k: int(v) for k, v in json.loads(known.read_text(encoding="utf-8")).items()}
    else:
        numbers = {name: i for i, name in enumerate(sorted(set(templates)))}
    clips = [
        Entry(_file(file, str(row["id"])), numbers[name])
        for row, name in zip(rows, templates, strict=True)
    ]
    return clips, sorted(numbers, key=lambda name: numbers[name])


def _file(beside: Path, stem: str) -> str:
    """The clip of that name beside the list or in its folder `videos`; "<stem>.mp4" if none."""
    for folder in ("", "videos/"):
        for ending in ENDINGS:
            if (beside.parent / f"{folder}{stem}{ending}").is_file():
                return f"{folder}{stem}{ending}"
    return f"{stem}.mp4"


def _label(value: Any) -> int:
    label = int(value)
    if label < 0:
        raise ValueError(f"label {label}")
    return label

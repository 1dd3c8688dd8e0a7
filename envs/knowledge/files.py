"""Knowledge in the files that people have: COCO, Visual Genome, ConceptNet, triplets of images."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from leapbench.errors import UserError

PICTURES = (".jpg", ".jpeg", ".png")
LARGEST = 20_000_000
"""Lines, or entries, that are read of a file."""
LANGUAGE = "/c/en/"

Triplet = tuple[str, str, str]


class Region(NamedTuple):
    """A box of a picture, in its pixels; the whole picture where width and height are 0."""

    picture: str
    left: float = 0.0
    top: float = 0.0
    width: float = 0.0
    height: float = 0.0


class Fact(NamedTuple):
    """A triplet of regions, or of a region and words."""

    head: Region
    relation: str
    tail: Region | str


def coco_captions(path: Path) -> list[tuple[str, str]]:
    """Name of a picture, and a caption, for each entry of COCO's `captions_*.json`.

    Raises:
        UserError: when the file is none.
    """
    read = _json(path)
    try:
        names = {int(each["id"]): str(each["file_name"]) for each in read["images"]}
        said = [(names[int(a["image_id"])], str(a["caption"])) for a in read["annotations"]]
    except (KeyError, TypeError, ValueError) as error:
        raise _odd(
            path, "COCO's captions: images with id and file_name, annotations", error
        ) from error
    return said[:LARGEST]


def visual_genome(path: Path) -> list[Fact]:
    """Triplets of Visual Genome's `relationships.json` or `attributes.json`.

    A picture is its number with ".jpg". Attributes are triplets "is" of a region and words.

    Raises:
        UserError: when the file is neither.
    """
    facts: list[Fact] = []
    try:
        for entry in _json(path):
            name = f"{int(entry['image_id'])}.jpg"
            for each in entry.get("relationships", ()):
                ends = (_box(name, each["subject"]), _box(name, each["object"]))
                facts.append(Fact(ends[0], _plain(each["predicate"]), ends[1]))
            for each in entry.get("attributes", ()):
                place = _box(name, each)
                facts += [Fact(place, "is", _plain(word)) for word in each.get("attributes") or ()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        wanted = "Visual Genome's: image_id with relationships or attributes"
        raise _odd(path, wanted, error) from error
    return facts[:LARGEST]


def conceptnet(path: Path) -> list[Triplet]:
    """English triplets of ConceptNet's assertions, five columns between tabs; `.gz` or not.

    Raises:
        UserError: when a line is none.
    """
    rows: list[Triplet] = []
    for number, line in _lines(path):
        row = line.split("\t")
        if len(row) != 5 or not row[1].startswith("/r/"):
            raise UserError(
                f"{path}, line {number}: expected ConceptNet's five columns between tabs, the "
                f"second /r/..., got {line[:60]!r}."
            )
        if row[2].startswith(LANGUAGE) and row[3].startswith(LANGUAGE):
            head, tail = (each.removeprefix(LANGUAGE).split("/")[0] for each in row[2:4])
            rows.append((_plain(head), _plain(row[1].removeprefix("/r/")), _plain(tail)))
    return rows


def triplets(path: Path) -> tuple[list[Fact], list[Triplet]]:
    """Head, relation and tail between tabs: of a picture, named by its file, or of words alone.

    Raises:
        UserError: when a line is no triplet, or a picture is the tail of a word.
    """
    facts: list[Fact] = []
    words: list[Triplet] = []
    for number, line in _lines(path):
        row = line.split("\t")
        shown = [each.lower().endswith(PICTURES) for each in row]
        if len(row) != 3 or not all(row) or shown[1] or (len(row) == 3 and shown[2] > shown[0]):
            raise UserError(
                f"{path}, line {number}: expected head, relation and tail between tabs, a "
                f"picture first, got {line[:60]!r}."
            )
        head, relation, tail = row
        if shown[0]:
            end = Region(tail) if shown[2] else _plain(tail)
            facts.append(Fact(Region(head), _plain(relation), end))
        else:
            words.append((_plain(head), _plain(relation), _plain(tail)))
    return facts, words


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON file: {error}.") from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:  # type: ignore[operator]
            for number, line in enumerate(file, 1):
                if number > LARGEST:
                    raise UserError(f"{path} has more than {LARGEST:,} lines.")
                yield number, line.rstrip("\r\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from error


def _box(name: str, each: Any) -> Region:
    left, top = float(each["x"]), float(each["y"])
    width, height = (float(each[k] if k in each else each[k[0]]) for k in ("width", "height"))
    return Region(name, left, top, max(1.0, width), max(1.0, height))


def _plain(text: Any) -> str:
    return " ".join(str(text).lower().replace("_", " ").split())


def _odd(path: Path, wanted: str, error: Exception) -> UserError:
    return UserError(f"{path}: expected {wanted}; {type(error).__name__} {error}.")

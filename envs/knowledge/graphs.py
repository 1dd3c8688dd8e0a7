"""Graphs of facts alone: read from their usual files, or drawn."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leapbench.envs.knowledge.drawing import Ints
from leapbench.errors import UserError

SPLITS = ("train", "valid", "test")
ENDINGS = (".tsv.gz", ".txt.gz", ".tsv", ".txt")
LARGEST = 20_000_000
"""Triplets of a file, at most."""
EDGE = 14
"""Places of a drawn graph are a square of so many rows and columns."""
STEPS, DISTRICTS, NEAR = 4, (3, 4), 2
"""Relations of each kind; a kind of district divides the square into n x n of them."""
TOLD, ODD = 0.7, 0.05
"""Share of facts that are told at all, and of those whose tail is any."""


@dataclass(frozen=True)
class Graph:
    """Triplets of entities 0 to E - 1 and relations 0 to R - 1.

    Attributes:
        entities: names, E of them.
        relations: names, R of them.
        train: int64 (N, 3), head, relation, tail; each once.
        valid: int64 (M, 3).
        test: int64 (K, 3), whose entities and relations occur in `train`.
        dropped: test triplets that were left out, as their entities do not.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    train: Ints
    valid: Ints
    test: Ints
    dropped: int = 0


def read(folder: Path) -> Graph:
    """Read train, valid and test files, a line a triplet: head, relation and tail between tabs.

    So come UMLS, Kinships and Nations with pykeen, and WN18RR and FB15k-237; `.gz` or not.

    Raises:
        UserError: when a file is absent, or a line is no triplet.
    """
    rows = {split: list(_lines(_file(folder, split))) for split in SPLITS}
    known = {
        name: i for i, name in enumerate(sorted({e for h, _, t in rows["train"] for e in (h, t)}))
    }
    verbs = {name: i for i, name in enumerate(sorted({r for _, r, _ in rows["train"]}))}
    kept = {
        split: [
            (known[h], verbs[r], known[t])
            for h, r, t in rows[split]
            if h in known and t in known and r in verbs
        ]
        for split in SPLITS
    }
    if not kept["test"]:
        raise UserError(f"{folder}: no triplet of the test file has entities of the train file.")
    train, valid, test = (
        np.unique(np.array(kept[s], np.int64).reshape(-1, 3), axis=0) for s in SPLITS
    )
    dropped = len(rows["test"]) - len(kept["test"])
    return Graph(tuple(known), tuple(verbs), train, valid, test, dropped)


def drawn(seed: int) -> Graph:
    """A graph of places in a square, with rules of three kinds.

    Four relations are steps, each a distance of its own, that lead to one place. Two name
    the district, a few entities that are the tail of many. Two hold between places at some
    distance in either direction. Some facts are odd.

    Args:
        seed: 0 or more; the same bytes for the same seed.
    """
    rng = np.random.default_rng([seed, 5])
    x, y = np.divmod(np.arange(EDGE**2), EDGE)
    rows, entities = [], EDGE**2
    moves = rng.permutation([(a, b) for a in range(-4, 5) for b in range(-4, 5) if (a, b) > (0, 0)])
    for verb, (a, b) in enumerate(moves[: STEPS + NEAR].tolist()):
        inside = (x + a >= 0) & (x + a < EDGE) & (y + b >= 0) & (y + b < EDGE)
        head, tail = np.flatnonzero(inside), ((x + a) * EDGE + y + b)[inside]
        rows += [(head, verb, tail)] + ([(tail, verb, head)] if verb >= STEPS else [])
    for verb, side in enumerate(DISTRICTS, STEPS + NEAR):
        rows.append((x * EDGE + y, verb, entities + x * side // EDGE * side + y * side // EDGE))
        entities += side**2
    facts = np.concatenate([np.stack([h, np.full(len(h), verb), t], axis=1) for h, verb, t in rows])
    facts = facts[rng.random(len(facts)) < TOLD]
    odd = rng.random(len(facts)) < ODD
    facts[odd, 2] = rng.integers(entities, size=int(odd.sum()))
    facts = np.unique(facts, axis=0)[rng.permutation(len(np.unique(facts, axis=0)))]
    parts = np.split(facts, [int(0.8 * len(facts)), int(0.9 * len(facts))])
    there = np.unique(parts[0][:, [0, 2]])
    valid, test = (part[np.isin(part[:, [0, 2]], there).all(1)] for part in parts[1:])
    names = tuple(f"entity-{i}" for i in range(entities))
    verbs = tuple(f"relation-{i}" for i in range(STEPS + NEAR + len(DISTRICTS)))
    return Graph(names, verbs, parts[0], valid, test, len(parts[2]) - len(test))


def _file(folder: Path, split: str) -> Path:
    for ending in ENDINGS:
        if (path := folder / f"{split}{ending}").is_file():
            return path
    raise UserError(
        f"{folder} has no {split}.tsv.",
        f"A graph is train, valid and test, each with one of {', '.join(ENDINGS)}.",
    )


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:  # type: ignore[operator]
            for number, line in enumerate(file, 1):
                row = line.rstrip("\r\n").split("\t")
                if len(row) != 3 or not all(row) or number > LARGEST:
                    raise UserError(
                        f"{path}, line {number}: expected head, relation and tail between tabs, "
                        f"got {line[:60].strip()!r}."
                    )
                yield row[0], row[1], row[2]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from error

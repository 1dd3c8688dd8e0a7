"""Knowledge of a folder of files, drawn as that of a world is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from leapbench.envs.knowledge import files
from leapbench.envs.knowledge.batches import Batch, joined, written
from leapbench.envs.knowledge.drawing import GREY, SIDE, Pixels
from leapbench.envs.knowledge.files import PICTURES, Fact, Region, Triplet
from leapbench.envs.knowledge.words import PAIRED, TOKENS, Tokens
from leapbench.errors import UserError

MOST = 8192
"""Words of a vocabulary; the rarest are left out of texts."""
READERS = ("captions*.json", "relationships.json", "attributes.json", "conceptnet*.csv*", "*.tsv")


class Recorded:
    """Pictures and triplets of a folder: whatever of COCO, Visual Genome and others is there.

    Pictures lie in it or in its folder `images`. They are read at 32 x 32 pixels when they
    are drawn; a region stays where it is on an empty ground.

    Args:
        folder: that has some of `captions*.json` (COCO), `relationships.json` and
            `attributes.json` (Visual Genome), `conceptnet*.csv` (or `.gz`), and `*.tsv` of
            triplets.

    Attributes:
        vocabulary: number of each word; "" is 0.
        relations: names of those that are classified (Eq 10), in the order of the classes.
        size: how much there is of each source.

    Raises:
        UserError: for files that are no such, pictures that are not there, or none at all.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pairs: list[tuple[str, str]] = []
        facts: list[Fact] = []
        self._language: list[Triplet] = []
        for pattern in READERS:
            for path in sorted(folder.glob(pattern)):
                if pattern.startswith("captions"):
                    self._pairs += files.coco_captions(path)
                elif path.suffix == ".json":
                    facts += files.visual_genome(path)
                elif pattern.startswith("conceptnet"):
                    self._language += files.conceptnet(path)
                else:
                    shown, told = files.triplets(path)
                    facts, self._language = facts + shown, self._language + told
        self._scene = [fact for fact in facts if isinstance(fact.tail, Region)]
        self._attribute = [fact for fact in facts if isinstance(fact.tail, str)]
        self.size = {name: len(rows) for name, rows in self._rows().items()}
        if not any(self.size.values()):
            raise UserError(f"{folder} has none of {', '.join(READERS)} with anything in it.")
        verbs = Counter([fact.relation for fact in facts] + [row[1] for row in self._language])
        self.relations = tuple(sorted(verbs))
        self.vocabulary = _vocabulary(self._texts())
        self._place = self._pictures()

    def draw(self, counts: Mapping[str, int], rng: np.random.Generator) -> Batch:
        """A batch of several sources; see `leapbench.envs.knowledge.sources.Sources.draw`.

        Raises:
            UserError: for a source that the folder does not have.
        """
        parts = []
        for name, count in counts.items():
            if not count:
                continue
            if not self.size.get(name):
                there = ", ".join(source for source, size in self.size.items() if size)
                raise UserError(f"{self.folder} has nothing of {name!r}; it has {there}.")
            rows = self._rows()[name]
            some = [rows[int(i)] for i in rng.integers(len(rows), size=count)]
            parts.append(self._captioned(some, rng) if name == "pairs" else self._linked(some))
        return joined(parts) if parts else Batch()

    def texts(self, said: Sequence[str]) -> Tokens:
        """Texts as numbers, int64 (N, TOKENS); words that are unknown are left out."""
        out = np.zeros((len(said), TOKENS), np.int64)
        for row, text in zip(out, said, strict=True):
            known = [self.vocabulary[w] for w in _words(text) if w in self.vocabulary][:TOKENS]
            row[: len(known)] = known
        return out

    def region(self, region: Region) -> Pixels:
        """A picture, or what is in a box of it where it is, uint8 (32, 32, 3).

        Raises:
            UserError: when it cannot be read.
        """
        path = self._place[region.picture]
        try:
            with Image.open(path) as file:
                wide, high = file.size
                small = np.asarray(file.convert("RGB").resize((SIDE, SIDE)), np.uint8)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise UserError(f"{path} cannot be read as a picture: {error}.") from error
        if not region.width:
            return small
        x, y = SIDE / wide, SIDE / high
        left, top = min(int(region.left * x), SIDE - 1), min(int(region.top * y), SIDE - 1)
        right = max(left + 1, round((region.left + region.width) * x))
        bottom = max(top + 1, round((region.top + region.height) * y))
        out = np.full((SIDE, SIDE, 3), GREY, np.uint8)
        out[max(0, top) : bottom, max(0, left) : right] = small[
            max(0, top) : bottom, max(0, left) : right
        ]
        return out

    def _rows(self) -> dict[str, Sequence[tuple[object, ...]]]:
        return {
            "pairs": self._pairs,
            "scene": self._scene,
            "attribute": self._attribute,
            "language": self._language,
        }

    def _captioned(self, some: Sequence[tuple[object, ...]], rng: np.random.Generator) -> Batch:
        count = len(some)
        pairs = np.stack([np.arange(count), np.arange(count) + count], axis=1)
        images = np.stack([self.region(Region(str(name))) for name, _ in some])
        batch = Batch(images, self.texts([str(said) for _, said in some]), pairs)
        return written(batch, self.texts(PAIRED), rng)

    def _linked(self, some: Sequence[tuple[object, ...]]) -> Batch:
        """Triplets of which equal regions, words and relations are there once."""
        ends = [end for head, _, tail in some for end in (head, tail)]
        shown = list(dict.fromkeys(end for end in ends if isinstance(end, Region)))
        said = list(dict.fromkeys(end for end in ends if isinstance(end, str)))
        place = {end: i for i, end in enumerate([*shown, *said])}
        verbs = list(dict.fromkeys(str(row[1]) for row in some))
        images = [self.region(region) for region in shown]
        return Batch(
            np.stack(images) if images else np.zeros((0, SIDE, SIDE, 3), np.uint8),
            self.texts(said),
            heads=np.array([place[row[0]] for row in some]),  # type: ignore[index]
            relations=np.array([verbs.index(str(row[1])) for row in some]),
            tails=np.array([place[row[2]] for row in some]),  # type: ignore[index]
            verbs=self.texts(verbs),
            classes=np.array([self.relations.index(str(row[1])) for row in some]),
        )

    def _texts(self) -> Iterable[str]:
        yield from PAIRED
        yield from self.relations
        yield from (said for _, said in self._pairs)
        yield from (str(fact.tail) for fact in self._attribute)
        yield from (end for head, _, tail in self._language for end in (head, tail))

    def _pictures(self) -> dict[str, Path]:
        """Where each picture lies that something is said about."""
        ends = [end for fact in (*self._scene, *self._attribute) for end in (fact.head, fact.tail)]
        named = {name for name, _ in self._pairs}
        named |= {end.picture for end in ends if isinstance(end, Region)}
        found = {}
        for name in sorted(named):
            inside = Path(name).name == name and name.lower().endswith(PICTURES)
            looked = [self.folder / name, self.folder / "images" / name] if inside else []
            there = next((path for path in looked if path.is_file()), None)
            if there is None:
                raise UserError(
                    f"{self.folder} has no picture {name[:80]!r}, of which its files speak.",
                    "Put pictures there, or into its folder images.",
                )
            found[name] = there
        return found


def _words(text: str) -> list[str]:
    kept = "".join(c if c.isalnum() or c == "-" else " " for c in text.lower())
    return kept.split()


def _vocabulary(texts: Iterable[str]) -> dict[str, int]:
    """Words by how often they occur, those of pairs first; "" is 0."""
    often = Counter(word for text in texts for word in _words(text))
    ranked = sorted(often, key=lambda word: (word not in PAIRED, -often[word], word))
    return {"": 0} | {word: i for i, word in enumerate(ranked[: MOST - 1], 1)}

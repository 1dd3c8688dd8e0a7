"""Files of COCO, Visual Genome, ConceptNet and triplets of images, and what is no such file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from leapbench.envs.knowledge.drawing import GREY
from leapbench.envs.knowledge.files import Region
from leapbench.envs.knowledge.network import Clip, Shape
from leapbench.envs.knowledge.recorded import Recorded
from leapbench.envs.knowledge.training import Trainer
from leapbench.errors import UserError

COCO = {
    "images": [{"id": 7, "file_name": "7.jpg"}, {"id": 8, "file_name": "8.jpg"}],
    "annotations": [
        {"image_id": 7, "caption": "A red dog, left of a cat."},
        {"image_id": 8, "caption": "A cat"},
    ],
}
DOG = {"x": 0, "y": 0, "w": 32, "h": 64, "names": ["dog"]}
CAT = {"x": 32, "y": 0, "w": 32, "h": 64, "name": "cat"}
LINKS = [
    {
        "image_id": 7,
        "relationships": [
            {"predicate": "LEFT OF", "subject": DOG, "object": CAT},
            {"predicate": "right of", "subject": CAT, "object": DOG},
        ],
    }
]
SAID = [{"image_id": 7, "attributes": [{**DOG, "attributes": ["red", "old"]}, CAT]}]
CONCEPTS = (
    "/a/1\t/r/IsA\t/c/en/dog/n\t/c/en/animal\t{}\n"
    "/a/2\t/r/Antonym\t/c/en/hot_dog\t/c/en/cat\t{}\n"
    "/a/3\t/r/IsA\t/c/de/hund\t/c/en/animal\t{}\n"
)
TRIPLETS = "8.jpg\tshows\tcat\n7.jpg\tlike\t8.jpg\ncat\tis-a\tanimal\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in ("7.jpg", "8.jpg"):
        pixels = np.zeros((64, 64, 3), np.uint8)
        pixels[:, :32] = 250
        Image.fromarray(pixels).save(tmp_path / "images" / name)
    (tmp_path / "captions_train.json").write_text(json.dumps(COCO))
    (tmp_path / "relationships.json").write_text(json.dumps(LINKS))
    (tmp_path / "attributes.json").write_text(json.dumps(SAID))
    (tmp_path / "conceptnet.csv").write_text(CONCEPTS)
    (tmp_path / "triplets.tsv").write_text(TRIPLETS)
    return tmp_path


def test_everything_that_is_there_is_read(folder: Path) -> None:
    known = Recorded(folder)
    assert known.size == {"pairs": 2, "scene": 3, "attribute": 3, "language": 3}
    wanted = ("antonym", "is", "is-a", "isa", "left of", "like", "right of", "shows")
    assert known.relations == wanted
    read = {number: word for word, number in known.vocabulary.items()}
    assert [read[int(t)] for t in known.texts(["A red dog, unheard of"])[0] if t] == [
        *("a", "red", "dog", "of")
    ]


def test_a_region_stays_where_it_is(folder: Path) -> None:
    cat = Recorded(folder).region(Region("7.jpg", 32, 0, 32, 64))
    assert (cat[:, :16] == GREY).all()
    assert (cat[:, 18:] < 30).all()


def test_what_is_drawn_is_learned_from_as_a_world_is(folder: Path) -> None:
    known, rng, shape = Recorded(folder), np.random.default_rng(0), Shape(8, 1, 1, 8, 1)
    counts = {"pairs": 4, "scene": 6, "attribute": 4, "language": 4}
    batch, again = known.draw(counts, rng), Recorded(folder).draw(counts, np.random.default_rng(0))
    assert batch.images.tobytes() == again.images.tobytes()
    assert len(batch.heads) == 18
    assert len(batch.pairs) == 4
    torch.manual_seed(0)
    clip = Clip(len(known.vocabulary), shape)
    trainer = Trainer(clip, shape=shape, classes=len(known.relations))
    found = trainer.update(batch, 0.5)
    assert set(found) == {"e2e", "e2r", "g2e", "kd"}
    assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("captions_train.json", "{", "is no JSON file"),
        ("captions_train.json", "[" * 100_000, "is no JSON file"),
        ("captions_train.json", "[1]", "expected COCO's captions"),
        (
            "captions_train.json",
            '{"images": [], "annotations": [{"image_id": 1}]}',
            "expected COCO",
        ),
        ("relationships.json", '[{"relationships": []}]', "expected Visual Genome's"),
        (
            "attributes.json",
            '[{"image_id": 7, "attributes": [{"x": 1}]}]',
            "expected Visual Genome",
        ),
        ("conceptnet.csv", "dog\tis\tanimal\n", "line 1: expected ConceptNet's five columns"),
        ("triplets.tsv", "a b c\n", "line 1: expected head, relation and tail"),
        ("triplets.tsv", "cat\tin\t7.jpg\n", "a picture first"),
        ("triplets.tsv", "9.jpg\tshows\tcat\n", "no picture '9.jpg'"),
        ("triplets.tsv", "../images/7.jpg\tshows\tcat\n", "no picture"),
        ("images/7.jpg", "no picture", "cannot be read as a picture"),
    ],
)
def test_bad_files_are_told_in_one_line(folder: Path, name: str, text: str, said: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(UserError, match=said) as told:
        Recorded(folder).draw({"pairs": 20}, np.random.default_rng(0))
    assert "\n" not in str(told.value)


def test_what_is_not_there_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has nothing of 'negatives'; it has pairs"):
        Recorded(folder).draw({"negatives": 1}, np.random.default_rng(0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has none of captions"):
        Recorded(tmp_path / "empty")

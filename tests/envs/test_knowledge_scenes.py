"""Worlds of scenes: what is said of them is true, and the same seed gives the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from leapbench.envs.knowledge import questions, scenes
from leapbench.envs.knowledge.batches import NO_CLASS, SOURCES
from leapbench.envs.knowledge.drawing import GREY
from leapbench.envs.knowledge.network import CLASSES
from leapbench.envs.knowledge.questions import ANSWERS, BEGINS, KINDS_OF_QUESTIONS
from leapbench.envs.knowledge.scenes import OBJECTS, Scenes
from leapbench.envs.knowledge.sources import (
    Sources,
    arguments_swapped,
    attributes_swapped,
    relation_turned,
)
from leapbench.envs.knowledge.words import GROUPS, INVERSE, RELATIONS, SIZES, Words


@pytest.fixture(scope="module")
def world() -> Scenes:
    return scenes.make(3, 200)


def test_a_seed_gives_the_same_bytes(world: Scenes) -> None:
    again = scenes.make(3, 200)
    assert world.images.tobytes() == again.images.tobytes()
    assert world.captions.tobytes() == again.captions.tobytes()
    other = scenes.make(3, 200, split=1)
    assert other.words == world.words
    assert other.images.tobytes() != world.images.tobytes()


def test_worlds_have_words_of_their_own() -> None:
    several = [Words.draw(seed) for seed in range(6)]
    assert len({words.order for words in several}) == 6
    assert len({words.category_of_colour for words in several}) > 1
    for words in several:
        assert sorted(words.number.values()) == list(range(words.count))


def test_objects_stand_as_the_relation_says(world: Scenes) -> None:
    found = scenes.between(world.centre[:, 0], world.centre[:, 1])
    assert (found == world.relation).all()


def test_captions_say_what_is_there(world: Scenes) -> None:
    words = world.words
    for i in range(len(world)):
        said = words.read(world.captions[i]).split()
        assert not set(said) & set(GROUPS)
        front = said[: said.index("no") - 1] if "no" in said else said
        verb = next(k for k, word in enumerate(front) if word in RELATIONS)
        ends = [set(front[:verb]), set(front[verb + 1 :])]
        true = [
            {words.colours[world.colour[i, j]], words.shapes[world.shape[i, j]]} for j in (0, 1)
        ]
        relation = RELATIONS.index(front[verb])
        if true[0] <= ends[0] and true[1] <= ends[1] and relation == world.relation[i]:
            continue
        assert true[1] <= ends[0]
        assert true[0] <= ends[1]
        assert relation == INVERSE[world.relation[i]]


def test_what_is_denied_is_not_there(world: Scenes) -> None:
    denied = scenes.absent(world, np.random.default_rng(0))
    names = world.words.names
    for i, (colour, shape) in enumerate(denied):
        there = {
            (world.words.colours[world.colour[i, j]], world.words.shapes[world.shape[i, j]])
            for j in range(OBJECTS)
            if world.present[i, j]
        }
        assert (names[colour], names[shape]) not in there


def test_a_region_is_one_object_in_its_place(world: Scenes) -> None:
    rows = np.arange(20)
    regions = world.regions(rows, np.zeros_like(rows))
    for i, region in enumerate(regions):
        y, x = np.nonzero((region != GREY).any(-1))
        assert abs(x.mean() - world.centre[i, 0, 0]) < 2.5
        assert abs(y.mean() - world.centre[i, 0, 1]) < 2.5


def test_edges_are_every_pair_of_objects(world: Scenes) -> None:
    edges = world.edges()
    assert len(edges) == (world.present.sum(1) * (world.present.sum(1) - 1)).sum()
    first = edges[(edges[:, 1] == 0) & (edges[:, 3] == 1)]
    assert (first[:, 2] == world.relation[first[:, 0]]).all()


@pytest.mark.parametrize("kind", KINDS_OF_QUESTIONS)
def test_questions_have_an_answer_of_their_kind(world: Scenes, kind: str) -> None:
    asked = questions.ask(world, kind, np.random.default_rng(0))
    begin = int(BEGINS[kind])
    later = [int(b) for b in BEGINS.values() if b > begin]
    assert asked.answers.min() >= begin
    assert asked.answers.max() < min([*later, ANSWERS])
    assert len(np.unique(asked.answers)) > 1


def test_size_questions_are_answered_truly(world: Scenes) -> None:
    asked = questions.ask(world, "size", np.random.default_rng(0))
    for row, text, answer in zip(asked.scenes, asked.texts, asked.answers, strict=True):
        *_, colour, shape = world.words.read(text).split()
        sizes = {
            int(world.size[row, j])
            for j in range(OBJECTS)
            if world.present[row, j]
            and world.words.colours[world.colour[row, j]] == colour
            and world.words.shapes[world.shape[row, j]] == shape
        }
        assert answer - BEGINS["size"] in sizes
        assert len(SIZES) == 2


def test_wrong_captions_are_wrong_in_one_way() -> None:
    words = Words.draw(0)
    red, blue, a, b = words.colours[0], words.colours[1], words.shapes[0], words.shapes[1]
    caption = words.text("small", red, a, "above", blue, b, "and", "no", red, b)
    said = [
        words.read(change(words, caption))
        for change in (attributes_swapped, arguments_swapped, relation_turned)
    ]
    assert said == [
        f"small {blue} {a} above {red} {b} and no {red} {b}",
        f"{blue} {b} above small {red} {a} and no {red} {b}",
        f"small {red} {a} below {blue} {b} and no {red} {b}",
    ]


@pytest.mark.parametrize("source", SOURCES)
def test_sources_give_what_was_asked_for(source: str) -> None:
    sources = Sources(1, 40)
    batch = sources.draw({source: 12}, np.random.default_rng(0))
    graph = source not in ("pairs", "negatives")
    assert len(batch.heads) == 12
    assert batch.graph.all() == graph
    assert (batch.classes[~batch.graph] == NO_CLASS).all()
    assert len(batch.pairs) == (0 if graph else 12)
    assert len(batch.wrong) == (12 if source == "negatives" else 0)
    assert max(batch.heads.max(), batch.tails.max()) < len(batch.images) + len(batch.texts)


def test_joined_triplets_stay_what_they_were() -> None:
    sources, rng = Sources(1, 40), np.random.default_rng(0)
    batch = sources.draw({"pairs": 4, "attribute": 8, "language": 8}, rng)
    words, images = sources.words, len(batch.images)
    facts = {(h, r, t) for h, r, t in words.facts}
    told = 0
    for head, relation, tail, kind in zip(
        batch.heads, batch.relations, batch.tails, batch.classes, strict=True
    ):
        verb = words.read(batch.verbs[relation])
        if kind == NO_CLASS:
            assert (head < images) != (tail < images)
            continue
        assert verb == CLASSES[kind]
        if head >= images:
            told += 1
            ends = [words.read(batch.texts[end - images]) for end in (head, tail)]
            assert (ends[0], verb, ends[1]) in facts
    assert told == 8
    assert len(np.unique(batch.texts, axis=0)) == len(batch.texts)

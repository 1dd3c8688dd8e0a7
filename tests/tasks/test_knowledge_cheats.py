"""Points without knowledge: places of rows, memory between calls, unpaid triplets."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import leapbench  # noqa: F401
from leapbench.agents.knowledge.common.method import Method
from leapbench.agents.knowledge.repair.policy import Repair
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.envs.knowledge import scenes
from leapbench.envs.knowledge.network import Shape
from leapbench.envs.knowledge.probes import Effort
from leapbench.envs.knowledge.sources import Sources
from leapbench.errors import InvalidOutput, UserError
from leapbench.tasks.knowledge.asked import Asked
from leapbench.tasks.knowledge.data import MeteredKnowledge
from leapbench.tasks.knowledge.harness import KnowledgeHarness, probed

BOUND = 0.16
"""Far above chance, for 256 scenes."""


class Blind:
    """Knows neither pictures nor words."""

    def __init__(self) -> None:
        self.calls = 0
        self.rng = np.random.default_rng(0)

    def tokens(self, images: np.ndarray) -> np.ndarray:
        return self.rng.normal(size=(len(images), 16, 4))

    def words(self, texts: np.ndarray) -> np.ndarray:
        return self.rng.normal(size=(len(texts), 4))

    def scores(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        return self.rng.normal(size=(len(images), len(texts)))


class SamePlace(Blind):
    """A text belongs to the picture in its place, and what is asked first is true."""

    def scores(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
        self.calls += 1
        return np.eye(len(images), len(texts)) / self.calls


class Remembering(Blind):
    """Answers within a question's features: its place tells which picture it is about."""

    def __init__(self, *known: scenes.Scenes) -> None:
        super().__init__()
        self.known = {
            image.tobytes(): (each, i) for each in known for i, image in enumerate(each.images)
        }
        self.last: list[bytes] = []

    def tokens(self, images: np.ndarray) -> np.ndarray:
        self.last = [image.tobytes() for image in images]
        return super().tokens(images)

    def words(self, texts: np.ndarray) -> np.ndarray:
        count = len(self.last)
        places = (np.arange(len(texts)) - len(texts) % count) % count
        pairs = zip(places.tolist(), texts, strict=True)
        return np.stack([self.size(self.last[place], text) for place, text in pairs])

    def size(self, image: bytes, text: np.ndarray) -> np.ndarray:
        """What the object that is asked for has, one-hot, or zeros."""
        if image not in self.known:
            return np.zeros(2)
        each, i = self.known[image]
        colours, shapes = each.words.ids(each.words.colours), each.words.ids(each.words.shapes)
        named = np.isin(colours[each.colour[i]], text) & np.isin(shapes[each.shape[i]], text)
        return np.eye(2)[each.size[i][named][0]] if named.any() else np.zeros(2)


def score(part: object, count: int = 256) -> dict[str, float]:
    learned, held = scenes.make(5, 400, 1), scenes.make(5, count, 2)
    rng = np.random.default_rng(0)
    row = probed(Asked(part), learned, held, rng, Effort(400, 60))  # type: ignore[arg-type]
    task = registry.task("knowledge/scenes").protocols["smoke"]
    return dict(KnowledgeHarness.metrics(task, [{**row, "start": 0.0}]))


def test_places_of_rows_are_worth_nothing() -> None:
    found = score(SamePlace())
    assert found["score"] < BOUND
    assert found["retrieval"] < 0.05
    for kind in ("attributes_swapped", "arguments_swapped", "relation_turned", "negation_caption"):
        assert abs(found[kind] - 0.5) < BOUND


def test_words_are_not_told_whose_question_they_are() -> None:
    found = score(Remembering(scenes.make(5, 400, 1), scenes.make(5, 256, 2)))
    assert abs(found["size"] - 0.5) < BOUND


def test_what_a_part_writes_into_is_a_copy() -> None:
    class Overwriting(Blind):
        def scores(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
            images[:], texts[:] = 0, 0
            return super().scores(images, texts)

    images, texts = np.ones((2, 32, 32, 3), np.uint8), np.ones((2, 14), np.int64)
    Asked(Overwriting()).scores(images, texts)  # type: ignore[arg-type]
    assert images.all()
    assert texts.all()


def test_a_part_sees_each_row_once_and_in_an_order_that_says_nothing() -> None:
    seen: list[np.ndarray] = []

    class Watching(Blind):
        def scores(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
            seen.append(texts.copy())
            return texts[:, 0][None].repeat(len(images), 0).astype(np.float32)

    images = np.arange(3, dtype=np.uint8).repeat(32 * 32 * 3).reshape(3, 32, 32, 3)
    texts = np.array([[9, 1], [4, 1], [9, 1]])
    found = Asked(Watching()).scores(images, texts)  # type: ignore[arg-type]
    assert found.tolist() == [[9.0, 4.0, 9.0]] * 3
    Asked(Watching()).scores(images[::-1], texts[::-1])  # type: ignore[arg-type]
    assert seen[0].tolist() == seen[1].tolist()
    assert len(seen[0]) == 2


def test_features_keep_their_width_and_have_one() -> None:
    texts = np.arange(6).reshape(3, 2)

    class Growing(Blind):
        def words(self, texts: np.ndarray) -> np.ndarray:
            self.calls += 1
            return np.zeros((len(texts), self.calls))

    asked = Asked(Growing())  # type: ignore[arg-type]
    asked.words(texts)
    with pytest.raises(InvalidOutput, match="features of 1, then of 2"):
        asked.words(texts)
    for odd, complaint in ((np.zeros((3, 0)), "d is 1 to"), (np.full((3, 2), 3e38), "finite")):

        class Odd(Blind):
            answer = odd

            def words(self, texts: np.ndarray) -> np.ndarray:
                return self.answer

        with pytest.raises(InvalidOutput, match=complaint):
            Asked(Odd()).words(texts)  # type: ignore[arg-type]


def metered(limit: int = 100) -> MeteredKnowledge:
    return MeteredKnowledge(
        Sources(1, 40), {}, Shape(), Meter(Budget(unit="triplets", limit=limit))
    )


class Changing(dict):  # type: ignore[type-arg]
    """One when it is counted, all when it is drawn."""

    def __init__(self) -> None:
        super().__init__(pairs=1)
        self.asked = 0

    def items(self) -> object:
        self.asked += 1
        return {"pairs": 1 if self.asked < 3 else 40}.items()


class Cheap(int):
    """Costs nothing."""

    def __mul__(self, other: object) -> int:
        return 0

    __rmul__ = __mul__


@pytest.mark.parametrize(
    "counts",
    [
        {"pairs": float("nan")},
        {"pairs": 1.5},
        {"pairs": True},
        {"pairs": "x"},
        {"pairs": Cheap(40)},
        {"scene": 81},
        {3: 1},
        [("pairs", 1)],
        None,
    ],
)
def test_odd_counts_are_refused_and_not_paid(counts: object) -> None:
    data = metered()
    with pytest.raises(UserError):
        data.draw(counts, np.random.default_rng(0))  # type: ignore[arg-type]
    assert data.meter.used == 0


def test_counts_that_change_are_read_once() -> None:
    data = metered()
    drawn = data.draw(Changing(), np.random.default_rng(0))
    assert len(drawn.images) == data.meter.used


def test_numbers_come_from_a_generator_that_counts_right() -> None:
    class All(np.random.Generator):
        def integers(self, low: int, *rest: object, **named: object) -> np.ndarray:  # type: ignore[override]
            return np.arange(low)

    data = metered()
    with pytest.raises(UserError, match="rng must be"):
        data.draw({"pairs": 1}, All(np.random.PCG64(0)))
    assert data.meter.used == 0


@pytest.mark.parametrize("source", ["pairs", "scene", "attribute", "language", "negatives"])
def test_the_most_of_a_source_can_be_drawn(source: str) -> None:
    drawn = metered(300).draw({source: 80}, np.random.default_rng(0))
    assert len(drawn.heads) == 80


@pytest.mark.parametrize("part", [Method(pairs=200), Repair(negatives=200)])
def test_an_update_above_the_whole_budget_is_told(part: Method) -> None:
    data = metered()
    phase = LearningPhase("learn", data.meter, 0, {}, data)
    with pytest.raises(UserError, match=r"An update draws .* and the budget has 100"):
        part.learn(phase)


def test_layers_of_the_graph_are_bounded() -> None:
    with pytest.raises(UserError, match="hops must be 8 or less"):
        Method(hops=100_000_000)


@pytest.mark.parametrize(
    "setting",
    [{"buy": 0}, {"buy": -3}, {"buy": 2.5}, {"count": "many"}, {"worlds": 10**30}, {"held": True}],
)
def test_settings_of_a_world_are_whole_and_bounded(setting: dict[str, object]) -> None:
    with pytest.raises(UserError, match=f"{next(iter(setting))} must be"):
        gym.make("leapbench/KnowledgeQuery-v0", **setting)

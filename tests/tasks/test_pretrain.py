"""Pre-training under a budget of patches: what is paid, what is asked, and what is refused."""

from __future__ import annotations

import copy
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.error import InvalidAction, ResetNeeded
from PIL import Image

import leapbench  # noqa: F401
from leapbench import data
from leapbench.agents.pretrain.common.method import Method
from leapbench.agents.pretrain.supervised.method import Supervised
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.checkpoints import Checkpoints
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.envs.pretrain import control, picture, pictures, probes, views
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.training import tokens
from leapbench.envs.pretrain.views import Look
from leapbench.envs.pretrain.world import drawn, quick
from leapbench.errors import BudgetExceeded, InvalidOutput, UserError
from leapbench.tasks.pretrain import sources
from leapbench.tasks.pretrain.asked import Asked
from leapbench.tasks.pretrain.data import MeteredViews
from leapbench.tasks.pretrain.harness import PretrainHarness
from leapbench.testing import check_task, small_task

SHAPE = Shape(size=16, patch=4, width=16, depth=1, heads=2, projector=1, decoder=1)
WORLD = {"worlds": 2, "pool": 40, "held": 60, "updates": 2, "batch": 4}


def metered(limit: int) -> MeteredViews:
    meter = Meter(Budget(unit="patches", limit=limit))
    return MeteredViews(drawn(1, 40, 0).whole.images, SHAPE, meter)


def phase(
    limit: int, checkpoints: Checkpoints | None = None, every: float | None = None
) -> LearningPhase:
    data = metered(limit)
    settings = {} if every is None else {"save_seconds": every}
    return LearningPhase("pretrain", data.meter, 3, settings, data, checkpoints=checkpoints)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["digits", "control", "select"])
def test_tasks_keep_the_rules(variant: str) -> None:
    check_task(small_task(f"pretrain/{variant}"))


def test_a_view_costs_what_is_encoded_and_a_quarter_at_least() -> None:
    data, rng = metered(1000), np.random.default_rng(0)
    assert len(data.draw(10, (Look(), Look()), (6, 16), rng)) == 2
    assert data.meter.used == 10 * (6 + 16)
    data.draw(10, (Look(), Look()), (6, 0), rng)
    assert data.meter.used == 220 + 10 * (6 + 4)
    with pytest.raises(BudgetExceeded):
        data.draw(40, (Look(), Look()), (16, 16), rng)
    assert data.meter.used == 320


@pytest.mark.parametrize(
    ("count", "encoded"),
    [(0, (6,)), (-3, (6,)), (41, (6,)), (2.0, (6,)), (4, (-1,)), (4, (17,)), (4, ()), (4, (1, 1))],
)
def test_draws_that_mean_nothing_cost_nothing(count: int, encoded: tuple[int, ...]) -> None:
    data = metered(1000)
    with pytest.raises(UserError):
        data.draw(count, (Look(),), encoded, np.random.default_rng(0))
    assert data.meter.used == 0


class Rigged(np.random.Generator):
    """Always the same picture."""


def test_another_generator_is_refused() -> None:
    with pytest.raises(UserError, match="rng"):
        metered(100).draw(4, (Look(),), (4,), Rigged(np.random.PCG64(0)))


def test_labels_are_not_among_what_a_method_gets() -> None:
    given = vars(metered(100))
    assert set(given) == {"shape", "meter", "count", "_images"}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_whole_budget_is_used_or_nothing(share: float) -> None:
    own, part = phase(1000), Method(batch=8, share=share)
    part.learn(own)
    price = own.data.price(8, part.objective.encoded(SHAPE.patches))
    assert own.meter.used == (1000 // price * price if share else 0)


def test_a_killed_phase_ends_as_an_unbroken_one(tmp_path) -> None:  # type: ignore[no-untyped-def]
    whole, broken = Method(batch=8), Method(batch=8)
    whole.learn(phase(2000))
    own = phase(2000, Checkpoints(tmp_path / "kept"), every=0.0)

    class KilledError(Exception):
        pass

    def killed(step: int, values: object) -> None:
        raise KilledError

    price, first = own.data.price(8, broken.objective.encoded(16)), own.data.draw
    calls: list[int] = []

    def draw(*given):  # type: ignore[no-untyped-def]
        calls.append(1)
        if len(calls) * price > 1500:
            raise KilledError
        return first(*given)

    own.data.draw = draw
    with pytest.raises(KilledError):
        broken.learn(own)
    again = phase(2000, Checkpoints(tmp_path / "kept"), every=0.0)
    assert again.checkpoints is not None
    again.checkpoints.resume(again.meter)
    assert again.meter.used > 0
    broken.learn(again)
    assert again.meter.used == phase_used(whole, 2000)
    for one, two in zip(whole.encoder.parameters(), broken.encoder.parameters(), strict=True):
        assert torch.equal(one, two)


def phase_used(part: Method, limit: int) -> int:
    price = metered(1).price(part.batch, part.objective.encoded(SHAPE.patches))
    return limit // price * price


def test_what_is_saved_answers_alike(tmp_path) -> None:  # type: ignore[no-untyped-def]
    part, other = Method(batch=8), Method(batch=8)
    part.learn(phase(500))
    part.save(tmp_path)
    other.load(tmp_path)
    images = drawn(1, 40, 1).whole.images
    assert np.array_equal(part.tokens(images), other.tokens(images))
    (tmp_path / "encoder.json").write_text("{}")
    with pytest.raises(UserError):
        Method().load(tmp_path)


def test_labels_learned_are_above_first_weights() -> None:
    own, split = phase(100), drawn(2, 300, 0)
    part = Supervised(updates=400, batch=32, area=0.8, flip=0.0)
    part.learn(own)
    part.bind(split)
    first = Method(share=0.0)
    first.learn(own)
    taught, plain = (quick(each.encoder, split)["whole"] for each in (part, first))
    assert taught > plain + 0.1


def test_guesses_are_between_chance_and_all_right() -> None:
    rng, split = np.random.default_rng(0), drawn(3, 240, 0)
    found = probes.measured(
        lambda images: torch.from_numpy(rng.normal(size=(len(images), 16, 4)).astype(np.float32)),
        SHAPE,
        split,
        drawn(3, 240, 1),
        0,
    )
    for name in ("linear", "neighbours", "few", "corrupted"):
        assert found[name] < 0.25, name
    assert found["segmentation"] < 0.2
    known = torch.from_numpy(np.eye(10, dtype=np.float32)[split.whole.labels])
    assert (
        probes.accuracy(probes.fitted(known, split.whole.labels, 10)(known), split.whole.labels)
        == 1
    )
    assert (
        probes.accuracy(probes.nearest(known, split.whole.labels, known, 10), split.whole.labels)
        == 1
    )


def test_a_patch_that_says_where_it_is_finds_its_place() -> None:
    """Features that are places of the picture itself match; the same for all places do not."""
    images = np.zeros((40, 32, 32, 3), np.uint8)
    images[..., 0] = np.arange(32)[:, None] * 8
    images[..., 1] = np.arange(32)[None] * 8

    def placed(seen: views.Pixels) -> torch.Tensor:
        small = seen.reshape(len(seen), 4, 4, 4, 4, 3).astype(np.float32).mean((2, 4))
        near = small[..., :2].reshape(len(seen), 16, 1, 2) / 255 - np.stack(
            np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 9)), -1
        ).reshape(1, 1, 81, 2)
        return torch.from_numpy(np.exp(-30 * (near**2).sum(-1)).astype(np.float32))

    rng = np.random.default_rng(0)
    plain = probes.matched(lambda x: torch.ones(len(x), 16, 2), SHAPE, images, rng)
    assert plain < 0.5
    look = probes.matched(placed, SHAPE, images, np.random.default_rng(0))
    assert look > plain + 0.2


class Says:
    """Answers with one array whatever it is asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def tokens(self, images: np.ndarray) -> object:
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "tokens",
        np.zeros((5, 16, 4)),
        np.zeros((8, 15, 4)),
        np.full((8, 16, 4), np.nan),
        np.full((8, 16, 4), 1e30),
        np.zeros((8, 16, 0)),
    ],
)
def test_features_that_are_none_are_refused(answer: object) -> None:
    with pytest.raises(InvalidOutput):
        Asked(Says(answer), SHAPE)(np.zeros((8, 32, 32, 3), np.uint8))  # type: ignore[arg-type]


def test_a_part_without_features_is_told_so() -> None:
    with pytest.raises(UserError, match="tokens"):
        Asked(object(), SHAPE)(np.zeros((8, 32, 32, 3), np.uint8))  # type: ignore[arg-type]


def test_pictures_are_those_of_the_protocol_and_test_digits_are_apart() -> None:
    own = registry.task("pretrain/digits").protocols["smoke"]
    settings = own.settings | {"counts": {"train": 50, "fit": 40, "test": 30}}
    one = sources.load(settings, own.seed_key, SHAPE)
    sources._loaded.cache_clear()
    two = sources.load(settings, own.seed_key, SHAPE)
    assert np.array_equal(one.train, two.train)
    assert np.array_equal(one.test.places.labels, two.test.places.labels)
    salted = sources.load(settings, own.seed_key, SHAPE, "secret")
    assert np.array_equal(one.train, salted.train)
    assert not np.array_equal(one.test.whole.images, salted.test.whole.images)
    train, test = (sources._chosen("digits", split, 1)[0] for split in ("train", "test"))
    assert len(train) + len(test) == 1797
    assert len(np.unique(np.concatenate([train, test]).reshape(1797, -1), axis=0)) >= 1790


def test_composed_pictures_say_what_is_where() -> None:
    images = np.stack([np.full((32, 32, 3), 20 * k, np.uint8) for k in range(10)])
    made = pictures.composed(images, np.arange(10), 30, SHAPE, 0)
    small = made.images.reshape(30, 4, 8, 4, 8, 3).mean((2, 4, 5)).reshape(30, 16)
    assert set(np.unique(made.labels)) <= set(range(5))
    assert (made.labels > 0).any(1).all()
    assert (small[made.labels == 0] < 120).mean() > 0.95


def test_the_score_is_the_mean_of_both_axes() -> None:
    own = registry.task("pretrain/digits").protocols["smoke"]
    ends = own.settings["anchors"]
    names = (*probes.SEMANTIC, *probes.DENSE)
    rest = dict.fromkeys(probes.DESCRIBED, 1.0)
    for at, wanted in ((0, 0.0), (1, 1.0)):
        row = {"episode": 0, "seed": 1, **{n: ends[n][at] for n in names}, **rest}
        found = PretrainHarness.metrics(own, [row])
        assert found["semantic"] == found["dense"] == found["score"] == pytest.approx(wanted)


@pytest.mark.parametrize("name", ["PretrainControl", "PretrainSelect"])
def test_a_world_ends_with_its_budget_and_stays_over(name: str) -> None:
    small = {"budget": 1000} if name == "PretrainControl" else {"budget": 24}
    env = gym.make(f"leapbench/{name}-Discrete-v0", **WORLD, **small)
    env.reset(seed=1)
    action, over = 0, False
    for _ in range(60):
        *_, over, _, info = env.step(action)
        if over:
            break
    assert over
    assert info["spent"] <= next(iter(small.values()))
    with pytest.raises(ResetNeeded):
        env.step(action)
    env.close()


@pytest.mark.parametrize("action", [np.full(9, np.nan), np.full(9, 2.0), np.zeros(8), "sim"])
def test_actions_outside_move_nothing(action: object) -> None:
    env = gym.make("leapbench/PretrainControl-v0", disable_env_checker=True, **WORLD)
    env.reset(seed=1)
    with pytest.raises(InvalidAction):
        env.unwrapped.step(action)  # type: ignore[arg-type]
    assert env.unwrapped.spent == 0  # type: ignore[attr-defined]
    env.close()


def test_named_points_are_the_methods() -> None:
    goal, look, rate = control.meant(np.array(control.POINTS["mae"]))
    assert (goal.pixels, goal.dense, goal.whole, goal.blocks) == (1, 0, 0, False)
    assert goal.mask == pytest.approx(0.75, abs=0.01)
    assert look.colour == 0
    goal, look, rate = control.meant(np.array(control.POINTS["sim"]))
    assert (goal.dense, goal.blocks) == (1, True)
    assert goal.mask == pytest.approx(0.6, abs=0.01)
    assert rate == pytest.approx(control.RATE)
    goal, *_ = control.meant(np.array(control.POINTS["id"]))
    assert (goal.whole, goal.mask) == (1, 0)
    for corner in (np.zeros(9), np.ones(9)):
        control.meant(corner)


def test_crops_meet_where_they_are_to_overlap() -> None:
    rng, images = np.random.default_rng(0), drawn(1, 40, 0).whole.images
    first = views.make(images, Look(), 16, rng)
    same = views.make(images, Look(), 16, rng, first.boxes, 1.0)
    assert np.array_equal(first.boxes.top, same.boxes.top)
    assert np.array_equal(first.boxes.flipped, same.boxes.flipped)
    apart = views.make(images, Look(), 16, rng, first.boxes, 0.0)
    assert not np.array_equal(first.boxes.top, apart.boxes.top)


def test_copies_of_a_world_learn_alike_and_apart() -> None:
    env = gym.make("leapbench/PretrainControl-v0", **WORLD).unwrapped
    env.reset(seed=4)
    env.step(control.action_of("sim"))
    other = copy.deepcopy(env)
    one, two = env.step(control.action_of("mae")), other.step(control.action_of("mae"))
    assert np.array_equal(one[0], two[0])
    assert one[1] == two[1]
    before = learned(env)
    other.step(control.action_of("sim"))
    assert torch.equal(before, learned(env))
    assert not torch.equal(before, learned(other))


def learned(env: object) -> torch.Tensor:
    encoder = env.trainer.encoder  # type: ignore[attr-defined]
    return tokens(encoder, views.whole(drawn(1, 40, 0).whole.images, 16))


def test_the_picture_covers_what_was_hidden_and_fills_only_that() -> None:
    env = gym.make("leapbench/PretrainControl-v0", render_mode="rgb_array", **WORLD).unwrapped
    env.reset(seed=1)
    env.step(control.action_of("mae"))
    assert env.render() is not None
    trainer = env.trainer  # type: ignore[attr-defined]
    hidden = trainer.shown["hidden"].numpy()
    assert len(hidden) == trainer.objective.hidden(16)
    filled, given = picture._filled(env), views.seen(env.shown[0].pixels[:1])[0]  # type: ignore
    apart = (filled != given).reshape(4, 4, 4, 4, 3).any((1, 3, 4)).ravel()
    assert not np.delete(apart, hidden).any()
    assert apart[hidden].any()


def test_a_folder_of_pictures_is_decoded_as_it_is_drawn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for split, count in (("train", 3), ("val", 2)):
        for label in range(10):
            place = tmp_path / split / f"n{label}"
            place.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (40 + i, 30), (20 * label, 80 * i, 7)).save(place / f"{i}.png")

    def opened(name: str, split: str, size: int) -> data.ImageFolder:
        assert name == "imagenet"
        return data.ImageFolder(tmp_path / split, size)

    monkeypatch.setattr(data, "open_folder", opened)
    paper = registry.task("pretrain/imagenet").protocols["paper"]
    counts = {"train": 30, "fit": 20, "test": 20, "places_fit": 6, "places_test": 4}
    found = sources.load({**paper.settings, "counts": counts}, "folder", SHAPE)
    assert len(found.train) == 30
    assert found.fit.whole.images.shape == (20, 18, 18, 3)  # a crop's side and a seventh more
    assert found.test.places.images.shape == (4, 18, 18, 3)
    assert np.array_equal(found.test.whole.images[:, 0, 0, 0] // 20, found.test.whole.labels)
    meter = Meter(Budget(unit="patches", limit=1000))
    drawn = MeteredViews(found.train, SHAPE, meter).draw(
        5, (Look(area=1.0, colour=0.0, grey=0.0),), (16,), np.random.default_rng(0)
    )
    assert drawn[0].pixels.shape == (5, 3, 16, 16)
    assert meter.used == 80
    with pytest.raises(UserError, match="30 pictures where 31 are wanted"):
        sources.load({**paper.settings, "counts": {**counts, "train": 31}}, "folder", SHAPE)


def test_the_paper_tier_learns_the_released_networks_for_as_many_epochs() -> None:
    paper = registry.task("pretrain/imagenet").protocols["paper"]
    shape = Shape(**paper.settings["network"])
    goal = Method().objective
    assert (shape.patches, goal.encoded(shape.patches)) == (196, (78, 196))
    price = sum(goal.encoded(shape.patches))
    epochs = paper.phases[0].budget.limit / price / paper.settings["counts"]["train"]
    assert epochs == pytest.approx(1600, rel=1e-3)

"""Ways to score without earning it, on views and on worlds: all fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from one_budget import spent_by_all
from torch.nn.functional import normalize, pad, unfold

import leapbench  # noqa: F401
from leapbench.contract import registry
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.envs.pretrain import pictures, probes, views
from leapbench.envs.pretrain.control import action_of
from leapbench.envs.pretrain.pictures import Split
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Look
from leapbench.errors import InvalidAction, UserError
from leapbench.tasks.pretrain.asked import Asked
from leapbench.tasks.pretrain.data import MeteredViews
from leapbench.tasks.pretrain.harness import PretrainHarness
from leapbench.tasks.pretrain.steering import PretrainSteering
from leapbench.testing import small_task

WORLDS = ("pretrain/control", "pretrain/select")
SHAPE = Shape()


def split(count: int, part: int) -> Split:
    items, kinds = pictures.items()
    return pictures.digits(items[part::2], kinds[part::2], count, SHAPE, part)


def score(part: object) -> dict[str, float]:
    row = probes.measured(Asked(part, SHAPE), SHAPE, split(150, 0), split(100, 1), 0)  # type: ignore[arg-type]
    task = registry.task("pretrain/digits").protocols["smoke"]
    return dict(PretrainHarness.metrics(task, [{"episode": 0, "seed": 0, **row}]))


def matched(features: probes.Features) -> float:
    images = split(300, 1).whole.images
    return probes.matched(features, SHAPE, images, np.random.default_rng(0))


class Rows:
    """Says where a picture stood in the call."""

    def tokens(self, images: np.ndarray) -> np.ndarray:
        made = np.zeros((len(images), 36, 4))
        made[:, :, 0] = np.arange(len(images))[:, None]
        made[:, :, 1:] = np.random.default_rng(0).normal(size=(len(images), 36, 3))
        return made


class Remembering:
    """Looks for patches in the crop that was shown in the same place before.

    A patch gets the code of the place there which its surroundings resemble most.
    """

    def __init__(self) -> None:
        self.last: torch.Tensor | None = None

    def tokens(self, images: np.ndarray) -> np.ndarray:
        grey = views.whole(images, SHAPE.size).mean(1, keepdim=True)
        windows = unfold(pad(grey, (4, 3, 4, 3), mode="replicate"), 8).transpose(1, 2)
        windows = normalize(windows - windows.mean(2, keepdim=True), dim=2)
        codes = torch.eye(36).expand(len(images), 36, 36)
        if self.last is not None and len(self.last) == len(images):
            middles = windows.view(-1, 24, 24, 64)[:, 2::4, 2::4].flatten(1, 2)
            best = (middles @ self.last.transpose(1, 2)).argmax(2)
            codes = codes[0][best // 24 // 4 * 6 + best % 24 // 4]
        self.last = windows
        return np.asarray(codes.numpy())


class Shared(Remembering):
    """As above, and copies remember too."""

    def __deepcopy__(self, memory: Any) -> Shared:
        return self


class Nothing:
    """Only says where a patch is."""

    def tokens(self, images: np.ndarray) -> np.ndarray:
        return np.eye(36)[None].repeat(len(images), 0)


def test_the_place_of_a_row_is_worth_nothing() -> None:
    assert score(Rows())["semantic"] < 0.05


@pytest.mark.parametrize("part", [Remembering(), Shared()])
def test_a_crop_is_not_told_which_other_one_is_of_its_picture(part: object) -> None:
    assert matched(Asked(part, SHAPE)) < matched(Asked(Nothing(), SHAPE)) + 0.02  # type: ignore[arg-type]


def test_who_remembered_would_match_if_rows_told() -> None:
    """The attack above is one: it finds places where it is asked without protection."""
    plain, told = Nothing(), Remembering()
    assert matched(lambda x: torch.from_numpy(told.tokens(x)).float()) > 0.05 + matched(
        lambda x: torch.from_numpy(plain.tokens(x)).float()
    )


def test_features_of_pictures_do_not_change_as_more_are_asked_for() -> None:
    class Counting:
        def __init__(self) -> None:
            self.calls = 0

        def tokens(self, images: np.ndarray) -> np.ndarray:
            self.calls += 1
            return np.full((len(images), 36, 1), self.calls)

    part = Counting()
    asked = Asked(part, SHAPE)  # type: ignore[arg-type]
    images = np.random.default_rng(0).integers(0, 256, (600, 8, 8, 3), np.uint8)
    assert (asked(images) == 1).all()
    assert (asked(images[:3]) == 1).all()
    assert part.calls == 0


def test_what_cannot_be_copied_is_told_so() -> None:
    class Opened:
        def __init__(self) -> None:
            self.file = Path(__file__).open()  # noqa: SIM115

        def tokens(self, images: np.ndarray) -> np.ndarray:
            return np.zeros((len(images), 36, 1))

    part = Opened()
    with part.file, pytest.raises(UserError, match="Opened cannot be copied"):
        Asked(part, SHAPE)(np.zeros((2, 8, 8, 3), np.uint8))  # type: ignore[arg-type]


def test_a_picture_is_shown_once_and_answered_where_it_was_asked_for() -> None:
    seen: list[np.ndarray] = []

    class Watching:
        def __deepcopy__(self, memory: Any) -> Watching:
            return self

        def tokens(self, images: np.ndarray) -> np.ndarray:
            seen.append(images[:, 0, 0, 0].copy())
            images[:] = 0
            return np.repeat(seen[-1][:, None, None], 36, 1)

    images = np.array([9, 4, 9, 1], np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2)
    found = Asked(Watching(), SHAPE)(images)  # type: ignore[arg-type]
    assert found[:, 0, 0].tolist() == [9, 4, 9, 1]
    assert seen[0].tolist() == [1, 4, 9]
    assert images.any()


class Cheap(np.int64):
    """Another number each time it is read."""

    reads = 0

    def __int__(self) -> int:
        type(self).reads += 1
        return 1 if type(self).reads % 2 else 64

    __index__ = __int__


@pytest.mark.parametrize(
    ("count", "looks", "encoded"),
    [
        (Cheap(64), (Look(),), (36,)),
        (4, (Look(),), (Cheap(36),)),
        (4, (Look(),), (-1,)),
        (4, (Look(),), (True,)),
        (4, (Look(),), (37,)),
        (4, (Look(),), ()),
        (4, (Look(),), None),
        (4, (), ()),
        (4, (Look(),) * 5, (0,) * 5),
        (4, ("look",), (36,)),
        (0, (Look(),), (36,)),
        (51, (Look(),), (36,)),
        (float("nan"), (Look(),), (36,)),
        (4.0, (Look(),), (36,)),
    ],
)
def test_odd_draws_are_refused_and_not_paid(count: Any, looks: Any, encoded: Any) -> None:
    data = metered()
    with pytest.raises(UserError):
        data.draw(count, looks, encoded, np.random.default_rng(0))
    assert data.meter.used == 0


def test_hidden_patches_are_free_to_a_quarter_of_the_view() -> None:
    data = metered()
    data.draw(np.int32(2), [Look(), Look()], [0, 36], np.random.default_rng(0))
    assert data.meter.used == 2 * (9 + 36)


def metered() -> MeteredViews:
    images = np.zeros((50, 32, 32, 3), np.uint8)
    return MeteredViews(images, SHAPE, Meter(Budget(unit="patches", limit=10_000)))


def harness(name: str, folder: Path) -> PretrainSteering:
    return PretrainSteering(small_task(name).protocols["smoke"], 0, ArtifactStore(folder))


def silent(fraction: float, line: str) -> None:
    """Report nothing."""


@pytest.mark.parametrize("name", WORLDS)
def test_worlds_to_practise_in_share_one_budget(name: str, tmp_path: Path) -> None:
    own = harness(name, tmp_path)
    spent_by_all(own.open(own.protocol.phases[0], {}, silent))


@pytest.mark.parametrize("name", WORLDS)
def test_worlds_that_are_scored_cannot_be_practised_in(name: str, tmp_path: Path) -> None:
    own = harness(name, tmp_path)
    env = own.open(own.protocol.phases[0], {}, silent).make_env(1)
    (row,) = own.schedule(own.protocol, "", 0)
    with pytest.raises(UserError, match="an episode that is scored"):
        env.reset(seed=int(row["seed"]))
    practised = env.unwrapped.envs[0].unwrapped  # type: ignore[attr-defined]
    assert practised.first + practised.worlds <= own.protocol.settings["world"]["first"]


class Says:
    """Answers with the same thing always."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def predict(self, seen: Any, state: Any = None, begins: Any = None, deterministic: Any = True):
        seen[:] = 1e9  # a copy, which no world reads
        return self.answer(len(seen)), state


@pytest.mark.parametrize("value", [np.nan, 1e30, -1.5, "1", None])
@pytest.mark.parametrize("name", WORLDS)
def test_actions_outside_are_refused(name: str, value: Any, tmp_path: Path) -> None:
    wide = {"pretrain/control": 9, "pretrain/select": 8}[name]
    with pytest.raises(InvalidAction):
        harness(name, tmp_path).evaluate(
            {"policy": Says(lambda count: np.full((count, wide), value))},  # type: ignore[dict-item]
            silent,
        )


@pytest.mark.parametrize("corner", [-1.0, 1.0, "cheapest"])
def test_no_corner_of_the_box_spends_more_than_the_budget(corner: Any, tmp_path: Path) -> None:
    own = harness("pretrain/control", tmp_path)
    action = np.full(9, corner, np.float32) if corner != "cheapest" else action_of("mae")
    action[0] = 1.0 if corner == "cheapest" else action[0]
    policy = Says(lambda count: np.tile(action, (count, 1)))
    (row,) = own.evaluate({"policy": policy}, silent).rows  # type: ignore[dict-item]
    assert row["spent"] <= own.protocol.settings["world"]["budget"]
    assert np.isfinite(row["score"])

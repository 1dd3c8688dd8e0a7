"""The early-exit family: disjoint splits, metered outputs, budgets and scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from leapbench import data
from leapbench.agents.common.exits.fixed import Fixed
from leapbench.agents.common.exits.scores import Confidence
from leapbench.contract import registry
from leapbench.contract.artifacts import ArtifactStore
from leapbench.contract.harness import Outcome
from leapbench.contract.task import Protocol
from leapbench.envs.earlyexit.vector import EarlyExitVectorEnv
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.tasks.earlyexit import folder, splits
from leapbench.tasks.earlyexit.harness import EarlyExitHarness, curve
from leapbench.tasks.earlyexit.outputs import anytime

SETTINGS = {"data": "numbered", "noise": 0.0, "train": 60, "calibration": 30, "test": "rest"}


def numbered(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images whose pixels spell their own index, 0 to 119."""
    index = np.arange(120)
    return np.broadcast_to(index[:, None, None, None], (120, 4, 4, 1)).astype(np.uint8), index


@pytest.fixture
def protocol() -> Protocol:
    return registry.task("earlyexit/digits").protocols["smoke"]


class Judge(EarlyExitHarness):
    """The harness over a synthetic prediction cache instead of a trained network."""

    def predictions(self, model: Any, split: str) -> PredictionCache:
        return PredictionCache.synthetic(600, 4, 10, seed={"calibration": 0, "test": 1}[split])


def judged(protocol: Protocol, policy: Any, store: Path) -> Outcome:
    """Let a policy learn and be evaluated; budgets between the first and last exit's cost."""
    predictions = PredictionCache.synthetic(600, 4, 10, seed=0)
    low, high = int(predictions.costs[0]), int(predictions.costs[-1])
    budgets = tuple(float(b) for b in np.linspace(low, high, 4).astype(int))
    evaluation = protocol.evaluation.model_copy(update={"budgets": budgets, "episodes": 2})
    protocol = protocol.model_copy(update={"evaluation": evaluation})
    harness = Judge(protocol, 0, ArtifactStore(store))
    silent = lambda fraction, line: None  # noqa: E731
    parts: dict[str, Any] = {"model": None, "policy": policy}
    policy.learn(harness.open(protocol.phases[1], parts, silent))
    return harness.evaluate(parts, silent)


def test_splits_are_disjoint_and_depend_on_the_protocol_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data, "load", numbered)
    first, again = splits.load(SETTINGS, "a"), splits.load(SETTINGS, "a")
    taken = [set(part.labels.tolist()) for part in first.values()]
    assert [len(t) for t in taken] == [60, 30, 30]
    assert len(set.union(*taken)) == 120
    for name, part in first.items():
        assert np.array_equal(part.images, again[name].images)
        values = part.images[:, 0, 0, 0]
        assert np.all(np.diff(values[np.argsort(part.labels)]) > 0), "labels left their images"
    assert not np.array_equal(first["train"].labels, splits.load(SETTINGS, "b")["train"].labels)


def test_training_pixels_are_standardised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "load", numbered)
    images = splits.load(SETTINGS | {"noise": 0.5}, "a")["train"].images
    assert images.dtype == np.float32
    assert images.mean() == pytest.approx(0.0, abs=1e-5)
    assert images.std() == pytest.approx(1.0, abs=1e-5)


def test_every_sample_has_noise_of_its_own_strength(monkeypatch: pytest.MonkeyPatch) -> None:
    def flat(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
        return np.full((120, 16, 16, 1), 128, np.uint8), np.arange(120)

    monkeypatch.setattr(data, "load", flat)
    images = splits.load(SETTINGS | {"noise": 1.0}, "a")["train"].images
    deviations = images.reshape(60, -1).std(1)
    assert deviations.max() > 5 * deviations.min()


def test_budget_is_never_exceeded_and_metrics_follow_from_rows(
    protocol: Protocol, tmp_path: Path
) -> None:
    outcome = judged(protocol, Confidence(), tmp_path)
    assert all(row["spent"] <= row["limit"] for row in outcome.rows)
    metrics = EarlyExitHarness.metrics(protocol, outcome.rows)
    assert metrics["violations"] == 0
    points = curve(outcome.rows)
    assert metrics["accuracy"] == pytest.approx(np.mean([p["accuracy"] for p in points]))
    assert [p["budget"] for p in points] == sorted(p["budget"] for p in points)
    tampered = [row | {"spent": int(row["limit"]) + 1} for row in outcome.rows]
    assert EarlyExitHarness.metrics(protocol, tampered)["violations"] == len(tampered)


def test_the_environment_of_the_evaluation_is_the_one_that_runs(
    protocol: Protocol, tmp_path: Path
) -> None:
    """Another id in the protocol, another world: here one whose streams are all of one length."""

    class Short(EarlyExitVectorEnv):
        def __init__(self, num_envs: int = 1, **given: Any) -> None:
            super().__init__(num_envs, **(given | {"stream": 7}))

    gym.register("toys/Short-v0", vector_entry_point=Short)
    try:
        named = protocol.evaluation.model_copy(update={"environment": "toys/Short-v0"})
        short = protocol.model_copy(update={"evaluation": named})
        assert {row["length"] for row in judged(short, Fixed(), tmp_path).rows} == {7}
    finally:
        del gym.registry["toys/Short-v0"]


def test_a_better_policy_scores_better(protocol: Protocol, tmp_path: Path) -> None:
    scores = [
        EarlyExitHarness.metrics(protocol, judged(protocol, policy, tmp_path).rows)["accuracy"]
        for policy in (Fixed(exit=1), Confidence())
    ]
    assert scores[0] < scores[1]


def test_anytime_table_is_the_accuracy_of_every_exit() -> None:
    predictions = PredictionCache.synthetic(50, 3, 4, seed=2)
    expected = [
        (predictions.probabilities[:, k].argmax(1) == predictions.labels).mean() for k in range(3)
    ]
    assert [row["accuracy"] for row in anytime(predictions)] == pytest.approx(expected)
    assert [row["multiply_adds"] for row in anytime(predictions)] == predictions.costs.tolist()


def test_image_folders_are_split_and_decoded_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for split, count in (("train", 6), ("val", 2)):
        for label in range(2):
            place = tmp_path / split / f"n{label}"
            place.mkdir(parents=True)
            for i in range(count):
                colour = (40 * i, 100 * label, 0)
                Image.new("RGB", (300, 280), colour).save(place / f"{i}.JPEG")

    def open_folder(name: str, split: str) -> data.ImageFolder:
        return data.ImageFolder(tmp_path / split)

    monkeypatch.setattr(data, "open_folder", open_folder)
    parts = folder.load({"data": "imagenet", "train": 8, "calibration": 4}, "a")
    assert [len(part.labels) for part in parts.values()] == [8, 4, 4]
    files = [parts[n].images.folder.path(i) for n in parts for i in parts[n].images.index]
    assert len(set(files)) == 16
    images = parts["test"].images[np.arange(4)]
    assert images.shape == (4, 3, 224, 224)
    assert images.dtype == np.float32
    green = images[:, 1].mean((1, 2))
    assert np.array_equal(green > green.mean(), parts["test"].labels == 1)


@pytest.mark.parametrize("test", ["rest", "official"])
def test_a_salt_draws_which_samples_are_test_and_their_noise(
    test: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {
        "train": (np.arange(60, dtype=np.uint8).reshape(60, 1, 1, 1), np.arange(60)),
        "test": (np.arange(60, 80, dtype=np.uint8).reshape(20, 1, 1, 1), np.arange(60, 80)),
    }
    monkeypatch.setattr(splits.data, "load", lambda name, part: parts[part])
    settings = {"data": "d", "noise": 0.2, "train": 20, "calibration": 10, "test": test}
    public, again, secret, other = (splits.load(settings, "a", s) for s in ("", "", "s", "t"))
    held = [set(each["test"].labels.tolist()) for each in (public, again, secret, other)]
    assert held[0] == held[1]
    assert len({frozenset(each) for each in held}) == 3
    assert {len(each) for each in held} == {30 if test == "rest" else 20}
    for each in (public, secret, other):
        drawn = [label for part in each.values() for label in part.labels.tolist()]
        assert len(drawn) == len(set(drawn))
    assert not np.array_equal(public["test"].images, secret["test"].images)


@pytest.mark.parametrize(("name", "shared"), [("cifar10", False), ("cifar10-12-passes", True)])
def test_budgets_meet_the_same_streams_where_the_protocol_says_so(name: str, shared: bool) -> None:
    protocol = registry.task(f"earlyexit/{name}").protocols["lite"]
    plan = EarlyExitHarness.schedule(protocol)
    streams: dict[Any, list[Any]] = {}
    for row in plan:
        streams.setdefault(row["budget"], []).append(row["seed"])
    first, *rest = streams.values()
    assert len(set(first)) == len(first) == protocol.evaluation.episodes
    assert all((other == first) is shared for other in rest)

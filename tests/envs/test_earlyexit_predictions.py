from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.envs.earlyexit import reference
from leapbench.envs.exits import observation
from leapbench.envs.exits.observation import ExitColumn
from leapbench.envs.exits.predictions import PredictionCache
from leapbench.errors import UserError

caches = st.builds(
    PredictionCache.synthetic,
    samples=st.integers(1, 40),
    exits=st.integers(2, 6),
    classes=st.integers(2, 12),
    seed=st.integers(0, 1000),
)


def arrays(predictions: PredictionCache) -> dict[str, np.ndarray]:
    return {f: getattr(predictions, f).copy() for f in ("probabilities", "labels", "costs")}


@given(caches)
@settings(max_examples=40, deadline=None)
def test_streak_counts_the_earlier_exits_that_agree(predictions: PredictionCache) -> None:
    for predicted, streak in zip(predictions.predicted, predictions.streak, strict=True):
        for k in range(predictions.exits):
            agreeing = 0
            while agreeing < k and predicted[k - 1 - agreeing] == predicted[k]:
                agreeing += 1
            assert streak[k] == agreeing


@given(caches)
@settings(max_examples=40, deadline=None)
def test_derived_quantities_follow_their_definitions(predictions: PredictionCache) -> None:
    p = predictions.probabilities.astype(np.float64)
    descending = -np.sort(-p, axis=2)
    np.testing.assert_array_equal(predictions.confidence, descending[..., 0])
    np.testing.assert_allclose(
        predictions.margin, descending[..., 0] - descending[..., 1], atol=1e-6
    )
    nats = -(p * np.log(np.maximum(p, 1e-45))).sum(axis=2)
    np.testing.assert_allclose(predictions.entropy, nats / np.log(predictions.classes), atol=1e-5)
    chosen = np.take_along_axis(p, predictions.predicted[..., None], axis=2)[..., 0]
    np.testing.assert_array_equal(chosen, descending[..., 0])
    assert (predictions.correct == (predictions.predicted == predictions.labels[:, None])).all()


def test_extreme_softmax_gives_extreme_entropy_and_margin() -> None:
    p = np.array([[[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]]], np.float32)
    predictions = PredictionCache(p, np.array([0]), np.array([1, 2]))
    np.testing.assert_allclose(predictions.entropy, [[0, 1]], atol=1e-6)
    np.testing.assert_allclose(predictions.margin, [[1, 0]], atol=1e-6)


@given(caches)
@settings(max_examples=40, deadline=None)
def test_the_table_lies_in_the_space_and_shows_what_the_prediction_cache_says(
    predictions: PredictionCache,
) -> None:
    table = observation.table(predictions)
    assert all(row in observation.space() for row in table)
    cube = table.reshape(predictions.samples, predictions.exits, len(ExitColumn))
    np.testing.assert_array_equal(cube[..., ExitColumn.TOP1], predictions.confidence)
    np.testing.assert_array_equal(cube[..., ExitColumn.ENTROPY], predictions.entropy)
    assert (np.diff(cube[..., ExitColumn.TOP1 : ExitColumn.TOP5 + 1], axis=2) <= 0).all()
    steps = cube[..., :-1, ExitColumn.SPENT] + cube[..., :-1, ExitColumn.NEXT]
    np.testing.assert_allclose(steps, cube[..., 1:, ExitColumn.SPENT], atol=1e-6)
    assert (cube[:, -1, [ExitColumn.EXIT, ExitColumn.SPENT]] == 1).all()
    assert (cube[:, -1, ExitColumn.NEXT] == 0).all()
    if predictions.classes < observation.TOP:
        assert (cube[..., ExitColumn.TOP1 + predictions.classes : ExitColumn.TOP5 + 1] == 0).all()


def test_save_and_load_keep_every_byte(tmp_path: Path) -> None:
    predictions = PredictionCache.synthetic(30, 3, 4, seed=5)
    predictions.save(tmp_path / "predictions.npz")
    loaded = PredictionCache.load(tmp_path / "predictions.npz")
    assert loaded.name == predictions.name
    for field, array in arrays(predictions).items():
        assert getattr(loaded, field).tobytes() == array.tobytes()


def test_a_prediction_cache_is_read_only_and_leaves_the_callers_array_alone() -> None:
    predictions = PredictionCache.synthetic(8)
    with pytest.raises(ValueError, match="read-only"):
        predictions.probabilities[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        predictions.name = "other"  # type: ignore[misc]
    costs = np.array([1, 2, 3, 4])
    PredictionCache(predictions.probabilities, predictions.labels, costs)
    costs[0] = 0


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("probabilities", lambda p: p * 2),
        ("probabilities", lambda p: np.where(p == p.max(), np.nan, p)),
        ("probabilities", lambda p: p[:, 0]),
        ("probabilities", lambda p: p[:, :1]),
        ("probabilities", lambda p: (p * 100).astype(int)),
        ("labels", lambda labels: labels - labels.max() - 1),
        ("labels", lambda labels: labels + 10),
        ("labels", lambda labels: labels[:-1]),
        ("labels", lambda labels: labels.astype(float)),
        ("costs", lambda costs: costs[::-1]),
        ("costs", lambda costs: costs - costs[0]),
        ("costs", lambda costs: costs * 10**12),
        ("costs", lambda costs: costs / 2),
    ],
)
def test_arrays_that_are_no_prediction_cache_are_refused(field: str, change: object) -> None:
    fields = arrays(PredictionCache.synthetic(20))
    fields[field] = change(fields[field])  # type: ignore[operator]
    with pytest.raises(UserError, match=r"prob|label|cost|prediction cache"):
        PredictionCache(**fields)


def test_files_that_are_no_prediction_cache_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    with pytest.raises(UserError, match="no prediction cache at"):
        PredictionCache.load(path)
    path.write_bytes(b"PK not a zip")
    with pytest.raises(UserError, match="is not a prediction cache"):
        PredictionCache.load(path)
    np.savez(path, probabilities=np.ones(3))
    with pytest.raises(UserError, match="is not a prediction cache"):
        PredictionCache.load(path)
    np.savez(path, probabilities=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="is not a prediction cache"):
        PredictionCache.load(path)


def test_a_reference_pair_survives_half_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibration, test = (
        PredictionCache.synthetic(200, seed=1),
        PredictionCache.synthetic(100, seed=2),
    )
    reference.save_reference(tmp_path / "half-test.npz", calibration, test)
    monkeypatch.setattr(reference, "CACHED", tmp_path)
    for loaded, predictions in zip(
        reference.load_reference("half-test"), (calibration, test), strict=True
    ):
        np.testing.assert_allclose(loaded.probabilities, predictions.probabilities, atol=5e-4)
        np.testing.assert_array_equal(loaded.labels, predictions.labels)
        np.testing.assert_array_equal(loaded.costs, predictions.costs)
    with pytest.raises(UserError, match="half-test"):
        reference.load_reference("absent")


def test_caches_of_two_networks_are_no_pair(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one network"):
        reference.save_reference(
            tmp_path / "pair.npz",
            PredictionCache.synthetic(exits=3),
            PredictionCache.synthetic(exits=4),
        )


def test_later_exits_of_a_synthetic_prediction_cache_are_better() -> None:
    accuracy = PredictionCache.synthetic(4000, 5, seed=3).correct.mean(axis=0)
    assert (np.diff(accuracy) > 0.02).all()

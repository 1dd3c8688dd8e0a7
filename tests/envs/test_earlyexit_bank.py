from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.envs.earlyexit import observation, reference
from leapbench.envs.earlyexit.bank import Bank
from leapbench.envs.earlyexit.observation import Column
from leapbench.errors import UserError

banks = st.builds(
    Bank.synthetic,
    samples=st.integers(1, 40),
    exits=st.integers(2, 6),
    classes=st.integers(2, 12),
    seed=st.integers(0, 1000),
)


def arrays(bank: Bank) -> dict[str, np.ndarray]:
    return {f: getattr(bank, f).copy() for f in ("probabilities", "labels", "costs")}


@given(banks)
@settings(max_examples=40, deadline=None)
def test_streak_counts_the_earlier_exits_that_agree(bank: Bank) -> None:
    for predictions, streak in zip(bank.predictions, bank.streak, strict=True):
        for k in range(bank.exits):
            agreeing = 0
            while agreeing < k and predictions[k - 1 - agreeing] == predictions[k]:
                agreeing += 1
            assert streak[k] == agreeing


@given(banks)
@settings(max_examples=40, deadline=None)
def test_derived_quantities_follow_their_definitions(bank: Bank) -> None:
    p = bank.probabilities.astype(np.float64)
    descending = -np.sort(-p, axis=2)
    np.testing.assert_array_equal(bank.confidence, descending[..., 0])
    np.testing.assert_allclose(bank.margin, descending[..., 0] - descending[..., 1], atol=1e-6)
    nats = -(p * np.log(np.maximum(p, 1e-45))).sum(axis=2)
    np.testing.assert_allclose(bank.entropy, nats / np.log(bank.classes), atol=1e-5)
    chosen = np.take_along_axis(p, bank.predictions[..., None], axis=2)[..., 0]
    np.testing.assert_array_equal(chosen, descending[..., 0])
    assert (bank.correct == (bank.predictions == bank.labels[:, None])).all()


def test_extreme_softmax_gives_extreme_entropy_and_margin() -> None:
    p = np.array([[[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]]], np.float32)
    bank = Bank(p, np.array([0]), np.array([1, 2]))
    np.testing.assert_allclose(bank.entropy, [[0, 1]], atol=1e-6)
    np.testing.assert_allclose(bank.margin, [[1, 0]], atol=1e-6)


@given(banks)
@settings(max_examples=40, deadline=None)
def test_the_table_lies_in_the_space_and_shows_what_the_bank_says(bank: Bank) -> None:
    table = observation.table(bank)
    assert all(row in observation.space() for row in table)
    cube = table.reshape(bank.samples, bank.exits, len(Column))
    np.testing.assert_array_equal(cube[..., Column.TOP1], bank.confidence)
    np.testing.assert_array_equal(cube[..., Column.ENTROPY], bank.entropy)
    assert (np.diff(cube[..., Column.TOP1 : Column.TOP5 + 1], axis=2) <= 0).all()
    steps = cube[..., :-1, Column.SPENT] + cube[..., :-1, Column.NEXT]
    np.testing.assert_allclose(steps, cube[..., 1:, Column.SPENT], atol=1e-6)
    assert (cube[:, -1, [Column.EXIT, Column.SPENT]] == 1).all()
    assert (cube[:, -1, Column.NEXT] == 0).all()
    if bank.classes < observation.TOP:
        assert (cube[..., Column.TOP1 + bank.classes : Column.TOP5 + 1] == 0).all()


def test_save_and_load_keep_every_byte(tmp_path: Path) -> None:
    bank = Bank.synthetic(30, 3, 4, seed=5)
    bank.save(tmp_path / "bank.npz")
    loaded = Bank.load(tmp_path / "bank.npz")
    assert loaded.name == bank.name
    for field, array in arrays(bank).items():
        assert getattr(loaded, field).tobytes() == array.tobytes()


def test_a_bank_is_read_only_and_leaves_the_callers_array_alone() -> None:
    bank = Bank.synthetic(8)
    with pytest.raises(ValueError, match="read-only"):
        bank.probabilities[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        bank.name = "other"  # type: ignore[misc]
    costs = np.array([1, 2, 3, 4])
    Bank(bank.probabilities, bank.labels, costs)
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
def test_arrays_that_are_no_bank_are_refused(field: str, change: object) -> None:
    fields = arrays(Bank.synthetic(20))
    fields[field] = change(fields[field])  # type: ignore[operator]
    with pytest.raises(UserError, match=r"prob|label|cost|bank"):
        Bank(**fields)


def test_files_that_are_no_bank_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bank.npz"
    with pytest.raises(UserError, match="no bank at"):
        Bank.load(path)
    path.write_bytes(b"PK not a zip")
    with pytest.raises(UserError, match="is not a bank"):
        Bank.load(path)
    np.savez(path, probabilities=np.ones(3))
    with pytest.raises(UserError, match="is not a bank"):
        Bank.load(path)
    np.savez(path, probabilities=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="is not a bank"):
        Bank.load(path)


def test_a_reference_pair_survives_half_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibration, test = Bank.synthetic(200, seed=1), Bank.synthetic(100, seed=2)
    reference.save_reference(tmp_path / "half-test.npz", calibration, test)
    monkeypatch.setattr(reference, "BANKS", tmp_path)
    for loaded, bank in zip(
        reference.load_reference("half-test"), (calibration, test), strict=True
    ):
        np.testing.assert_allclose(loaded.probabilities, bank.probabilities, atol=5e-4)
        np.testing.assert_array_equal(loaded.labels, bank.labels)
        np.testing.assert_array_equal(loaded.costs, bank.costs)
    with pytest.raises(UserError, match="half-test"):
        reference.load_reference("absent")


def test_banks_of_two_networks_are_no_pair(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one network"):
        reference.save_reference(
            tmp_path / "pair.npz", Bank.synthetic(exits=3), Bank.synthetic(exits=4)
        )


def test_later_exits_of_a_synthetic_bank_are_better() -> None:
    accuracy = Bank.synthetic(4000, 5, seed=3).correct.mean(axis=0)
    assert (np.diff(accuracy) > 0.02).all()

"""Protocols are frozen data with a hash of their content."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st
from pydantic import ValidationError

from leapbench.contract.task import (
    Anchor,
    Budget,
    Evaluation,
    Metric,
    Phase,
    Protocol,
    canonical,
)

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
few = limited(max_examples=30)
settings = st.dictionaries(st.text(max_size=5), values, max_size=4)


def protocol(**changes: object) -> Protocol:
    fields: dict[str, object] = {
        "task": "toy/one",
        "tier": "smoke",
        "version": 1,
        "phases": (Phase(name="p", role="policy", budget=Budget(unit="steps", limit=5)),),
        "evaluation": Evaluation(environment="toys/One-v0", episodes=2),
        "metric": Metric(
            name="m", floor=Anchor(value=0, source="a"), ceiling=Anchor(value=2, source="b")
        ),
    }
    return Protocol.model_validate(fields | changes)


@few
@given(settings)
def test_the_hash_survives_json_and_key_order(chosen: dict[str, object]) -> None:
    one = protocol(settings=chosen)
    data = json.loads(canonical(one.model_dump(mode="json")))
    turned = {key: data[key] for key in reversed(list(data))}
    turned["settings"] = {key: chosen[key] for key in reversed(list(chosen))}
    assert Protocol.model_validate(data).hash == one.hash == Protocol.model_validate(turned).hash


@few
@given(settings, settings)
def test_other_settings_have_another_hash(a: dict[str, object], b: dict[str, object]) -> None:
    same = canonical(a) == canonical(b)
    assert (protocol(settings=a).hash == protocol(settings=b).hash) == same


@pytest.mark.parametrize(
    "change",
    [
        {"task": "toy/two"},
        {"tier": "lite"},
        {"version": 2},
        {"phases": ()},
        {"evaluation": Evaluation(environment="toys/One-v0", episodes=3)},
        {"presets": {"hidden": 64}},
    ],
)
def test_every_field_is_part_of_the_hash(change: dict[str, object]) -> None:
    assert protocol(**change).hash != protocol().hash


def test_a_new_field_with_a_default_changes_no_hash() -> None:
    class Later(Protocol):
        colour: str = "red"

    data = protocol().model_dump()
    assert Later.model_validate(data).hash == protocol().hash == protocol(presets={}).hash
    assert Later.model_validate(data | {"colour": "blue"}).hash != protocol().hash
    assert protocol(version=3).seed_key == "toy/one/smoke/v3"


def test_texts_about_the_anchors_change_no_hash_and_their_values_do() -> None:
    low, high = Anchor(value=0, source="told better"), Anchor(value=2, source="")
    same = Metric(name="m", floor=low, ceiling=high)
    assert protocol(metric=same).hash == protocol().hash
    other = Metric(name="m", floor=low, ceiling=Anchor(value=2.5, source=""))
    assert protocol(metric=other).hash != protocol().hash


@pytest.mark.parametrize("ends", [(1, 1), (0.1 + 0.2, 0.3), (0, float("inf")), (float("nan"), 1)])
def test_a_scale_of_no_length_is_refused(ends: tuple[float, float]) -> None:
    low, high = (Anchor(value=value, source="") for value in ends)
    with pytest.raises(ValidationError, match="two finite numbers that differ"):
        Metric(name="m", floor=low, ceiling=high)


@given(numbers, numbers, st.floats(0, 1))
def test_normalising_is_a_line_from_floor_to_ceiling(a: float, b: float, share: float) -> None:
    if abs(b - a) < 1e-3 or abs(a) > 1e8 or abs(b) > 1e8:
        return
    metric = Metric(name="m", floor=Anchor(value=a, source=""), ceiling=Anchor(value=b, source=""))
    assert metric.normalise(a) == 0
    assert metric.normalise(b) == 1
    assert metric.normalise(a + share * (b - a)) == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_budget_is_positive(limit: int) -> None:
    with pytest.raises(ValidationError):
        Budget(unit="steps", limit=limit)


def test_records_are_frozen_and_refuse_unknown_fields() -> None:
    one = protocol()
    with pytest.raises(ValidationError):
        one.version = 2  # type: ignore[misc]
    with pytest.raises(ValidationError, match="extra"):
        protocol(colour="red")
    with pytest.raises(ValidationError, match="tier"):
        protocol(tier="medium")


def test_canonical_json_refuses_what_json_lacks() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})
    assert canonical({"b": 1, "a": [1.5, None]}) == '{"a":[1.5,null],"b":1}'

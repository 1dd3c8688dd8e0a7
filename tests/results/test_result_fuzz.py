"""Whatever the bytes are, reading a result ends in a result or in a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from test_result import make, rows

from leapbench.errors import UserError
from leapbench.results import result
from leapbench.results.result import Result


def read_bytes(data: bytes) -> Result | None:
    """The result, or None when it was refused; anything else escapes and fails the test."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.json"
        path.write_bytes(data)
        try:
            return result.read(path)
        except UserError as error:
            if len(error.message) > 2000:
                raise
            return None


TEXT = result.serialise(make())
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.binary(max_size=400))
@example(b"[" * 150_000)
@example(b'{"a":' * 30_000)
@example(b'{"details":{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}}")
@example(b'{"seed":1' + b"0" * 150_000 + b"}")
@example(b'{"seed":-0.1e-999999999999}')
@example(b'{"message":"\\ud800"}')
@example(b'{"' + b"x" * 150_000 + b'":1}')
def test_random_bytes_are_refused(data: bytes) -> None:
    assert read_bytes(data) is None


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.binary(max_size=2)), max_size=3))
def test_changed_bytes_are_refused_or_change_nothing(changes: list[tuple[int, bytes]]) -> None:
    data = TEXT
    for place, new in changes:
        data = data[:place] + new + data[place + 1 :]
    found = read_bytes(data)
    assert found is None or found.digest() == make().digest()


@settings(max_examples=300)
@given(st.sampled_from([*json.loads(TEXT), "other"]), trees)
@example("episodes", {"a": [10**4000]})
@example("metrics", {"a": 10**400})
@example("score", 1e308 * 10)
def test_random_fields_are_refused_or_change_nothing(field: str, value: Any) -> None:
    found = read_bytes(json.dumps(json.loads(TEXT) | {field: value}).encode())
    assert found is None or found.digest() == make().digest()


@settings(max_examples=200)
@given(details=st.dictionaries(st.text(max_size=5), trees), episodes=rows)
def test_whoever_makes_up_a_result_with_its_run_id_gets_what_they_made(
    details: dict[str, Any], episodes: dict[str, list[Any]]
) -> None:
    try:
        data = result.serialise(make(details=details, episodes=episodes))
    except ValueError:  # NaN and infinities
        return
    found = read_bytes(data)
    assert found is not None
    again = Result.model_validate_json(found.model_dump_json())
    assert again == found
    assert result.serialise(again) == data


@pytest.mark.parametrize("depth", [50, 150, 190, 197, 250, 5000])
def test_nesting_is_taken_whole_or_refused(depth: int) -> None:
    text = b'{"deep": ' + b"[" * depth + b"]" * depth + b"}"
    data = TEXT.replace(b'"details": {}', b'"details": ' + text)
    data = data.replace(b'"run_id": "' + make().digest().encode(), b'"run_id": "')
    try:
        found = Result.model_validate_json(data)
    except ValidationError as error:
        assert "recursion" in str(error)  # noqa: PT017
        assert read_bytes(data) is None
        return
    again = read_bytes(result.serialise(found))
    assert again is not None
    assert Result.model_validate_json(again.model_dump_json()) == again


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("field", ["timing", "provenance"])
def test_what_is_no_number_is_refused_outside_the_identity_too(field: str, value: float) -> None:
    data = json.loads(TEXT) | {field: {"cpu": value}}
    assert read_bytes(json.dumps(data).encode()) is None


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(UserError, match="larger than"):
        result.read(Path("/dev/zero"))


def test_a_path_that_cannot_be_is_told() -> None:
    with pytest.raises(UserError, match="cannot be read: embedded null byte"):
        result.read(Path("a\0b"))

"""The processor that a result names: models of one name are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.results import provenance

NUMBERS = "cpu family\t: 25\nmodel\t\t: 17\nmodel name\t: {}\nstepping\t: 1\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (NUMBERS.format("AMD EPYC"), "AMD EPYC, model 25.17.1"),
        (NUMBERS.format("AMD EPYC 9654"), "AMD EPYC 9654"),
        ("model name\t: Plain\n", "Plain"),
    ],
)
def test_a_name_without_a_number_is_told_apart_by_its_model(
    text: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: text)
    assert provenance._cpu() == name

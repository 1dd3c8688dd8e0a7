"""Everything that `import leapbench as lb` offers is documented, with its arguments."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import leapbench as lb

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text()
FUNCTIONS = [name for name in lb.__all__ if name.islower()]
SIGNATURES = re.findall(r"^\| `lb\.(\w+)\(([^`]*)\)`", PAGE, re.MULTILINE)


def function(name: str) -> Any:
    """The function; `results` is a package that can be called, too."""
    from leapbench.api.results import results

    return results if name == "results" else getattr(lb, name)


@pytest.mark.parametrize("name", lb.__all__)
def test_the_page_names_it(name: str) -> None:
    assert f"lb.{name}" in PAGE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_docstring_says_what_goes_in_comes_out_and_is_raised(name: str) -> None:
    text = inspect.getdoc(function(name)) or ""
    arguments = text.partition("Args:")[2].partition("Raises:")[0]
    for parameter in inspect.signature(function(name)).parameters:
        assert re.search(rf"^ +{parameter}: ", arguments, re.MULTILINE), parameter
    assert "Returns:" in text
    assert "UserError: " in text.partition("Raises:")[2]


def test_signatures_of_the_page_are_real() -> None:
    assert {name for name, _ in SIGNATURES} == set(FUNCTIONS)
    for name, words in SIGNATURES:
        parameters = inspect.signature(function(name)).parameters
        named = [word.strip() for word in words.split(",")]
        wrong = [word for word in named if word not in parameters]
        assert wrong == [], name

"""The source hash follows the code, and nothing but the code."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leapbench.running.source import source_hash

CODE = '''"""A module."""


def double(x: int) -> int:
    """Twice x."""
    # by addition
    return x + x


class Empty:
    """Nothing."""
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.py"
    path.write_text(CODE)
    return path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""A module."""', '"""Another text."""'),
        ('"""A module."""', ""),
        ('"""Twice x."""', '"""Two times\n    x.\n    """'),
        ("# by addition", ""),
        ("return x + x", "return (x\n            + x)"),
        ("\n\n\nclass", "\n\nclass"),
    ],
)
def test_comments_docstrings_and_formatting_do_not_count(
    file: Path, before: str, after: str
) -> None:
    kept = source_hash([str(file)])
    assert before in CODE
    file.write_text(CODE.replace(before, after))
    assert source_hash([str(file)]) == kept


@pytest.mark.parametrize(
    ("before", "after"),
    [("x + x", "x * 2"), ("double", "twice"), ("x: int", "x"), ("Empty", "Void"), ("+ x", "+ 'x'")],
)
def test_code_counts(file: Path, before: str, after: str) -> None:
    kept = source_hash([str(file)])
    file.write_text(CODE.replace(before, after))
    assert source_hash([str(file)]) != kept


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "here" / "hashed"
    (folder / "below").mkdir(parents=True)
    for name in ("__init__.py", "one.py", "two.py", "below/__init__.py"):
        (folder / name).write_text(CODE)
    (folder / "means.json").write_text("{}")
    monkeypatch.syspath_prepend(str(folder.parent))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "hashed"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("file", "counts"),
    [("one.py", True), ("means.json", True), ("notes.md", False), ("below/__init__.py", False)],
)
def test_a_package_counts_with_its_code_and_data(package: Path, file: str, counts: bool) -> None:
    kept = source_hash(["hashed"])
    (package / file).write_text("x = 1")
    assert (source_hash(["hashed"]) != kept) == counts


def test_a_module_counts_alone_and_in_any_order(package: Path) -> None:
    kept = source_hash(["hashed.one", "hashed.two"])
    assert source_hash(["hashed.two", "hashed.one", "hashed.one"]) == kept
    (package / "means.json").write_text("[]")
    assert source_hash(["hashed.one", "hashed.two"]) == kept
    (package / "two.py").write_text("")
    assert source_hash(["hashed.one", "hashed.two"]) != kept


def test_a_renamed_file_counts(package: Path) -> None:
    kept = source_hash(["hashed"])
    (package / "one.py").rename(package / "uno.py")
    assert source_hash(["hashed"]) != kept


def test_the_place_of_a_package_does_not_count(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mmm").mkdir()
    (tmp_path / "mmm" / "other.py").write_text("x = 1")
    monkeypatch.syspath_prepend(str(tmp_path / "mmm"))
    names = ["hashed", "other"]
    kept = source_hash(names)
    for there in ("aaa", "zzz"):
        shutil.copytree(package, tmp_path / there / "hashed")
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(tmp_path / there))
            sys.modules.pop("hashed", None)
            assert source_hash(names) == kept


def test_an_unknown_module_is_told() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        source_hash(["nowhere"])

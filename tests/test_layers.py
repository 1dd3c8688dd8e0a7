"""Imports point one way: no room of the suite knows the rooms above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("envs", "tasks", "agents", "leaderboards")  # beside `leapbench`, installed inside it
LAYERS = (  # from the bottom up; rooms on one line do not know each other
    ("errors",),
    ("contract", "envs", "figures", "operators"),
    ("macs",),
    ("data", "results"),
    ("isolation",),
    ("graphs",),
    ("running",),
    ("agents", "tasks"),
    ("leaderboards",),
    ("studies", "testing"),
    ("api",),
    ("cli",),
    ("__main__",),
)
NARROW = {  # what is below them is more than these may know
    "envs": {"errors"},
    "agents": {"errors", "contract", "envs", "graphs", "macs"},
    "tasks": {"errors", "contract", "envs", "data", "macs"},
}
HEIGHT = {room: height for height, layer in enumerate(LAYERS) for room in layer}


def rooms() -> dict[str, list[Path]]:
    """Python files of each room; a module directly in `leapbench` is a room of its own."""
    found = {name: sorted((ROOT / name).rglob("*.py")) for name in ROOMS}
    for entry in sorted((ROOT / "leapbench").iterdir()):
        if entry.is_dir() and any(entry.glob("*.py")):
            found[entry.name] = sorted(entry.rglob("*.py"))
        elif entry.suffix == ".py" and entry.name != "__init__.py":  # which knows `contract`
            found[entry.stem] = [entry]
    return found


def imported(text: str) -> Iterator[tuple[int, str]]:
    """Line and room of every import from the suite, at any depth."""
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "leapbench":
            names = [f"leapbench.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            if name.startswith("leapbench."):
                yield node.lineno, name.split(".")[1]


def allowed(room: str, other: str) -> bool:
    if room == other:
        return True
    return other in NARROW.get(room, HEIGHT) and HEIGHT[other] < HEIGHT[room]


def test_every_room_has_its_place() -> None:
    assert set(rooms()) == set(HEIGHT)


@pytest.mark.parametrize("room", HEIGHT)
def test_no_import_points_upwards(room: str) -> None:
    arrows = [
        f"{file.relative_to(ROOT)}:{line} imports {other}"
        for file in rooms()[room]
        for line, other in imported(file.read_text(encoding="utf-8"))
        if not allowed(room, other)
    ]
    assert arrows == []


@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("def run():\n    from leapbench.tasks.urlb import base", "tasks"),
        ("from leapbench import cli", "cli"),
        ("if True: import leapbench.envs.urlb as worlds", "envs"),
    ],
)
def test_imports_are_found(text: str, room: str) -> None:
    assert [found for _, found in imported(text)] == [room]


@pytest.mark.parametrize(
    ("room", "other"),
    [("envs", "contract"), ("agents", "tasks"), ("tasks", "running"), ("running", "leaderboards")],
)
def test_what_points_upwards_is_refused(room: str, other: str) -> None:
    assert not allowed(room, other)

"""Agents in files: a name of their own, readable and bounded, and results of their own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.leaderboards.board import load
from leapbench.running import external
from leapbench.running.composition import compose
from leapbench.running.plan import plan
from leapbench.running.sweep import sweep

pytestmark = pytest.mark.usefixtures("plugin")

CLASS = """
class {name}:
    def __init__(self, side: int = {side}): self.side = side
    def learn(self, phase): pass
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        import numpy as np
        return np.full(len(observation), self.side), state
    def save(self, folder): pass
    def load(self, folder): pass
"""


class Nobody:
    """An observer who looks at nothing."""

    def started(self, *_: object) -> None: ...
    def progress(self, *_: object) -> None: ...
    def finished(self, *_: object) -> None: ...


def write(path: Path, *names: str, side: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(CLASS.format(name=name, side=side) for name in names))
    return path


def files(root: Path, agents: Iterable[str], *settings: str) -> list[Path]:
    """Where the results of one command lie."""
    cells = plan("coins/small", "smoke", list(agents), "0", settings, root / "runs")
    sweep(cells, 1, Nobody())
    return [cell.path for cell in cells]


def pair(root: Path, case: str) -> tuple[str, str]:
    """Two agents that a careless name would take for one."""
    match case:
        case "folders":
            a, b = write(root / "A/agent.py", "Base"), write(root / "B/agent.py", "Base", side=0)
            return f"{a}:Base", f"{b}:Base"
        case "joined":
            a, b = write(root / "a.py", "B_C"), write(root / "a_b.py", "C", side=0)
            return f"{a}:B_C", f"{b}:C"
        case "case of a class":
            a = write(root / "agent.py", "AB", "Ab")
            return f"{a}:AB", f"{a}:Ab"
        case "underscores":
            a = write(root / "agent.py", "A_B", "AB_")
            return f"{a}:A_B", f"{a}:AB_"
        case "other script":
            a = write(root / "\u0430\u0433\u0435\u043d\u0442.py", "\u0411\u0430", "\u0412\u0430")
            return f"{a}:\u0411\u0430", f"{a}:\u0412\u0430"
        case "300 letters":
            a = write(root / "agent.py", "A" * 300, "A" * 299 + "B")
            return f"{a}:{'A' * 300}", f"{a}:{'A' * 299}B"
        case "plus":
            a, b = write(root / "a+b/c+d.py", "X"), write(root / "a+b/c-d.py", "X", side=0)
            return f"{a}:X", f"toy-mean+{b}:X"
        case "not printable":
            a, b = write(root / "a\udcff.py", "X"), write(root / "a\udcfe.py", "X")
            return f"{a}:X", f"{b}:X"
        case "dots":
            a, b = write(root / "a.b.py", "X"), write(root / "a-b.py", "X")
            return f"{a}:X", f"{b}:X"
        case "case of a file":
            a, b = write(root / "Agent.py", "X"), write(root / "agent.py", "X")
            return f"{a}:X", f"{b}:X"
        case "declared":
            return f"{write(root / 'toy.py', 'Guess')}:Guess", "toy-guess"
    raise ValueError(case)


CASES = ["folders", "joined", "case of a class", "underscores", "other script", "300 letters"]
CASES += ["plus", "not printable", "dots", "case of a file", "declared"]


@pytest.mark.parametrize("case", CASES)
def test_two_agents_have_two_results(tmp_path: Path, case: str) -> None:
    a, b = pair(tmp_path, case)
    first, second = files(tmp_path, [a, b])
    assert first != second
    assert first.exists()
    assert second.exists()
    assert [files(tmp_path, [a]), files(tmp_path, [b])] == [[first], [second]]
    assert all(len(path.parent.name.encode()) <= 120 for path in (first, second))
    protocol = registry.task("coins/small").protocols["smoke"]
    labels = {row.label for row in load(protocol, tmp_path / "runs", committed=False).rows}
    assert len(labels) == 2


def test_a_name_is_what_was_typed_without_the_folder(tmp_path: Path) -> None:
    text = f"{write(tmp_path / 'fixed.py', 'Exit')}:Exit"
    made = compose(registry.task("coins/small"), text)
    assert made.parts["policy"].name == "fixed.py:Exit"
    assert made.record().folder.startswith("toy-mean+fixed.py-Exit--")


def test_a_result_is_found_again_and_an_edit_has_one_of_its_own(tmp_path: Path) -> None:
    file = write(tmp_path / "agent.py", "X")
    (before,) = files(tmp_path, [f"{file}:X"])
    assert files(tmp_path, [f"{file}:X"]) == [before]
    write(file, "X", side=0)
    external.module.cache_clear()
    (after,) = files(tmp_path, [f"{file}:X"])
    assert before.exists()
    assert after != before


def test_copies_are_refused_for_they_may_read_what_lies_beside(tmp_path: Path) -> None:
    a, b = write(tmp_path / "A/agent.py", "X"), write(tmp_path / "B/agent.py", "X")
    with pytest.raises(UserError, match="the same agent"):
        files(tmp_path, [f"{a}:X", f"{b}:X"])


def test_settings_of_a_class_of_the_users_are_on_the_board(tmp_path: Path) -> None:
    text = f"{write(tmp_path / 'agent.py', 'X')}:X"
    paths = files(tmp_path, [text], "side=0") + files(tmp_path, [text], "agent.py:X.side=2")
    assert len({*paths, *files(tmp_path, [text])}) == 3
    protocol = registry.task("coins/small").protocols["smoke"]
    board = load(protocol, tmp_path / "runs", committed=False)
    labels = {row.label for row in board.rows}
    assert labels == {f"toy-mean+agent.py:X{s}" for s in ("", " side=0", " side=2")}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a+b", ["a", "b"]),
        ("toy-mean+{}/a+b/c.py:X", ["toy-mean", "{}/a+b/c.py:X"]),
        ("{}/a+b/c.py:X+toy-mean", ["{}/a+b/c.py:X", "toy-mean"]),
        ("onnx:{}/a+b/c.py", ["onnx:{}/a+b/c.py"]),
        ("a\0+b:c", ["a\0", "b:c"]),
        ("a" * 5000 + ":X+b", ["a" * 5000 + ":X", "b"]),
    ],
)
def test_a_plus_in_a_path_is_no_end_of_a_part(tmp_path: Path, text: str, parts: list[str]) -> None:
    write(tmp_path / "a+b/c.py", "X")
    root = str(tmp_path)
    assert external.split(text.replace("{}", root)) == [p.replace("{}", root) for p in parts]

"""Further methods and values of a part in a guest; what it makes up is not taken for them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leapbench.contract.agent import Remote
from leapbench.errors import AgentError, InvalidOutput
from leapbench.isolation.part import RemotePart
from leapbench.isolation.remote import GuestProcess

pytestmark = pytest.mark.sandbox

CODE = """
    import time
    import numpy as np

    class Odd:
        sight, half, many, nothing = "batch", 0.5, [1, 2], None
        long = "x" * 1000

        def echo(self, *given):
            self.given = given
            return given[0] if given else None

        def sum(self, a, b, by):
            return (a + b) * by[1]

        def kind(self, index):
            each = self.given[index]
            return f"{type(each).__name__} {each!r}"

        def burn(self):
            until = time.process_time() + 1.1  # what the host reads is in ticks of 10 ms
            while time.process_time() < until:
                pass

        def raises(self):
            raise ValueError("not today")
"""


@pytest.fixture
def part(tmp_path: Path, tidy: None) -> Iterator[RemotePart]:
    file = tmp_path / "odd.py"
    file.write_text(textwrap.dedent(CODE))
    with GuestProcess(file, "Odd", {}) as guest:
        yield RemotePart(guest)


def test_arrays_and_plain_values_arrive_in_their_places(part: RemotePart) -> None:
    assert isinstance(part, Remote)
    a, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((2, 3), np.float32)
    made: Any = part.invoke("sum", a, b, (7, 2.5))
    assert made.dtype == np.float32
    assert np.array_equal(made, (a + b) * 2.5)
    assert part.invoke("echo", 3, (1.5, 2), np.uint8([1]), "word") == 3
    kinds = [part.invoke("kind", i) for i in range(4)]
    assert kinds == ["int 3", "tuple (1.5, 2)", "ndarray array([1], dtype=uint8)", "str 'word'"]
    assert part.invoke("echo") is None


@pytest.mark.parametrize("value", [True, 7, -0.25, "text", (1, 2)])
def test_values_come_back_as_they_are(part: RemotePart, value: Any) -> None:
    if isinstance(value, tuple):
        with pytest.raises(InvalidOutput, match="echo gave a tuple, expected an array"):
            part.invoke("echo", value)
    else:
        back = part.invoke("echo", value)
        assert (back, type(back)) == (value, type(value))


def test_attributes_that_are_plain_are_told_and_no_others(part: RemotePart) -> None:
    assert part.value("sight") == "batch"
    assert part.value("half") == 0.5
    assert [part.value(name) for name in ("nothing", "many", "absent")] == [None] * 3
    assert part.value("long") == "x" * 200


def test_its_cpu_seconds_count_while_it_lives_and_after(part: RemotePart) -> None:
    part.invoke("echo")
    before = part.guest.cpu
    part.invoke("burn")
    living = part.guest.cpu
    assert 1.0 <= living - before < 1.5
    part.guest.close()
    assert living <= part.guest.cpu < living + 2.0


def test_what_is_raised_there_is_the_agents(part: RemotePart) -> None:
    with pytest.raises(AgentError, match=r"ValueError: not today \(odd.py:\d+\)"):
        part.invoke("raises")
    with pytest.raises(AgentError, match="not today"):  # it is gone, and says why
        part.value("sight")


def test_a_method_that_is_not_there(part: RemotePart) -> None:
    with pytest.raises(AgentError, match="no attribute 'render'"):
        part.invoke("render")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ('{"value": [1, 2]}, []', None),
        ('{"value": {"a": 1}}, []', None),
        ("{}, []", None),
        ("{}, [np.zeros(1), np.zeros(1)]", InvalidOutput),
        ('{"odd": ["x"] * 500}, []', InvalidOutput),
    ],
)
def test_answers_that_are_made_up(tmp_path: Path, answer: str, outcome: Any, tidy: None) -> None:
    file = tmp_path / "sly.py"
    code = f"""
        import numpy as np
        from leapbench.isolation import guest

        class Odd:
            def __init__(self):
                guest._answered = lambda given: ({answer})

            def render(self):
                return 1
    """
    file.write_text(textwrap.dedent(code))
    with GuestProcess(file, "Odd", {}) as sly:
        if outcome is None:
            assert RemotePart(sly).invoke("render") is None
        else:
            with pytest.raises(outcome, match=r"render gave .{1,41}, expected an array"):
                RemotePart(sly).invoke("render")

"""A machine on which no guest can be started says so; that is no fault of the agent's."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.errors import UserError
from leapbench.isolation.channel import ClosedError
from leapbench.isolation.limits import Limits
from leapbench.isolation.remote import Guest
from leapbench.isolation.sandbox import Sandbox
from leapbench.running import doctor


@pytest.fixture
def unstartable(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang_up(self: Sandbox) -> None:
        raise ClosedError

    monkeypatch.setattr(Sandbox, "started", hang_up)


def test_the_doctor_tells_what_a_guest_has() -> None:
    (check,) = doctor.isolation()
    assert check.level in ("ok", "warn")
    assert check.found.startswith("own process")
    assert (check.level == "warn") == ("not protected" in check.found)


@pytest.mark.usefixtures("unstartable")
def test_what_cannot_be_started_is_not_the_agents_fault(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("class A:\n    pass\n")
    with (
        Guest(file, "A", {}, Limits(cpu=10, wall=10)) as guest,
        pytest.raises(UserError, match="leapbench doctor"),
    ):
        guest.call({"call": "learn"})


@pytest.mark.usefixtures("unstartable")
def test_the_doctor_tells_that_nothing_can_be_started() -> None:
    (check,) = doctor.isolation()
    assert check.level == "warn"
    assert "No process for an agent can be started" in check.found

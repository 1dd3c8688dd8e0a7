"""Settings of an agent's class, read from its source as its constructor has them."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from leapbench.contract import registry
from leapbench.contract.declaration import Declaration
from leapbench.contract.settings import MISSING, settings_of
from leapbench.errors import UserError

SOURCE = '''
from dataclasses import dataclass, field
from typing import ClassVar

from settings_base import Base as Older

LONG = 7


@dataclass(kw_only=True)
class Child(Older):
    """A child.

    Args:
        rate: of the child,
            told at length.
    """

    rate: float = 0.5
    size: int = LONG
    hidden: int = field(default=1, init=False)
    shared: ClassVar[int] = 3


class Grandchild(Child):
    """Adds nothing."""


class Plain:
    """Has a constructor.

    Args:
        path: of a file.
    """

    def __init__(self, path: str, *, deep: bool = True) -> None:
        pass


class Computed:
    def __init__(self, rate: float = 1 / 3) -> None:
        pass
'''
BASE = '''
from dataclasses import dataclass


@dataclass
class Base:
    """A base.

    Args:
        rate: of the base.
        mode: how; "a" or "b".
    """

    rate: float = 0.1
    mode: str = "a"
    limit: int = -1
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    package = tmp_path / "settings_toys"
    package.mkdir()
    (package / "__init__.py").write_text("")
    text = SOURCE.replace("settings_base", "settings_toys.base")
    (package / "child.py").write_text(text)
    (package / "base.py").write_text(BASE)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings_of.cache_clear()
    return "settings_toys.child"


def test_fields_of_dataclasses_are_inherited_overridden_and_explained(module: str) -> None:
    for name in ("Child", "Grandchild"):
        found = settings_of(f"{module}:{name}")
        defaults = {key: each.default for key, each in found.items()}
        assert defaults == {"rate": 0.5, "mode": "a", "limit": -1, "size": 7}
        assert found["rate"].meaning == "of the child, told at length."
        assert found["mode"].meaning == 'how; "a" or "b".'
        assert found["limit"].meaning == ""


def test_parameters_of_a_constructor(module: str) -> None:
    assert settings_of(f"{module}:Plain") == {
        "path": (MISSING, "of a file."),
        "deep": (True, ""),
    }


@pytest.mark.parametrize("name", ["Computed", "Nobody"])
def test_what_cannot_be_read_is_told(module: str, name: str) -> None:
    with pytest.raises(UserError, match=name):
        settings_of(f"{module}:{name}")


def test_a_declaration_overrides_and_is_checked(module: str) -> None:
    def made(**settings: bool | int | float | str) -> Declaration:
        entry = f"{module}:Child"
        return Declaration(name="a", role="policy", entry=entry, summary="", settings=settings)

    assert made(rate=1).config == {"rate": 1.0, "mode": "a", "limit": -1, "size": 7}
    assert type(made(rate=1).config["rate"]) is float
    for wrong in ({"speed": 1}, {"size": 1.5}, {"mode": True}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            _ = made(**wrong).config  # type: ignore[arg-type]


def test_every_agent_is_read_as_its_constructor_is() -> None:
    for part in registry.agents().values():
        name, _, attribute = part.entry.partition(":")
        taken = inspect.signature(getattr(import_module(name), attribute)).parameters
        found = settings_of(part.entry)
        assert {k: v.default for k, v in taken.items()} == {k: v.default for k, v in found.items()}
        assert all(each.meaning for each in found.values()), part.name


def test_showing_and_listing_import_no_agent() -> None:
    code = (
        "import sys; from leapbench.contract import registry\n"
        "found = [part.config for part in registry.agents().values()]\n"
        "assert found and 'torch' not in sys.modules and 'stable_baselines3' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

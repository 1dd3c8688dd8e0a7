"""Stands in for packages that released code imports and a benchmark does not use."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def stand_in(name: str, **attributes: Any) -> None:
    """A module for what is imported and not used, unless the real one is installed."""
    try:
        import_module(name)
    except ModuleNotFoundError:
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(attributes)

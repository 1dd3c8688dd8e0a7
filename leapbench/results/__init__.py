"""Result files: what a run found, written and read with its checks.

The module can be called: `leapbench.results(...)` is `leapbench.api.results.results`,
for a package cannot have a function and a room of one name.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return import_module("leapbench.api.results").results(*arguments, **named)


sys.modules[__name__].__class__ = _Callable

"""leapbench: benchmarks about spending something scarce well.

Importing this package registers its environments with Gymnasium, now if
Gymnasium is loaded, else as soon as it is; neither is imported for it. What scripts and
notebooks use, such as `leapbench.run`, is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leapbench.contract.registration import register_when_imported

if TYPE_CHECKING:
    from leapbench.api.boards import board, claims, compare
    from leapbench.api.develop import dev_score
    from leapbench.api.evaluate import evaluate
    from leapbench.api.load import load, push
    from leapbench.api.practice import make_env
    from leapbench.api.results import Results, results
    from leapbench.api.run import run
    from leapbench.errors import UserError

register_when_imported()

_OFFERED = {
    "Results": "leapbench.api.results",
    "UserError": "leapbench.errors",
    "board": "leapbench.api.boards",
    "claims": "leapbench.api.boards",
    "compare": "leapbench.api.boards",
    "dev_score": "leapbench.api.develop",
    "evaluate": "leapbench.api.evaluate",
    "load": "leapbench.api.load",
    "make_env": "leapbench.api.practice",
    "plan": "leapbench.api.costs",
    "push": "leapbench.api.load",
    "run": "leapbench.api.run",
}
"""Where each name lies; `results` is a room of the package that can be called."""
__all__ = [
    "Results",
    "UserError",
    "board",
    "claims",
    "compare",
    "dev_score",
    "evaluate",
    "load",
    "make_env",
    "plan",
    "push",
    "results",
    "run",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _OFFERED:
        return getattr(import_module(_OFFERED[name]), name)
    if name == "results":
        return import_module("leapbench.results")
    if name == "__version__":  # read on demand: importlib.metadata is slow to import
        return import_module("importlib.metadata").version("leapbench")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

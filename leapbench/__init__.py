"""leapbench: benchmarks about spending something scarce well.

Importing this package registers its environments with Gymnasium, now if
Gymnasium is loaded, else as soon as it is; neither is imported for it.
"""

from __future__ import annotations

from leapbench.contract.registration import register_when_imported

register_when_imported()


def __getattr__(name: str) -> str:
    if name == "__version__":  # read on demand: importlib.metadata is slow to import
        from importlib.metadata import version

        return version("leapbench")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

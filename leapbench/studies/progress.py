"""How far a study is, on the terminal."""

from __future__ import annotations

import sys


def shown(fraction: float, line: str) -> None:
    """Write over the last line how much is done, from 0 to 1, and at what it is."""
    sys.stderr.write(f"\r{fraction:4.0%} {line:60}")
    sys.stderr.flush()

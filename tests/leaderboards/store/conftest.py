"""Makes the bundles of `tests/leaderboards/bundle` importable here, in child processes too."""

from __future__ import annotations

import sys
from pathlib import Path

BUNDLES = Path(__file__).parents[1] / "bundle"
sys.path[:0] = [str(BUNDLES), str(Path(__file__).parent)]

"""Print constraints.txt: every direct and transitive dependency, resolved from an index.

Run by `make lock`. torch is pinned by hand below, because its newest release
decides what the committed results were made with.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = "all,dev"
PINS = ["torch==2.13.0", "setuptools<83"]
HEADER = """\
# Exact versions of all dependencies, direct and transitive, for Linux and Python 3.11+.
# `make demo` and `make test` install with them; `make lock` renews them.
"""


def resolve() -> list[str]:
    """`name==version` of everything that the package and its extras pull in."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.write("\n".join(PINS))
        pins.flush()
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        wanted = ["--constraint", pins.name, "--report", "-", f"{ROOT}[{EXTRAS}]"]
        report = subprocess.run([*pip, *wanted], check=True, capture_output=True, text=True)
    found = [item["metadata"] for item in json.loads(report.stdout)["install"]]
    # A local label such as +cpu names one build of the release that is pinned.
    pinned = [f"{m['name'].lower()}=={m['version'].partition('+')[0]}" for m in found]
    return sorted(line for line in pinned if not line.startswith("leapbench=="))


if __name__ == "__main__":
    sys.stdout.write(HEADER + "\n".join(resolve()) + "\n")

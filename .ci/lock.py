"""Print constraints.txt: every direct and transitive dependency, resolved from an index.

Run by `make lock`, which keeps the releases that are locked already; `make lock UPGRADE=1` asks
for the newest of all. torch is pinned by hand below, because its newest release decides what the
committed results were made with.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = "all,dev,docs"
PINS = ["torch===2.13.0", "setuptools<83"]
"""Three equals signs leave out a build such as 2.13.0+cpu, which does not name CUDA's packages."""
HEADER = """\
# Exact versions of all dependencies, direct and transitive, for Linux and Python 3.11+.
# `make demo` and `make test` install with them; `make lock` renews them.
"""
LOCKED = ROOT / "constraints.txt"


def kept() -> list[str]:
    """The releases that are locked already, but for those that are pinned here."""
    names = {re.split("[=<>]", pin)[0] for pin in PINS}
    lines = LOCKED.read_text().splitlines() if LOCKED.exists() else []
    return [line for line in lines if "==" in line and line.partition("==")[0] not in names]


def resolve(upgrade: bool) -> list[str]:
    """`name==version` of everything that the package and its extras pull in."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.write("\n".join([*PINS, *([] if upgrade else kept())]))
        pins.flush()
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        wanted = ["--constraint", pins.name, "--report", "-", f"{ROOT}[{EXTRAS}]"]
        report = subprocess.run([*pip, *wanted], check=True, capture_output=True, text=True)
    found = [item["metadata"] for item in json.loads(report.stdout)["install"]]
    pinned = [f"{m['name'].lower()}=={m['version']}" for m in found]
    return sorted(line for line in pinned if not line.startswith("leapbench=="))


if __name__ == "__main__":
    sys.stdout.write(HEADER + "\n".join(resolve("--upgrade" in sys.argv)) + "\n")

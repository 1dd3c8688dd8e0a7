"""What `import leapbench` costs in a fresh interpreter, beside Gymnasium's own import.

    python benchmarks/import_time.py

Milliseconds of CPU and of wall time, medians of interleaved rounds. The interpreter's own start
is not in them. What is imported, and what is not, is held by tests/api/test_api_run.py.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from statistics import median

MODULES = ("leapbench", "gymnasium", "torch")
CODE = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import {}
print(time.process_time() - cpu, time.perf_counter() - wall)
"""


def spent(module: str) -> tuple[float, float]:
    """Milliseconds of CPU and of wall time of one import."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(module)], capture_output=True, text=True, check=True
    )
    cpu, wall = (1000 * float(word) for word in done.stdout.split())
    return cpu, wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    found = [[spent(module) for module in MODULES] for _ in range(rounds)]
    own = median(row[0][0] for row in found)
    print(f"{'module':<10} {'CPU ms':>8} {'wall ms':>8} {'of leapbench':>13}")
    for module, each in zip(MODULES, zip(*found, strict=True), strict=True):
        cpu, wall = (median(values) for values in zip(*each, strict=True))
        print(f"{module:<10} {cpu:>8.1f} {wall:>8.1f} {cpu / own:>12.0f}x")


if __name__ == "__main__":
    main()

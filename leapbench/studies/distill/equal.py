"""Compares two teachers of equal compute: a long schedule at 75 %, a shorter one at its end.

    python -m leapbench.studies.distill.equal --out equal.json

In each cell students of the same first weights and data order learn from both. Finished cells
are kept, and the same command goes on.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from itertools import product
from pathlib import Path

from leapbench.envs.distill.setup import Setup
from leapbench.errors import plainly
from leapbench.studies.distill.regimes import (
    LENGTHS,
    SCHEDULES,
    STUDENTS,
    WRONG,
    gap,
    scenario,
    taught,
)

SHARE, CHECKPOINTS = 3, 4
"""The third of four checkpoints is the one at 75 %."""


def compared(
    schedule: str, length: int, wrong: int, student: str, instances: int
) -> dict[str, list[float]]:
    """Test accuracy in percent by `long` and by `short` teachers on each instance.

    Args:
        schedule: of the teachers' learning rate.
        length: epochs of the long schedule, a multiple of four.
        wrong: percent of labels.
        student: a name of `STUDENTS`.
        instances: how many.
    """
    name, kind = scenario(schedule, wrong), STUDENTS[student]
    long = Setup(trajectories=2, checkpoints=CHECKPOINTS, epochs=length, **kind)
    short = Setup(trajectories=2, checkpoints=1, epochs=length * SHARE // CHECKPOINTS, **kind)
    return {
        **taught(long, name, instances, {"long": SHARE - 1}),
        **taught(short, name, instances, {"short": 0}),
    }


@plainly()
def main() -> None:
    """Measure what is not there yet, and print the paired difference of every cell."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("equal.json"))
    asked = parser.parse_args()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    table = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    cells = list(product(SCHEDULES, LENGTHS, WRONG, STUDENTS))
    for schedule, length, wrong, student in cells:
        name = f"{schedule} {length} {wrong} {student}"
        if name not in table:
            table[name] = compared(schedule, length, wrong, student, asked.instances)
            asked.out.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        said(name, table[name])
    arms = ("long", "short")
    said("all cells", {arm: [x for cell in table.values() for x in cell[arm]] for arm in arms})


def said(name: str, found: dict[str, list[float]]) -> None:
    """Print a cell's difference, long less short, with its interval."""
    interval = gap(found, "long", "short")
    print(  # noqa: T201
        f"{name}: {interval.value:+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]", flush=True
    )


if __name__ == "__main__":
    main()

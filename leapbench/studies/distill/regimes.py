"""Maps where a half-way checkpoint is the better teacher, and where it is not.

    python -m leapbench.studies.distill.regimes --out docs/images/distill-regimes

writes a file .json and a picture .png. A cell is a schedule of the teachers'
learning rate, their length, the share of wrong labels and a kind of student; in each, students
of the same first weights and data order learn from the half-way and from the last checkpoint of
the same teachers, and from labels alone. Finished cells are kept, and the same command goes on.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.envs.distill.choices import Decision
from leapbench.envs.distill.exam import examined
from leapbench.envs.distill.setup import Setup
from leapbench.envs.distill.world import World, begin
from leapbench.errors import plainly
from leapbench.figures import matplotlib
from leapbench.leaderboards.statistics import Interval, mean_interval

SCHEDULES, LENGTHS, WRONG = ("cosine", "step"), (40, 160), (0, 40)
STUDENTS: Mapping[str, Mapping[str, Any]] = {
    "narrow": {"width": 24},
    "usual": {"width": 48},
    "other": {"patches": 2},
}
"""Arguments of the world for each kind; "other" is a convolution, the teachers are not."""
ARMS: Mapping[str, int | None] = {"half": 0, "full": 1, "none": None}
"""Which of a teacher's two checkpoints teaches."""
NUMBER = 9000
"""Of the first instance: boards and practice use others."""
COLOURS = {"wins": "#1b9e77", "ties": "#e8e8e4", "loses": "#d95f02"}


def scenario(schedule: str, wrong: int) -> str:
    """Name of a cell's scenario."""
    parts = [f"noise-{wrong}"] * (wrong > 0) + ["step"] * (schedule == "step")
    return "+".join(parts) or "clean"


def cells() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and contents of every cell."""
    for schedule, length, wrong, student in product(SCHEDULES, LENGTHS, WRONG, STUDENTS):
        yield (
            f"{schedule} {length} {wrong} {student}",
            {
                "schedule": schedule,
                "length": length,
                "wrong": wrong,
                "student": student,
            },
        )


def measured(cell: Mapping[str, Any], instances: int) -> dict[str, list[float]]:
    """Test accuracy in percent of each arm on each instance: the mean of two teachers' students."""
    setup = Setup(trajectories=2, checkpoints=2, epochs=cell["length"], **STUDENTS[cell["student"]])
    return taught(setup, scenario(cell["schedule"], cell["wrong"]), instances, ARMS)


def taught(
    setup: Setup, name: str, instances: int, arms: Mapping[str, int | None]
) -> dict[str, list[float]]:
    """Test accuracy in percent of students of each arm, as `measured` gives it.

    Args:
        setup: of the world; its two teachers are trained to their ends.
        name: of the scenario.
        instances: how many.
        arms: which checkpoint of a teacher teaches in every block; None for labels alone.
    """
    world = World(setup)
    plan = [(number, arm, j) for number in range(instances) for arm in arms for j in range(2)]
    episodes = [begin(setup, name, NUMBER + n, 2 * n + j, 1000.0) for n, _, j in plan]
    for _ in range(setup.checkpoints):
        world.advance(episodes, [Decision(extend=(0, 1))] * len(episodes))
    lessons = [lesson(setup, arms[arm], j) for _, arm, j in plan]
    for _ in range(setup.blocks):
        world.advance(episodes, lessons)
    found = np.array([100 * examined(one) for one in episodes]).reshape(instances, len(arms), 2)
    means = found.mean(2).round(4)
    return {arm: means[:, at].tolist() for at, arm in enumerate(arms)}


def lesson(setup: Setup, checkpoint: int | None, trajectory: int) -> Decision:
    """What a student is taught in every block: by a teacher's checkpoint, or by labels alone."""
    if checkpoint is None:
        return Decision(alpha=1.0, train=True)
    slot = trajectory * setup.checkpoints + checkpoint
    weights = tuple(float(at == slot) for at in range(setup.slots))
    return Decision(weights=weights, tau=setup.tau, alpha=setup.alpha, train=True)


def gap(found: Mapping[str, list[float]], arm: str = "half", over: str = "full") -> Interval:
    """Paired difference of two arms over instances, in points, with its 95 % interval."""
    return mean_interval([a - b for a, b in zip(found[arm], found[over], strict=True)])


def verdict(found: Mapping[str, list[float]]) -> str:
    """Whether half-way "wins", "ties" or "loses"."""
    interval = gap(found)
    return "wins" if interval.low > 0 else "loses" if interval.high < 0 else "ties"


def draw(table: Mapping[str, Any], path: Path) -> None:
    """Write the map as PNG.

    Raises:
        UserError: when Matplotlib is not installed.
    """
    mpl = matplotlib()
    rows, columns = list(product(SCHEDULES, LENGTHS)), list(product(WRONG, STUDENTS))
    figure = mpl.figure.Figure(figsize=(9.6, 4.4), layout="constrained")
    axes = figure.subplots()
    for name, cell in cells():
        if name not in table:
            continue
        x = columns.index((cell["wrong"], cell["student"]))
        y = rows.index((cell["schedule"], cell["length"]))
        interval, found = gap(table[name]), verdict(table[name])
        axes.add_patch(
            mpl.patches.Rectangle((x + 0.03, y + 0.03), 0.94, 0.94, color=COLOURS[found])
        )
        wide = (interval.high - interval.low) / 2
        ink = "black" if found == "ties" else "white"
        axes.text(x + 0.5, y + 0.42, f"{interval.value:+.1f}", ha="center", color=ink, size=14)
        axes.text(x + 0.5, y + 0.74, f"± {wide:.1f}, {found}", ha="center", color=ink, size=8)
    axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    axes.set_xticks(
        np.arange(len(columns)) + 0.5, [f"{student}\n{wrong} % wrong" for wrong, student in columns]
    )
    axes.set_yticks(
        np.arange(len(rows)) + 0.5, [f"{schedule}\n{length} epochs" for schedule, length in rows]
    )
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title(
        "Student's test accuracy: half-way teacher less converged teacher, points", fontsize=11
    )
    axes.set_xlabel("student and labels")
    axes.set_ylabel("schedule and length of the teacher")
    figure.savefig(path, dpi=110)


@plainly()
def main() -> None:
    """Measure what is not there yet, and draw."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("regimes"))
    asked = parser.parse_args()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    file = asked.out.with_suffix(".json")
    table: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for done, (name, cell) in enumerate(cells()):
        if name not in table:
            table[name] = measured(cell, asked.instances)
            file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        interval = gap(table[name])
        line = f"{name}: {interval.value:+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]"
        print(f"[{done + 1}/24] {line}", flush=True)  # noqa: T201
    draw(table, asked.out.with_suffix(".png"))


if __name__ == "__main__":
    main()

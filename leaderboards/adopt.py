"""Takes the user's finished rows over into the committed boards.

    python -m leapbench.leaderboards.adopt earlyexit/digits --tier smoke --runs runs

A row is taken when its file is valid, it ended well under the current protocol
with unchanged settings, everything in it follows from its episodes, and it was
made by committed code. What is refused is said, one line each.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from leapbench.contract import registry
from leapbench.contract.task import Task
from leapbench.errors import UserError, plainly
from leapbench.leaderboards.submissions.verify.follow import examine
from leapbench.leaderboards.submissions.verify.parts import named
from leapbench.results import packed
from leapbench.results.result import Result
from leapbench.running.cell import protocol_of

RESULTS = Path(__file__).parent / "results"


def refusal(found: Result) -> str:
    """Why a row may not stand on a committed board; empty when it may."""
    if found.status != "ok":
        return f"it ended as {found.status}: {found.message}"
    wrong = examine(found, named(found))
    for name, reason in wrong.items():
        if reason:
            return f"{name}: {reason}"
    if found.provenance.get("dirty", True):
        return "made by code that was not committed"
    changed = [p.name for p in found.agent.parts if p.settings or p.file_hash]
    return f"settings of {', '.join(changed)} are not the defaults" if changed else ""


def adopt(task: Task, tier: str, runs: Path, into: Path = RESULTS) -> tuple[int, list[str]]:
    """Pack every good row of one task and tier; how many, and what was refused.

    The seeds of an agent go into one file, beside those that were adopted before; a seed
    that was is replaced, and so are all seeds of another protocol or version.

    Args:
        task: the task.
        tier: the tier.
        runs: folder given to `leapbench run --out`.
        into: folder of the committed rows.
    """
    protocol_of(task, tier)
    place = Path(task.name) / tier
    refused: list[str] = []
    groups: dict[str, dict[int, Result]] = {}
    for path in packed.paths(runs / place):
        try:
            for found in packed.read_all(path):
                if reason := refusal(found):
                    refused.append(f"{path}: seed {found.seed}: {reason}")
                else:
                    groups.setdefault(found.agent.folder, {})[found.seed] = found
        except UserError as error:
            refused.append(str(error))
    for folder, rows in groups.items():
        file = into / place / f"{folder}.json"
        packed.write([*(_before(file, rows) | rows).values()], file)
    return sum(map(len, groups.values())), refused


def _before(file: Path, rows: dict[int, Result]) -> dict[int, Result]:
    """The rows of a file that are of the same protocol and agent, by seed."""
    if not file.exists():
        return {}
    like = next(iter(rows.values()))
    return {
        row.seed: row
        for row in packed.read_all(file)
        if (row.protocol_hash, row.agent) == (like.protocol_hash, like.agent)
    }


@plainly()
def main() -> None:
    """Adopt the rows of one task and tier."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--tier", default="smoke")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    asked = parser.parse_args()
    taken, refused = adopt(registry.task(asked.task), asked.tier, asked.runs)
    sys.stderr.writelines(f"refused {line}\n" for line in refused)
    sys.stdout.write(f"{taken} rows taken, {len(refused)} refused\n")


if __name__ == "__main__":
    main()

"""Takes the user's finished rows over into the committed boards.

    python -m leapbench.leaderboards.adopt earlyexit/digits --tier smoke --runs runs

A row is taken when its file is valid, it ended well under the current protocol
with unchanged settings, its metrics follow from its episodes, and it was made
by committed code. What is refused is said, one line each.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from leapbench import registry, result
from leapbench.cell import harness_of, protocol_of
from leapbench.errors import UserError
from leapbench.result import Result, same_metrics
from leapbench.task import Protocol, Task

RESULTS = Path(__file__).parent / "results"


def refusal(found: Result, task: Task, protocol: Protocol) -> str:
    """Why a row may not stand on a committed board; empty when it may."""
    if found.status != "ok":
        return f"it ended as {found.status}: {found.message}"
    if found.protocol_hash != protocol.hash:
        return f"protocol {found.protocol_hash}, the current one is {protocol.hash}"
    if found.provenance.get("dirty", True):
        return "made by code that was not committed"
    if not same_metrics(harness_of(task).metrics(protocol, found.rows()), found.metrics):
        return "its metrics do not follow from its episodes"
    declared = registry.agents()
    changed = [p.name for p in found.agent.parts if p.config != declared[p.name].config]
    return f"settings of {', '.join(changed)} are not the defaults" if changed else ""


def adopt(task: Task, tier: str, runs: Path, into: Path = RESULTS) -> tuple[int, list[str]]:
    """Copy every good row of one task and tier; how many, and what was refused.

    Args:
        task: the task.
        tier: the tier.
        runs: folder given to `leapbench run --out`.
        into: folder of the committed rows.
    """
    protocol, taken, refused = protocol_of(task, tier), 0, []
    for path in sorted((runs / task.name / tier).glob("*/seed-*.json")):
        try:
            found = result.read(path)
            reason = refusal(found, task, protocol)
        except UserError as error:
            reason = str(error)
        if reason:
            refused.append(f"{path}: {reason}")
            continue
        result.write(found, into / path.relative_to(runs))
        taken += 1
    return taken, refused


def main() -> None:
    """Adopt the rows of one task and tier."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--tier", default="smoke")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    asked = parser.parse_args()
    try:
        taken, refused = adopt(registry.task(asked.task), asked.tier, asked.runs)
    except UserError as error:
        sys.exit(f"error: {error}")
    sys.stderr.writelines(f"refused {line}\n" for line in refused)
    sys.stdout.write(f"{taken} rows taken, {len(refused)} refused\n")


if __name__ == "__main__":
    main()

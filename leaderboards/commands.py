"""What to type to get a row again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from leapbench.contract.task import Protocol
from leapbench.leaderboards.rows import BoardRow


def run_command(row: BoardRow, protocol: Protocol) -> str:
    """What to type to run a row again, safe to paste whatever the agent is called."""
    words = ["leapbench", "run", protocol.task, row.agent.name]
    words += ["--tier", protocol.tier, "--seeds", spans([e.result.seed for e in row.entries])]
    for part in row.agent.parts:
        for key, value in sorted(part.settings.items()):
            words += ["--set", f"{part.name}.{key}={value}"]
    return shlex.join(words)


def spans(seeds: Sequence[int]) -> str:
    """Seeds as `--seeds` takes them: "0-4,7"."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)

"""`lb.dev_score`: how good settings are, on episodes that no board knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from leapbench.api.run import Agent, Seeds, seeds_text, typed
from leapbench.errors import UserError
from leapbench.running import cell as cells
from leapbench.running import live
from leapbench.running.plan import plan

DEVELOPMENT = "development"
"""Moves the stream of held-out episodes away from the test's; names the folder as well."""


def dev_score(
    task: str,
    agent: Agent,
    *,
    settings: Mapping[str, Any] | Sequence[str] = (),
    seeds: Seeds = 0,
    tier: str = "smoke",
    device: str = "auto",
    out: str | Path = "runs",
) -> float:
    """Mean score on development episodes: for choosing settings, never for boards.

    Agents learn under the same budget. What they are evaluated on has other seeds than the
    test; where a family's data are a finite set, all its splits are drawn anew.

    Args:
        task: such as "urlb/entropy-grid".
        agent: as for `run`.
        settings: as for `run`.
        seeds: as for `run`; the mean is over them.
        tier: "smoke", "lite" or "paper".
        device: as for `run`.
        out: folder of the results; these are in `development` below it.

    Returns:
        In the units of the task's score, which `leapbench show TASK` names.

    Raises:
        UserError: for what `run` refuses, or when a seed did not end well.
    """
    own = Path(out) / DEVELOPMENT
    given = typed(settings)
    planned = plan(task, tier, [live.named(agent)], seeds_text(seeds), given, own, device=device)
    scores = []
    for cell in planned:
        found = cells.run(cell, lambda fraction, line: None, salt=DEVELOPMENT)
        if found.score is None:
            raise UserError(f"{cell.agent} seed {cell.seed} did not end well: {found.message}")
        scores.append(found.score)
    return fmean(scores)

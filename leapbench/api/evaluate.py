"""`lb.evaluate`: a task's own held-out episodes for what learned elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from leapbench.api.elsewhere import Elsewhere
from leapbench.api.fingerprint import digest
from leapbench.api.results import Results
from leapbench.api.run import Seeds, seeds_text
from leapbench.contract import registry
from leapbench.contract.task import Task
from leapbench.errors import UserError
from leapbench.running import cell as cells
from leapbench.running import live
from leapbench.running.cell import Cell
from leapbench.running.sweep import parse_seeds

ELSEWHERE = "learned elsewhere, its training was not metered; shown, not ranked"


def evaluate(
    task: str,
    policy: Any,
    *,
    name: str = "",
    tier: str = "smoke",
    seeds: Seeds = 0,
    model: str = "",
    out: str | Path = "runs",
    progress: bool = True,
) -> Results:
    """Play a task's own held-out episodes with what learned elsewhere.

    The results are result files as any other. On boards such rows are shown and not ranked,
    since nobody metered how the policy learned.

    Args:
        task: such as "activeview/niche".
        policy: what acts: anything with `predict(observation, state, episode_start,
            deterministic)`, such as a model of Stable-Baselines3; a `torch.nn.Module` or a
            function from a batch of observations (B, *observation shape) to actions
            (B, *action shape) or to scores (B, n) of discrete ones. A list is one a seed.
            A dictionary by name of phase is for tasks that evaluate several.
        name: what to call it on boards; else that of its class.
        tier: "smoke", "lite" or "paper".
        seeds: of the evaluation and of what the suite's own parts learn.
        model: where policies act on the outputs of a model, its name.
        out: folder of the results.
        progress: whether to show how it goes on.

    Returns:
        A result a seed, in order.

    Raises:
        UserError: for an unknown task or tier, or for what is no policy.
    """
    found = registry.task(task)
    protocol = cells.protocol_of(found, tier)
    numbers = parse_seeds(seeds_text(seeds))
    each = list(policy) if isinstance(policy, list) else [policy] * len(numbers)
    if len(each) != len(numbers):
        raise UserError(f"There are {len(each)} policies for {len(numbers)} seeds.")
    parts = {id(one): checked(found, one) for one in each}
    known = digest([name, each[0] if len({id(one) for one in each}) == 1 else each])
    made, plan = [], []
    for seed, one in zip(numbers, each, strict=True):
        make = partial(Elsewhere, parts[id(one)])
        facts = {"summary": ELSEWHERE, "ranked": False, "settings": {}}
        text = live.declare(make, name or named(one), known, _acting(found), **facts)
        text = f"{model}+{text}" if model else text
        plan.append(Cell(found.name, protocol.tier, text, seed, (), Path(out)))
        made.append(_played(plan[-1], progress))
    return Results(made, plan)


def _played(cell: Cell, progress: bool) -> Any:
    """The result of one seed; what is there already is played again, for it costs little."""
    from leapbench.api.run import swept

    cell.path.unlink(missing_ok=True)
    return swept([cell], 1, progress)[0]


def checked(task: Task, policy: Any) -> dict[str, Any]:
    """Policies by phase, "" for all.

    Raises:
        UserError: for what is no policy, or names no phase.
    """
    each = dict(policy) if isinstance(policy, Mapping) else {"": policy}
    phases = {phase.name for p in task.protocols.values() for phase in p.phases}
    for phase, one in each.items():
        if phase and phase not in phases:
            raise UserError(
                f"{task.name} has no phase {phase!r}.", f"It has: {', '.join(sorted(phases))}."
            )
        if not (hasattr(one, "predict") or callable(one)) or isinstance(one, type):
            raise UserError(
                f"{named(one)} is no policy.",
                "Expected something with `predict`, a torch.nn.Module or a function.",
            )
    if not each:
        raise UserError("There is no policy.")
    return each


def named(policy: Any) -> str:
    """What to call a policy: its function's name or its class's."""
    if isinstance(policy, Mapping) and policy:
        return named(next(iter(policy.values())))
    return str(getattr(policy, "__name__", "") or type(policy).__name__).strip("<>")


def _acting(task: Task) -> str:
    roles = {phase.role for p in task.protocols.values() for phase in p.phases} - {"model"}
    return "policy" if "policy" in roles or "policy" in task.default_agents else "agent"

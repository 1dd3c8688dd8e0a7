"""`lb.evaluate`: a task's own held-out episodes for what learned elsewhere."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from leapbench.api.results import Results
from leapbench.api.run import Seeds, seeds_text
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.task import Task
from leapbench.errors import InvalidOutput, UserError
from leapbench.running import cell as cells
from leapbench.running import live
from leapbench.running.cell import Cell
from leapbench.running.sweep import parse_seeds

ACTIONS = "actions.json"
ELSEWHERE = "learned elsewhere, its training was not metered; shown, not ranked"


class Elsewhere:
    """A policy that learned elsewhere, as a part: it learns nothing and is not saved.

    Args:
        policies: by name of the phase; under "" the one for the rest.
    """

    def __init__(self, policies: Mapping[str, Any]) -> None:
        self._policies = dict(policies)
        self._policy: Any = next(iter(policies.values()))
        self._space: gym.Space[Any] | None = None
        mode = getattr(self._policy, "observation_mode", "")
        if mode:
            self.observation_mode = mode

    def learn(self, phase: LearningPhase) -> None:
        """See which actions there are; nothing of the budget is spent."""
        if phase.make_env is not None:
            env = phase.make_env(1)
            self._space = env.single_action_space
            env.close()

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions; see `leapbench.contract.agent.Policy.predict`."""
        if hasattr(self._policy, "predict"):
            asked = {"episode_start": episode_start, "deterministic": deterministic}
            actions, state = self._policy.predict(observation, state, **asked)
            return np.asarray(actions), state
        return chosen(called(self._policy, observation), self._space), state

    def placed(self, phase: str) -> Elsewhere:
        """The part for one phase."""
        own = Elsewhere({"": self._policies.get(phase, self._policies.get("", self._policy))})
        own._space = self._space
        return own

    def save(self, folder: Path) -> None:
        """Write which actions there are (JSON); what it is remains where it was made."""
        (folder / ACTIONS).write_text(json.dumps(record(self._space)))

    def load(self, folder: Path) -> None:
        """Read which actions there are."""
        self._space = space(json.loads((folder / ACTIONS).read_text()))


def record(actions: gym.Space[Any] | None) -> dict[str, Any]:
    """Discrete or continuous actions as JSON data; empty for others."""
    if isinstance(actions, gym.spaces.Discrete):
        return {"n": int(actions.n), "start": int(actions.start)}
    if isinstance(actions, gym.spaces.Box):
        return {"low": actions.low.tolist(), "high": actions.high.tolist()}
    return {}


def space(told: Mapping[str, Any]) -> gym.Space[Any] | None:
    """What `record` gave, as a space."""
    if "n" in told:
        return gym.spaces.Discrete(told["n"], start=told["start"])
    if "low" in told:
        return gym.spaces.Box(np.array(told["low"], np.float32), np.array(told["high"], np.float32))
    return None


def called(policy: Any, observation: np.ndarray) -> np.ndarray:
    """What a module or function answers to a batch, as an array."""
    if not _is_module(policy):
        return np.asarray(policy(observation))
    import torch

    with torch.no_grad():
        device = next((p.device for p in policy.parameters()), torch.device("cpu"))
        answer = policy(torch.as_tensor(np.asarray(observation), device=device))
    return np.asarray(answer.cpu().numpy())


def chosen(answer: np.ndarray, space: gym.Space[Any] | None) -> np.ndarray:
    """Actions of what was answered: the highest of scores, continuous ones clipped.

    Args:
        answer: actions (B, *action shape), or a score for each discrete action (B, n).
        space: of one environment's actions.

    Raises:
        InvalidOutput: for scores that are as many as no action.
    """
    if isinstance(space, gym.spaces.Discrete) and answer.ndim == 2:
        if answer.shape[1] != space.n:
            raise InvalidOutput(f"a policy scored {answer.shape[1]} actions, there are {space.n}")
        return np.asarray(answer.argmax(axis=1) + space.start)
    if isinstance(space, gym.spaces.Box) and answer.dtype.kind == "f":
        return np.asarray(np.clip(answer, space.low, space.high))
    return answer


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


def digest(thing: Any) -> str:
    """SHA-256 of what a policy is: its class's source, and its weights and plain values."""
    found = hashlib.sha256()
    for piece in _pieces(thing, set()):
        found.update(piece + b"\0")
    return found.hexdigest()


def _pieces(thing: Any, seen: set[int]) -> Iterator[bytes]:
    if isinstance(thing, live.PLAIN):
        yield repr(thing).encode()
        return
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        yield f"{thing.dtype}{thing.shape}".encode() + np.ascontiguousarray(thing).tobytes()
    elif hasattr(thing, "detach"):
        yield from _pieces(thing.detach().cpu().numpy(), set())
    elif isinstance(thing, Mapping):
        for key in thing:
            yield str(key).encode()
            yield from _pieces(thing[key], seen)
    elif isinstance(thing, Sequence | set | frozenset):
        for one in thing if isinstance(thing, Sequence) else sorted(thing, key=repr):
            yield from _pieces(one, seen)
    elif callable(thing) and hasattr(thing, "__code__"):
        yield live.source_digest(thing).encode()
    else:
        yield from _object(thing, seen)


def _object(thing: Any, seen: set[int]) -> Iterator[bytes]:
    """An object: a module by its weights, a model of Stable-Baselines3 by its policy's."""
    kind = type(thing)
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    if hasattr(getattr(thing, "policy", None), "state_dict"):
        yield from _pieces(thing.policy.state_dict(), seen)
    elif hasattr(thing, "state_dict"):
        yield from _pieces(dict(thing.state_dict()), seen)
    else:
        if kind.__module__ == "__main__":
            yield live.source_digest(kind).encode()
        yield from _pieces(getattr(thing, "__dict__", {}), seen)


def _is_module(policy: Any) -> bool:
    torch: Any = sys.modules.get("torch")
    return torch is not None and isinstance(policy, torch.nn.Module)


def _acting(task: Task) -> str:
    roles = {phase.role for p in task.protocols.values() for phase in p.phases} - {"model"}
    return "policy" if "policy" in roles or "policy" in task.default_agents else "agent"
